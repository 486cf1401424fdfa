/**
 * One shared media engine process that answers questions about bytes, one after the other.
 * In: questions with their bytes. Out: answers as bytes. Started when first asked, again after a crash, closed when idle.
 */
import { sleep, withDeadline } from '../lib/abort.ts';
import { messageOf, OxbowError } from '../lib/errors.ts';
import { type ChildSetup, type EngineChild, openChild } from './child-process.ts';
import { type Answer, messageKinds, parseAnswer, printRequest, type Question } from './frame-protocol.ts';

/** How long and how much. */
export interface EngineLimits {
  /** Longest a request may run once it is its turn, ms. */
  readonly requestMs: number;
  /** Longest the process may take to start, ms. */
  readonly startMs: number;
  /** The process is closed after this long without a request, ms. */
  readonly idleMs: number;
  /** Most requests that wait. */
  readonly maxQueued: number;
  /** Longest input of a request, bytes. */
  readonly maxInputBytes: number;
}

/** The limits that oxbow runs with. */
export const engineLimits: EngineLimits = {
  requestMs: 5_000,
  startMs: 20_000,
  idleMs: 30_000,
  maxQueued: 64,
  maxInputBytes: 64 * 1024 * 1024,
};

/** Room for a few 8K frames; Node's own reservations count with about 640 MB. */
const MAX_DATA_BYTES = 2 * 1024 * 1024 * 1024;

interface Job {
  readonly question: Question;
  readonly bytes: Uint8Array;
  readonly signal: AbortSignal;
  settle(outcome: { readonly bytes: Uint8Array } | { readonly error: unknown }): void;
}

interface EngineWorker {
  readonly child: EngineChild;
  /** Who waits for its answer. */
  onAnswer: ((answer: Answer) => void) | undefined;
}

/** Asks the shared process. Disposing refuses what waits and ends the process; it may be asked again afterwards. */
export class EngineClient implements AsyncDisposable {
  readonly #limits: EngineLimits;
  #queue: Job[] = [];
  #serving: Promise<void> | undefined;
  #worker: EngineWorker | undefined;
  #idle: AbortController | undefined;
  /** Settles when the child that was last let go is gone. */
  #stopped: Promise<unknown> = Promise.resolve();
  #closing = false;
  #nextId = 1;

  constructor(limits: Partial<EngineLimits> = {}) {
    this.#limits = { ...engineLimits, ...limits };
  }

  /** Process id of the child, undefined while none runs. */
  get pid(): number | undefined {
    return this.#worker?.child.pid;
  }

  /**
   * Asks one question. Abort: rejects at once; a request that had begun still runs to its end or limit, unheard.
   *
   * @returns the answer's bytes, whose meaning depends on the question
   * @throws OxbowError `engine-failed` when the queue is full, the input too long, the media unreadable, the time up, or the engine gone
   */
  request(question: Question, bytes: Uint8Array, { signal }: { signal: AbortSignal }): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      if (this.#queue.length >= this.#limits.maxQueued) {
        return reject(
          new OxbowError('engine-failed', `${this.#queue.length} requests wait for the media engine already`),
        );
      }
      if (bytes.length > this.#limits.maxInputBytes) {
        return reject(new OxbowError('engine-failed', `${bytes.length} bytes are too many for the media engine`));
      }
      const onAbort = () => {
        this.#queue = this.#queue.filter((other) => other !== job);
        reject(signal.reason);
      };
      const job: Job = {
        question,
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
    for (const job of waiting) job.settle({ error: new OxbowError('engine-failed', 'the media engine was closed') });
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
    worker.child.send(printRequest({ id, question: job.question, bytes: job.bytes }));
    const answer = await this.#within(
      this.#limits.requestMs,
      `the request (${job.question.what})`,
      worker.child,
      answered,
    );
    worker.onAnswer = undefined;
    if (answer.id !== id) {
      this.#stop('it answered out of order');
      throw new OxbowError('engine-failed', 'the media engine answered out of order');
    }
    if (!answer.ok) throw new OxbowError('engine-failed', new TextDecoder().decode(answer.bytes));
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
      throw new OxbowError('engine-failed', 'the media engine was closed');
    }
    const spawned: EngineWorker = { child, onAnswer: undefined };
    worker = spawned;
    this.#worker = spawned;
    void child.ended.then(() => {
      if (this.#worker === spawned) this.#worker = undefined;
    });
    await this.#within(this.#limits.startMs, 'starting', child, ready);
    return spawned;
  }

  /** Lets the child go: no request reaches it any more. */
  #stop(why: string): void {
    if (!this.#worker) return;
    const { child } = this.#worker;
    this.#worker = undefined;
    child.kill(why);
    this.#stopped = Promise.all([this.#stopped, child.ended]);
  }

  /** Waits for `event`; the child's end and the time limit, which kills it, become errors. */
  async #within<T>(ms: number, what: string, child: EngineChild, event: Promise<T>): Promise<T> {
    const done = new AbortController();
    using deadline = withDeadline(ms, what, { signal: done.signal });
    const onDeadline = () => child.kill(messageOf(deadline.signal.reason));
    deadline.signal.addEventListener('abort', onDeadline, { once: true });
    const gone = child.ended.then((why): never => {
      throw new OxbowError('engine-failed', `the media engine ended: ${why}`);
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
      () => {}, // Asked again, or closed.
    );
  }
}
