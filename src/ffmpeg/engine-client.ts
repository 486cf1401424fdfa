/**
 * Client of one shared media engine process, which handles one request at a time, and runs one resident
 * between them: a test picture.
 * In: requests with media bytes; a resident. Out: bytes of the answers; messages of the resident. The process
 * starts at the first request and after a crash, and is closed when idle. A request during which it crashes
 * is made once more, and the resident continues in the next process.
 */
import { sleep, waitFor, withDeadline } from '../lib/abort.ts';
import { OxbowError, reasonOf, sentenceOf } from '../lib/errors.ts';
import { type ChildSetup, type EngineChild, openChild } from './child-process.ts';
import {
  type Answer,
  messageKinds,
  type Operation,
  parseAnswer,
  printMessage,
  printRequest,
} from './frame-protocol.ts';

/** Limits of the client. */
interface EngineLimits {
  /** Longest duration of a running request, ms. */
  readonly requestMs: number;
  /** Longest start of the process, ms. */
  readonly startMs: number;
  /**
   * Time without a request after which the process is closed, ms: longer than the largest distance of the
   * pictures of a storyboard, because a start costs more than a picture.
   */
  readonly idleMs: number;
  /** Requests after which the process is replaced: libraries may not free all that a request took. */
  readonly maxRequests: number;
  /** Most waiting requests. */
  readonly maxQueued: number;
  /** Largest input of a request, bytes. */
  readonly maxInputBytes: number;
  /** A resident is started again at most once in this time, ms. */
  readonly moveEveryMs: number;
}

const engineLimits: EngineLimits = {
  requestMs: 5_000,
  startMs: 20_000,
  idleMs: 150_000,
  maxRequests: 5_000,
  maxQueued: 64,
  maxInputBytes: 64 * 1024 * 1024,
  moveEveryMs: 10_000,
};

/** Enough for a few 8K frames; about 640 MB of it are Node's own reservations. */
const MAX_DATA_BYTES = 2 * 1024 * 1024 * 1024;

/** Work that the process does between the requests, until it is released. */
export interface Resident {
  /** The request that starts it; asked again for each process. */
  start(): Operation;
  /** A message of it. An exception ends the process. */
  onMessage(kind: number, payload: Uint8Array): void;
  /** Its process has ended, and it was not started again. Not called after its release. */
  onEnded(why: string): void;
}

/** A resident that was started. */
export interface Residence {
  /** Process id; undefined while it has none. */
  readonly pid: number | undefined;
  /** Ends the process, because the resident hangs. */
  kill(why: string): void;
  /**
   * Ends the resident, and a process that has had no other request. Resolves when that has ended. May be
   * called twice.
   */
  release(): Promise<void>;
}

/** The answer to a request. */
export type EngineAnswer = Pick<Answer, 'bytes' | 'cpuUs'>;

interface Job {
  readonly operation: Operation;
  readonly bytes: Uint8Array;
  readonly signal: AbortSignal;
  /** It starts this resident. */
  readonly lodger: Lodger | undefined;
  /** The process has crashed during it. */
  isRetried: boolean;
  settle(outcome: { readonly answer: EngineAnswer } | { readonly error: unknown }): void;
}

interface EngineWorker {
  readonly child: EngineChild;
  /** Fires when the child has ended, with the failure of a request that waits. */
  readonly gone: AbortSignal;
  /** Requests so far, and how many of them have started a resident. */
  requests: number;
  moves: number;
  /** It is to end: that is no crash. */
  isStopped: boolean;
  /** Receives the answer of the running request. */
  onAnswer: ((answer: Answer) => void) | undefined;
}

/** The resident of a client, and where it is. */
interface Lodger {
  readonly resident: Resident;
  /** Aborts its start. */
  readonly leaving: AbortController;
  /** Where it runs, since when, and the request that started it. */
  worker: EngineWorker | undefined;
  startId: number;
  /** The request was answered: messages are of this resident, and not of one before it. */
  isStarted: boolean;
  movedMs: number;
}

/** The process ended by itself during a request. */
class EngineCrash extends OxbowError {}

/**
 * Sends requests to the shared process. Disposing rejects waiting requests and ends the process with its
 * resident; later requests start it again.
 */
export class EngineClient implements AsyncDisposable {
  readonly #limits: EngineLimits;
  #queue: Job[] = [];
  #serving: Promise<void> | undefined;
  #worker: EngineWorker | undefined;
  #lodger: Lodger | undefined;
  #idle: AbortController | undefined;
  /** Settles when all stopped children have ended. */
  #stopped: Promise<unknown> = Promise.resolve();
  #closing = false;
  #nextId = 1;

  constructor(limits: Partial<EngineLimits> = {}) {
    this.#limits = { ...engineLimits, ...limits };
  }

  /** Process id of the child, undefined if none runs. */
  get pid(): number | undefined {
    return this.#worker?.child.pid;
  }

  /**
   * Sends one request. Abort rejects at once; a running request continues to its end or limit, and its answer
   * is dropped.
   *
   * @returns bytes of the answer; their meaning depends on the operation
   * @throws OxbowError `engine-failed` if the queue is full, the input too large, the media unreadable, the
   *   time over, or the process ended twice
   */
  async request(operation: Operation, bytes: Uint8Array, { signal }: { signal: AbortSignal }): Promise<Uint8Array> {
    return (await this.measure(operation, bytes, { signal })).bytes;
  }

  /** As `request`, and returns the processor time too. */
  measure(operation: Operation, bytes: Uint8Array, { signal }: { signal: AbortSignal }): Promise<EngineAnswer> {
    if (signal.aborted) return Promise.reject(signal.reason);
    const { maxQueued, maxInputBytes } = this.#limits;
    const waiting = this.#queue.length;
    const isTooLarge = bytes.length > maxInputBytes;
    if (waiting < maxQueued && !isTooLarge) return this.#add({ operation, bytes, signal }, 'last');
    return Promise.reject(
      isTooLarge
        ? new OxbowError(
            'engine-failed',
            `${bytes.length} bytes exceed the input limit of the media engine (${maxInputBytes}).`,
          )
        : new OxbowError('engine-failed', `${waiting} requests already wait for the media engine.`),
    );
  }

  /**
   * Starts a resident. Abort rejects at once.
   *
   * @returns undefined if there is one already
   * @throws OxbowError `engine-failed` if it cannot be started
   */
  async host(resident: Resident, { signal }: { signal: AbortSignal }): Promise<Residence | undefined> {
    signal.throwIfAborted();
    if (this.#lodger) return undefined;
    const lodger: Lodger = {
      resident,
      leaving: new AbortController(),
      worker: undefined,
      startId: 0,
      isStarted: false,
      movedMs: Number.NEGATIVE_INFINITY,
    };
    this.#lodger = lodger;
    const onAbort = () => lodger.leaving.abort(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      await this.#start(lodger);
    } catch (error) {
      await this.#release(lodger);
      throw error;
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
    return {
      get pid() {
        return lodger.worker?.child.pid;
      },
      kill: (why) => lodger.worker?.child.kill(why),
      release: () => this.#release(lodger),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing = true;
    const waiting = this.#queue;
    this.#queue = [];
    for (const job of waiting) job.settle({ error: new OxbowError('engine-failed', 'The media engine was closed.') });
    const lodger = this.#lodger;
    this.#lodger = undefined;
    this.#stop('closed');
    lodger?.resident.onEnded('closed');
    await this.#serving;
    this.#stop('closed');
    this.#idle?.abort();
    await this.#stopped;
    this.#closing = false;
  }

  #add(
    {
      operation,
      bytes,
      signal,
      lodger,
    }: Pick<Job, 'operation' | 'bytes' | 'signal'> & { readonly lodger?: Lodger | undefined },
    place: 'first' | 'last',
  ): Promise<EngineAnswer> {
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        this.#queue = this.#queue.filter((other) => other !== job);
        reject(signal.reason);
      };
      const job: Job = {
        operation,
        bytes,
        signal,
        lodger,
        isRetried: false,
        settle(outcome) {
          signal.removeEventListener('abort', onAbort);
          if ('answer' in outcome) resolve(outcome.answer);
          else reject(outcome.error);
        },
      };
      signal.addEventListener('abort', onAbort, { once: true });
      if (place === 'last') this.#queue.push(job);
      else this.#queue.unshift(job);
      this.#idle?.abort();
      this.#serving ??= this.#serveAll();
    });
  }

  async #serveAll(): Promise<void> {
    try {
      for (let job = this.#queue.shift(); job; job = this.#queue.shift()) {
        try {
          job.settle({ answer: await this.#serve(job) });
        } catch (error) {
          if (error instanceof EngineCrash && !job.isRetried && !job.lodger && !job.signal.aborted && !this.#closing) {
            job.isRetried = true;
            this.#queue.unshift(job);
          } else job.settle({ error });
        }
      }
    } finally {
      this.#serving = undefined;
      this.#closeWhenIdle();
    }
  }

  async #serve({ operation, bytes, lodger }: Job): Promise<EngineAnswer> {
    const worker = this.#worker ?? (await this.#spawn());
    const id = this.#nextId++ >>> 0;
    const answered = new Promise<Answer>((resolve) => {
      worker.onAnswer = resolve;
    });
    if (lodger) {
      Object.assign(lodger, { worker, startId: id, isStarted: false, movedMs: performance.now() });
      worker.moves++;
    }
    worker.child.send(printRequest({ id, operation, bytes }));
    const answer = await this.#within(this.#limits.requestMs, `the request (${operation.what})`, worker, answered);
    worker.onAnswer = undefined;
    worker.requests++;
    if (worker.requests >= this.#limits.maxRequests) this.#stop('replaced');
    if (answer.id !== id) {
      this.#stop('it answered out of order');
      throw new OxbowError('engine-failed', 'The media engine answered out of order.');
    }
    if (!answer.ok) throw new OxbowError('engine-failed', sentenceOf(new TextDecoder().decode(answer.bytes)));
    return answer;
  }

  /** Starts the resident, before the requests that wait. */
  async #start(lodger: Lodger): Promise<void> {
    const { signal } = lodger.leaving;
    signal.throwIfAborted();
    await this.#add({ operation: lodger.resident.start(), bytes: new Uint8Array(0), signal, lodger }, 'first');
    // Released while it started: its answer was not awaited.
    signal.throwIfAborted();
  }

  /** The process of the resident has ended: it continues in the next one, unless it has only just moved. */
  #move(lodger: Lodger, why: string): void {
    lodger.worker = undefined;
    lodger.isStarted = false;
    const isOften = performance.now() - lodger.movedMs < this.#limits.moveEveryMs;
    const end = (reason: string) => {
      if (this.#lodger !== lodger) return;
      this.#lodger = undefined;
      lodger.resident.onEnded(reason);
    };
    if (isOften) end(why);
    else this.#start(lodger).catch((error: unknown) => end(reasonOf(error)));
  }

  async #release(lodger: Lodger): Promise<void> {
    if (this.#lodger === lodger) {
      this.#lodger = undefined;
      lodger.leaving.abort();
      lodger.worker?.child.send(printMessage(messageKinds.end));
      if (!this.#serving) this.#closeWhenIdle();
    }
    await this.#stopped;
  }

  #onMessage(worker: EngineWorker, kind: number, payload: Uint8Array): void {
    const lodger = this.#lodger?.worker === worker ? this.#lodger : undefined;
    if (kind === messageKinds.answer) {
      const answer = parseAnswer(payload);
      if (lodger && answer.id === lodger.startId) lodger.isStarted = answer.ok;
      worker.onAnswer?.(answer);
    } else if (lodger?.isStarted) lodger.resident.onMessage(kind, payload);
  }

  async #spawn(): Promise<EngineWorker> {
    let worker: EngineWorker | undefined;
    let onReady = () => {};
    const ready = new Promise<void>((resolve) => {
      onReady = resolve;
    });
    const setup: ChildSetup = {
      entry: 'answer-main',
      maxDataBytes: MAX_DATA_BYTES,
      onMessage: (kind, payload) => {
        if (kind === messageKinds.ready) onReady();
        else if (worker) this.#onMessage(worker, kind, payload);
      },
    };
    const child = await openChild(setup);
    if (this.#closing) {
      await child[Symbol.asyncDispose]();
      throw new OxbowError('engine-failed', 'The media engine was closed.');
    }
    const ending = new AbortController();
    const spawned: EngineWorker = {
      child,
      gone: ending.signal,
      requests: 0,
      moves: 0,
      isStopped: false,
      onAnswer: undefined,
    };
    worker = spawned;
    this.#worker = spawned;
    void child.ended.then((why) => {
      const Failure = spawned.isStopped ? OxbowError : EngineCrash;
      ending.abort(new Failure('engine-failed', `The media engine ended: ${why}.`));
      if (this.#worker === spawned) this.#worker = undefined;
      if (this.#lodger?.worker === spawned) this.#move(this.#lodger, why);
    });
    await this.#within(this.#limits.startMs, 'starting', spawned, ready);
    return spawned;
  }

  /** Kills the child; it receives no more requests. */
  #stop(why: string): void {
    if (!this.#worker) return;
    const { child } = this.#worker;
    this.#worker.isStopped = true;
    this.#worker = undefined;
    child.kill(why);
    this.#stopped = Promise.all([this.#stopped, child.ended]);
  }

  /** Waits for `event`. Rejects if the child ends; the time limit kills it. */
  async #within<T>(ms: number, operation: string, worker: EngineWorker, event: Promise<T>): Promise<T> {
    const { child } = worker;
    const done = new AbortController();
    using deadline = withDeadline(ms, operation, { signal: done.signal });
    const onDeadline = () => {
      worker.isStopped = true;
      child.kill(reasonOf(deadline.signal.reason));
    };
    deadline.signal.addEventListener('abort', onDeadline, { once: true });
    try {
      // Not Promise.race with the end of the child: that would keep each answer until then.
      return await waitFor(event, { signal: worker.gone });
    } finally {
      deadline.signal.removeEventListener('abort', onDeadline);
    }
  }

  #closeWhenIdle(): void {
    if (!this.#worker || this.#lodger?.worker === this.#worker) return;
    this.#idle?.abort();
    // Only a test picture was there: it takes the process with it.
    if (this.#worker.requests <= this.#worker.moves) {
      this.#stop('not used');
      return;
    }
    const idle = new AbortController();
    this.#idle = idle;
    sleep(this.#limits.idleMs, { signal: idle.signal }).then(
      () => this.#stop('idle'),
      () => {}, // A new request, or closed.
    );
  }
}
