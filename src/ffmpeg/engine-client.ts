/**
 * Client of one shared media engine process, which handles one request at a time.
 * In: requests with media bytes. Out: bytes of the answers. The process starts at the first request and after
 * a crash, and is closed when idle.
 */
import { sleep, withDeadline } from '../lib/abort.ts';
import { OxbowError, reasonOf, sentenceOf } from '../lib/errors.ts';
import { type ChildSetup, type EngineChild, openChild } from './child-process.ts';
import { type Answer, messageKinds, type Operation, parseAnswer, printRequest } from './frame-protocol.ts';

/** Limits of the client. */
interface EngineLimits {
  /** Longest duration of a running request, ms. */
  readonly requestMs: number;
  /** Longest start of the process, ms. */
  readonly startMs: number;
  /** Time without a request after which the process is closed, ms. */
  readonly idleMs: number;
  /** Requests after which the process is replaced: libraries may not free all that a request took. */
  readonly maxRequests: number;
  /** Most waiting requests. */
  readonly maxQueued: number;
  /** Largest input of a request, bytes. */
  readonly maxInputBytes: number;
}

const engineLimits: EngineLimits = {
  requestMs: 5_000,
  startMs: 20_000,
  idleMs: 30_000,
  maxRequests: 5_000,
  maxQueued: 64,
  maxInputBytes: 64 * 1024 * 1024,
};

/** Enough for a few 8K frames; about 640 MB of it are Node's own reservations. */
const MAX_DATA_BYTES = 2 * 1024 * 1024 * 1024;

interface Job {
  readonly operation: Operation;
  readonly bytes: Uint8Array;
  readonly signal: AbortSignal;
  settle(outcome: { readonly bytes: Uint8Array } | { readonly error: unknown }): void;
}

interface EngineWorker {
  readonly child: EngineChild;
  /** Requests so far. */
  requests: number;
  /** Receives the answer of the running request. */
  onAnswer: ((answer: Answer) => void) | undefined;
}

/**
 * Sends requests to the shared process. Disposing rejects waiting requests and ends the process; later
 * requests start it again.
 */
export class EngineClient implements AsyncDisposable {
  readonly #limits: EngineLimits;
  #queue: Job[] = [];
  #serving: Promise<void> | undefined;
  #worker: EngineWorker | undefined;
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
   *   time over, or the process ended
   */
  request(operation: Operation, bytes: Uint8Array, { signal }: { signal: AbortSignal }): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      if (this.#queue.length >= this.#limits.maxQueued) {
        return reject(
          new OxbowError('engine-failed', `${this.#queue.length} requests already wait for the media engine.`),
        );
      }
      if (bytes.length > this.#limits.maxInputBytes) {
        return reject(
          new OxbowError(
            'engine-failed',
            `${bytes.length} bytes exceed the input limit of the media engine (${this.#limits.maxInputBytes}).`,
          ),
        );
      }
      const onAbort = () => {
        this.#queue = this.#queue.filter((other) => other !== job);
        reject(signal.reason);
      };
      const job: Job = {
        operation,
        bytes,
        signal,
        settle(outcome) {
          signal.removeEventListener('abort', onAbort);
          if ('bytes' in outcome) resolve(outcome.bytes);
          else reject(outcome.error);
        },
      };
      signal.addEventListener('abort', onAbort, { once: true });
      this.#queue.push(job);
      this.#idle?.abort();
      this.#serving ??= this.#serveAll();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing = true;
    const waiting = this.#queue;
    this.#queue = [];
    for (const job of waiting) job.settle({ error: new OxbowError('engine-failed', 'The media engine was closed.') });
    this.#stop('closed');
    await this.#serving;
    this.#stop('closed');
    this.#idle?.abort();
    await this.#stopped;
    this.#closing = false;
  }

  async #serveAll(): Promise<void> {
    try {
      for (let job = this.#queue.shift(); job; job = this.#queue.shift()) {
        try {
          job.settle({ bytes: await this.#serve(job) });
        } catch (error) {
          job.settle({ error });
        }
      }
    } finally {
      this.#serving = undefined;
      this.#closeWhenIdle();
    }
  }

  async #serve(job: Job): Promise<Uint8Array> {
    const worker = this.#worker ?? (await this.#spawn());
    const id = this.#nextId++ >>> 0;
    const answered = new Promise<Answer>((resolve) => {
      worker.onAnswer = resolve;
    });
    worker.child.send(printRequest({ id, operation: job.operation, bytes: job.bytes }));
    const answer = await this.#within(
      this.#limits.requestMs,
      `the request (${job.operation.what})`,
      worker.child,
      answered,
    );
    worker.onAnswer = undefined;
    worker.requests++;
    if (worker.requests >= this.#limits.maxRequests) this.#stop('replaced');
    if (answer.id !== id) {
      this.#stop('it answered out of order');
      throw new OxbowError('engine-failed', 'The media engine answered out of order.');
    }
    if (!answer.ok) throw new OxbowError('engine-failed', sentenceOf(new TextDecoder().decode(answer.bytes)));
    return answer.bytes;
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
      onMessage(kind, payload) {
        if (kind === messageKinds.ready) onReady();
        else if (kind === messageKinds.answer) worker?.onAnswer?.(parseAnswer(payload));
      },
    };
    const child = await openChild(setup);
    if (this.#closing) {
      await child[Symbol.asyncDispose]();
      throw new OxbowError('engine-failed', 'The media engine was closed.');
    }
    const spawned: EngineWorker = { child, requests: 0, onAnswer: undefined };
    worker = spawned;
    this.#worker = spawned;
    void child.ended.then(() => {
      if (this.#worker === spawned) this.#worker = undefined;
    });
    await this.#within(this.#limits.startMs, 'starting', child, ready);
    return spawned;
  }

  /** Kills the child; it receives no more requests. */
  #stop(why: string): void {
    if (!this.#worker) return;
    const { child } = this.#worker;
    this.#worker = undefined;
    child.kill(why);
    this.#stopped = Promise.all([this.#stopped, child.ended]);
  }

  /** Waits for `event`. Rejects if the child ends; the time limit kills it. */
  async #within<T>(ms: number, operation: string, child: EngineChild, event: Promise<T>): Promise<T> {
    const done = new AbortController();
    using deadline = withDeadline(ms, operation, { signal: done.signal });
    const onDeadline = () => child.kill(reasonOf(deadline.signal.reason));
    deadline.signal.addEventListener('abort', onDeadline, { once: true });
    const gone = child.ended.then((why): never => {
      throw new OxbowError('engine-failed', `The media engine ended: ${why}.`);
    });
    try {
      return await Promise.race([event, gone]);
    } finally {
      deadline.signal.removeEventListener('abort', onDeadline);
    }
  }

  #closeWhenIdle(): void {
    if (!this.#worker) return;
    const idle = new AbortController();
    this.#idle = idle;
    sleep(this.#limits.idleMs, { signal: idle.signal }).then(
      () => this.#stop('idle'),
      () => {}, // A new request, or closed.
    );
  }
}
