/**
 * The jobs that a worker runs now: their handlers, progress, and end.
 * In: offers of the server, answers to heartbeats. Out: results and failures, sent until the server has them.
 */
import type { JobOffer, WorkerHeartbeat } from '../../api/workers/worker-shapes.ts';
import { messageOf, OxbowError, type RefusalCode, refusalRow } from '../../lib/errors.ts';
import { withinSpan } from '../../observe/traces/current-span.ts';
import { noTelemetry, type Telemetry } from '../../observe/traces/telemetry.ts';
import type { Job, Lease } from '../job.ts';
import type { WorkerHandler } from '../worker-job.ts';
import type { ServerClient } from './server-client.ts';
import { WorkerMedia } from './worker-media.ts';

/** The end of a job is sent for this long while the server cannot be reached, ms. */
const REPORT_MS = 60_000;
/** A handler that continues for this long after its job is over is stuck, ms. */
const STUCK_AFTER_MS = 10_000;

/** Most names of progress that a heartbeat may have. */
const MAX_PARTS = 64;

interface RunningJobsOptions {
  readonly client: ServerClient;
  readonly handlers: Readonly<Record<string, WorkerHandler>>;
  /** The first progress of a job, or its end: a heartbeat should follow soon. */
  readonly changed: () => void;
  /** A slot is free. */
  readonly freed: () => void;
  /** A handler does not stop: the process should end when its other jobs have. */
  readonly stuck: (offer: JobOffer) => void;
  readonly log: (text: string) => void;
  /** Off by default. */
  readonly telemetry?: Pick<Telemetry, 'begin' | 'ended'> | undefined;
}

interface Running {
  readonly offer: JobOffer;
  readonly controller: AbortController;
  readonly done: Promise<void>;
  progress: number;
  parts: Readonly<Record<string, number>>;
  /** The handler has ended: the server decides about the rest. */
  isReporting: boolean;
}

/** Another try may have the encoder of the other pieces. */
const MISMATCH: RefusalCode = 'encoder-mismatch';

/** Why a job is over for its worker. */
class JobOver extends Error {
  override readonly name = 'AbortError';
  /** The server has given it to another worker, or it was cancelled: nothing is reported. */
  readonly isLost: boolean;

  constructor(message: string, isLost: boolean) {
    super(message);
    this.isLost = isLost;
  }
}

/** All of them. */
export class RunningJobs {
  readonly #options: RunningJobsOptions;
  readonly #running = new Map<string, Running>();

  constructor(options: RunningJobsOptions) {
    this.#options = options;
  }

  get count(): number {
    return this.#running.size;
  }

  /** Their leases and progress. */
  report(): WorkerHeartbeat['jobs'] {
    return [...this.#running.values()].map(({ offer: { id, token }, progress, parts }) => ({
      id,
      token,
      progress,
      parts: { ...parts },
    }));
  }

  /** Runs a job. If it runs already under an earlier token, that is stopped. */
  start(offer: JobOffer): void {
    for (const { offer: earlier } of this.#running.values()) {
      if (earlier.id === offer.id) this.stop(earlier, 'it was started again');
    }
    const { promise: done, resolve } = Promise.withResolvers<void>();
    const controller = new AbortController();
    const running: Running = { offer, controller, done, progress: 0, parts: {}, isReporting: false };
    this.#running.set(keyOf(offer), running);
    void this.#run(running).finally(() => {
      this.#running.delete(keyOf(offer));
      resolve();
      this.#options.freed();
    });
  }

  /** The lease of a job is over. No effect on one whose result is being sent: the server answers that. */
  stop(lease: Lease, why: string): void {
    const running = this.#running.get(keyOf(lease));
    if (running && !running.isReporting) running.controller.abort(new JobOver(why, true));
  }

  /** Stops all jobs and gives them back. Resolves when each handler has ended. */
  async giveBack(): Promise<void> {
    const jobs = [...this.#running.values()];
    for (const { controller } of jobs) controller.abort(new JobOver('the worker ends', false));
    await Promise.all(jobs.map(({ done }) => done));
  }

  /** Resolves when no job runs. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all([...this.#running.values()].map(({ done }) => done));
  }

  /** Never rejects. */
  async #run(running: Running): Promise<void> {
    const { offer, controller } = running;
    const { client, log, stuck } = this.#options;
    const { signal } = controller;
    let timer: NodeJS.Timeout | undefined;
    const { promise: isStuck, resolve: giveUp } = Promise.withResolvers<'stuck'>();
    const onAbort = () => {
      timer = setTimeout(() => giveUp('stuck'), STUCK_AFTER_MS);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    const end = await Promise.race([this.#traced(running), isStuck]);
    signal.removeEventListener('abort', onAbort);
    clearTimeout(timer);
    if (end === 'stuck') return stuck(offer);
    running.isReporting = true;
    if (signal.reason instanceof JobOver && signal.reason.isLost) {
      log(`job ${offer.id} (${offer.kind}) was stopped: ${signal.reason.message}`);
      return;
    }
    const never = new AbortController().signal;
    try {
      await client.json({ ...end, signal: never }, { forMs: REPORT_MS });
    } catch (error) {
      log(`job ${offer.id} (${offer.kind}): ${messageOf(error)}`);
      if (!end.path.endsWith('/result') || isOver(error)) return;
      // The server refused the result.
      const failure = this.#failure(offer, error);
      await client.json({ ...failure, signal: never }, { forMs: REPORT_MS }).catch(() => undefined); // its lease is over
    }
  }

  /**
   * Its requests to the server are below its span, or below that of the job if this worker sends no spans.
   */
  async #traced(running: Running) {
    const { telemetry = noTelemetry } = this.#options;
    const { kind, id, traceparent } = running.offer;
    const span = telemetry.begin({ traceparent });
    const startedAt = performance.now();
    const end = await withinSpan(span ?? (traceparent === undefined ? undefined : { traceparent }), () =>
      this.#handle(running),
    );
    telemetry.ended({
      kind: 'job',
      name: `run ${kind}`,
      tookMs: performance.now() - startedAt,
      span,
      traceparent,
      attributes: { 'messaging.system': 'oxbow', 'messaging.destination.name': kind, 'messaging.message.id': id },
      error: 'json' in end && 'detail' in end.json ? end.json.detail : undefined,
    });
    return end;
  }

  /** Runs the handler; returns the request that reports its end. */
  async #handle(running: Running) {
    const { offer, controller } = running;
    const { client, handlers, changed } = this.#options;
    const { signal } = controller;
    const media = new WorkerMedia(client, offer, signal);
    const progress = (share: number, parts: Readonly<Record<string, number>> = {}) => {
      const isFirst = running.progress === 0 && share > 0;
      running.progress = Math.max(running.progress, shareOf(share));
      const entries = Object.entries({ ...running.parts, ...parts }).slice(0, MAX_PARTS);
      running.parts = Object.fromEntries(entries.map(([name, value]) => [name, shareOf(value)]));
      if (isFirst) changed();
    };
    try {
      const handler = Object.hasOwn(handlers, offer.kind) ? handlers[offer.kind] : undefined;
      if (!handler) throw new Error(`this worker has no handler for jobs of kind ${offer.kind}`);
      const result = await handler(jobOf(offer), {
        signal,
        progress,
        input: (name) => media.input(name),
        output: (name) => media.output(name),
        send: (name, read) => media.send(name, read),
      });
      const json = { token: offer.token, result: result ?? null };
      return { method: 'POST', path: `/api/v1/jobs/${offer.id}/result`, json } as const;
    } catch (error) {
      if (signal.reason instanceof JobOver) {
        const headers = { 'oxbow-lease': String(offer.token) };
        return { method: 'DELETE', path: `/api/v1/jobs/${offer.id}/lease`, headers } as const;
      }
      return this.#failure(offer, error);
    }
  }

  #failure({ id, kind, token }: JobOffer, error: unknown) {
    const isRefusal = error instanceof OxbowError;
    const code = isRefusal ? error.code : 'internal';
    // Bad input stays bad; a full disk, a killed process or a bug of this machine may not.
    const retry = !isRefusal || refusalRow(error).status >= 500 || code === MISMATCH;
    this.#options.log(
      `job ${id} (${kind}) failed: ${isRefusal || !(error instanceof Error) ? messageOf(error) : error.stack}`,
    );
    const json = { token, code, detail: messageOf(error).slice(0, 4000), retry };
    return { method: 'POST', path: `/api/v1/jobs/${id}/failure`, json } as const;
  }
}

/** A share that the server accepts, whatever a handler has computed. */
const shareOf = (value: number): number => (value > 0 ? Math.min(1, value) : 0);

const keyOf = ({ id, token }: Lease): string => `${id} ${token}`;

/** Whether the server has ended the job already. */
const isOver = (error: unknown): boolean =>
  error instanceof OxbowError && (error.code === 'lease-lost' || error.code === 'job-unknown');

/** The job as handlers see it. */
function jobOf({ createdAt, startedAt, ...offer }: JobOffer): Job {
  return {
    ...offer,
    state: 'running',
    progress: 0,
    parts: {},
    result: null,
    error: null,
    failures: [],
    worker: null,
    traceparent: offer.traceparent ?? null,
    notBeforeMs: 0,
    createdMs: Date.parse(createdAt),
    startedMs: Date.parse(startedAt),
    endedMs: null,
  };
}
