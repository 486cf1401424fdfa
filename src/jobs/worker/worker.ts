/**
 * A worker: registers with a server, runs the jobs that it gets, and leaves in order. It has HTTP and a
 * token, nothing else.
 * In: the address of a server, handlers by kind. Out: results on the server. docs/6-library/workers.md.
 */
import type { EncoderView } from '../../api/workers/encoder-shapes.ts';
import type {
  HeartbeatAnswer,
  JobOffer,
  NewWorker,
  WorkerLine,
  WorkerRegistration,
} from '../../api/workers/worker-shapes.ts';
import { backoffMs, sleep } from '../../lib/abort.ts';
import { OxbowError, reasonOf } from '../../lib/errors.ts';
import type { Telemetry } from '../../observe/traces/telemetry.ts';
import type { WorkerHandler } from '../worker-job.ts';
import { RunningJobs } from './running-jobs.ts';
import { type ServerAddress, ServerClient, Unreachable } from './server-client.ts';

export interface WorkerOptions extends NewWorker {
  readonly server: ServerAddress;
  /** By kind. */
  readonly handlers: Readonly<Record<string, WorkerHandler>>;
  /** Its hardware encoders, which heartbeats report; none by default. */
  readonly encoders?: { view(): readonly EncoderView[] };
  /** One line for a person. */
  readonly log: (text: string) => void;
  /** Spans of its jobs, below those of the server; none by default. */
  readonly telemetry?: Pick<Telemetry, 'begin' | 'ended'>;
  /** The worker gives its jobs back and leaves. */
  readonly signal: AbortSignal;
  /** Called when it has registered, for the first time or again. */
  readonly onRegistered?: (id: string) => void;
  /** Called when the server gives it no more jobs. */
  readonly onDrain?: () => void;
}

/** Why a worker ended: the signal, an administrator, or a handler that does not stop. */
export type WorkerEnd = 'left' | 'drained' | 'stuck';

type SessionEnd = WorkerEnd | 'unknown';

/** A claim waits this long, ms. */
const CLAIM_MS = 20_000;
/**
 * Interval of the check whether a heartbeat is due, ms: progress is sent once a second, otherwise at the
 * interval of the server.
 */
const LOOK_EVERY_MS = 1000;
/** A response that sends nothing for this long is lost, ms; the server sends a line every 2.5 s. */
const SILENCE_MS = 8000;
/** Jobs are stopped when the server cannot be reached for this long, ms. */
const ABANDON_AFTER_MS = 60_000;
const REQUEST_MS = 5000;
/** Most encoders that a heartbeat may have. */
const MAX_ENCODERS = 64;

/**
 * Runs a worker until its signal fires or it is drained.
 *
 * @throws OxbowError if the server refuses the worker, e.g. `unauthorized`
 */
export async function runWorker(options: WorkerOptions): Promise<WorkerEnd> {
  using client = new ServerClient(options.server);
  return await new Worker(client, options).run(); // the connections are closed after it
}

class Worker {
  readonly #client: ServerClient;
  readonly #options: WorkerOptions;
  readonly #jobs: RunningJobs;
  #wake = Promise.withResolvers<void>();
  #freed = Promise.withResolvers<void>();
  /** Resolves when a handler does not stop. */
  readonly #stuck = Promise.withResolvers<void>();
  #isDraining = false;
  #isStuck = false;
  #isLost = false;

  constructor(client: ServerClient, options: WorkerOptions) {
    this.#client = client;
    this.#options = options;
    const { handlers, log, telemetry } = options;
    this.#jobs = new RunningJobs({
      client,
      handlers,
      log,
      telemetry,
      changed: () => this.#wake.resolve(),
      freed: () => this.#freed.resolve(),
      stuck: (offer) => this.#stuckAt(offer),
    });
  }

  async run(): Promise<WorkerEnd> {
    const { signal, log, onRegistered } = this.#options;
    for (;;) {
      let session: WorkerRegistration;
      try {
        session = await this.#register();
      } catch (error) {
        if (signal.aborted) return 'left';
        throw error;
      }
      onRegistered?.(session.id);
      const end = await this.#serve(session);
      if (end === 'unknown') {
        log('the server does not know this worker any more: it registers again');
        continue;
      }
      if (end === 'left') {
        await this.#say(session, ''); // no job comes back to it
        await this.#jobs.giveBack();
      }
      await this.#say(session, '?leaves=true');
      return end;
    }
  }

  /** Reports that it takes no more jobs, or has ended. A server that is not reached notices its silence. */
  async #say({ id }: WorkerRegistration, query: string): Promise<void> {
    const request = { method: 'DELETE', path: `/api/v1/workers/${id}${query}`, timeoutMs: REQUEST_MS } as const;
    await this.#client.once({ ...request, signal: new AbortController().signal }).catch(() => undefined);
  }

  async #register(): Promise<WorkerRegistration> {
    const { signal, log, name, mode, slots, kinds, facts = {} } = this.#options;
    const json: NewWorker = { name, mode, slots, kinds, facts };
    for (let tried = 0; ; tried++) {
      try {
        const { bytes } = await this.#client.once({
          method: 'POST',
          path: '/api/v1/workers',
          json,
          timeoutMs: REQUEST_MS,
          signal,
        });
        return JSON.parse(Buffer.from(bytes).toString()) as WorkerRegistration;
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof Unreachable)) throw error;
        if (tried === 0) log(`${this.#options.server.url} cannot be reached: ${reasonOf(error)}; trying again`);
        await sleep(backoffMs(tried, 200, 5000), { signal });
      }
    }
  }

  /** Works until the session is over. Rejects if the server refuses the worker. */
  async #serve(session: WorkerRegistration): Promise<SessionEnd> {
    const { signal, mode } = this.#options;
    const over = new AbortController();
    const { promise: ended, resolve, reject } = Promise.withResolvers<SessionEnd>();
    const onAbort = () => resolve('left');
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) resolve('left');
    const path = `/api/v1/workers/${session.id}`;
    const end = (error: unknown) => {
      if (over.signal.aborted) return;
      if (error instanceof OxbowError && error.code === 'worker-unknown') resolve('unknown');
      else reject(error);
    };
    const drained = () => void this.#jobs.idle().then(() => resolve(this.#isStuck ? 'stuck' : 'drained'));
    void this.#stuck.promise.then(drained);
    const take = mode === 'push' ? this.#listen(path, over.signal, drained) : this.#claim(path, over.signal);
    const tasks = [take.catch(end), this.#beat(path, session, over.signal, drained).catch(end)];
    try {
      return await ended;
    } finally {
      over.abort(new DOMException('the session is over', 'AbortError'));
      signal.removeEventListener('abort', onAbort);
      await Promise.all(tasks);
    }
  }

  /** Sends heartbeats until aborted. */
  async #beat(
    path: string,
    { heartbeatMs: everyMs, encoders: areTaken = false }: WorkerRegistration,
    signal: AbortSignal,
    drained: () => void,
  ): Promise<void> {
    let [sentAtMs, answeredAtMs, sent] = [0, performance.now(), ''];
    while (!signal.aborted) {
      const jobs = this.#jobs.report();
      const encoders = areTaken ? (this.#options.encoders?.view() ?? []) : [];
      const json = { jobs, ...(encoders.length > 0 && { encoders: encoders.slice(0, MAX_ENCODERS) }) };
      const text = JSON.stringify(json);
      const isDue = performance.now() - sentAtMs >= everyMs || text !== sent || this.#isLost;
      if (isDue) {
        sentAtMs = performance.now();
        try {
          const request = { method: 'POST', path: `${path}/heartbeat`, json, timeoutMs: REQUEST_MS } as const;
          const { bytes } = await this.#client.once({ ...request, signal });
          [answeredAtMs, sent, this.#isLost] = [performance.now(), text, false];
          this.#take(JSON.parse(Buffer.from(bytes).toString()) as HeartbeatAnswer, drained);
        } catch (error) {
          if (signal.aborted) return;
          if (!(error instanceof Unreachable)) throw error;
          this.#isLost = true;
          if (performance.now() - answeredAtMs > ABANDON_AFTER_MS) {
            for (const lease of jobs) this.#jobs.stop(lease, 'the server cannot be reached');
          }
        }
      }
      await Promise.race([this.#wake.promise, sleep(LOOK_EVERY_MS, { signal }).catch(() => undefined)]);
      this.#wake = Promise.withResolvers();
    }
  }

  #take({ cancelled, lost, drain }: HeartbeatAnswer, drained: () => void): void {
    for (const lease of cancelled) this.#jobs.stop(lease, 'it was cancelled');
    for (const lease of lost) this.#jobs.stop(lease, 'it was given to another worker');
    if (drain && !this.#isDraining) this.#drain(drained);
  }

  #drain(drained: () => void): void {
    this.#isDraining = true;
    this.#freed.resolve();
    this.#options.onDrain?.();
    drained();
  }

  /** Takes jobs from the open response of the server, which is opened again when it ends. */
  async #listen(path: string, signal: AbortSignal, drained: () => void): Promise<void> {
    for (let tried = 0; !signal.aborted; tried++) {
      try {
        for await (const line of this.#lines(`${path}/jobs`, signal)) {
          tried = 0;
          if (line.type === 'job') this.#jobs.start(line.job);
          else if (line.type === 'stop') this.#jobs.stop(line, 'it was cancelled, or given to another worker');
          else if (line.type === 'drain' && !this.#isDraining) this.#drain(drained);
        }
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof OxbowError) throw error;
      }
      await sleep(backoffMs(tried, 100, 3000), { signal }).catch(() => undefined); // only the signal rejects it, and ends the loop
    }
  }

  async *#lines(path: string, signal: AbortSignal): AsyncGenerator<WorkerLine> {
    const silent = new AbortController();
    const ends = AbortSignal.any([signal, silent.signal]);
    const begin = () => setTimeout(() => silent.abort(new Error('the server is silent')), SILENCE_MS);
    let timer = begin();
    try {
      const response = await this.#client.open({ method: 'GET', path, signal: ends });
      let text = '';
      for await (const piece of response.setEncoding('utf8')) {
        clearTimeout(timer);
        timer = begin();
        const lines = `${text}${piece}`.split('\n');
        text = lines.pop()!;
        for (const line of lines) yield JSON.parse(line) as WorkerLine;
      }
    } finally {
      clearTimeout(timer);
    }
  }

  /** Claims jobs while there are free slots. */
  async #claim(path: string, signal: AbortSignal): Promise<void> {
    const { slots } = this.#options;
    for (let tried = 0; !signal.aborted; ) {
      if (this.#jobs.count >= slots || this.#isDraining) {
        const { promise } = this.#freed;
        await Promise.race([promise, sleep(LOOK_EVERY_MS, { signal }).catch(() => undefined)]);
        this.#freed = Promise.withResolvers();
        continue;
      }
      try {
        const json = { waitMs: CLAIM_MS };
        const request = { method: 'POST', path: `${path}/claims`, json, timeoutMs: CLAIM_MS + REQUEST_MS } as const;
        const { bytes } = await this.#client.once({ ...request, signal });
        tried = 0;
        if (bytes.length > 0) this.#jobs.start(JSON.parse(Buffer.from(bytes).toString()) as JobOffer);
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof Unreachable)) throw error;
        await sleep(backoffMs(tried++, 100, 3000), { signal }).catch(() => undefined); // only the signal rejects it, and ends the loop
      }
    }
  }

  #stuckAt({ id, kind }: JobOffer): void {
    this.#options.log(`the handler of job ${id} (${kind}) does not stop: the worker ends when its other jobs have`);
    this.#isStuck = true;
    this.#isDraining = true;
    this.#stuck.resolve();
  }
}
