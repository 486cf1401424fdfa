/**
 * `oxbow worker --server URL`: runs jobs of a server on this machine, until a signal ends it.
 * In: the address of a server, a token. Out: lines about jobs on stderr. docs/6-library/workers.md.
 */
import { availableParallelism, hostname, platform } from 'node:os';
import { type Command, Option } from 'commander';
import type { EncoderPool } from '../ffmpeg/encoders/encoder-pool.ts';
import type { WorkerHandler } from '../jobs/worker-job.ts';
import { createSystemClock } from '../lib/clock.ts';
import { OxbowError } from '../lib/errors.ts';
import { version } from '../lib/version.ts';
import { noTelemetry, openTelemetry, resourceOf, type Telemetry } from '../observe/traces/telemetry.ts';
import { parseServer } from './running-server.ts';
import { secretOf } from './secret-file.ts';
import { onStopSignal } from './stop-signals.ts';
import { type ExitCode, note } from './terminal.ts';

interface Options {
  readonly server: string;
  readonly token?: string;
  readonly name?: string;
  readonly slots?: string;
  readonly sessions?: string;
  readonly kinds?: string;
  readonly mode: string;
  readonly telemetryOtlp?: string;
  /** False with `--no-live`. */
  readonly live?: boolean;
}

/** Most qualities on a device at the same time: few consumer cards take more. */
const SESSIONS = 3;
/** A job waits this long for a device that is busy, ms. */
const WAIT_MS = 10_000;

/** Adds the verb. */
export function addWorker(program: Command, exit: (code: ExitCode) => void): void {
  program
    .command('worker')
    .summary('runs jobs of a server on this machine')
    .description(
      'Imports and encodes videos for an oxbow server, over HTTP alone. A signal ends it: its jobs go to other workers.',
    )
    .requiredOption('--server <URL>', 'Address of the server.')
    .option(
      '--token <TOKEN>',
      'API token with the scope `worker`; better in the variable OXBOW_WORKER_TOKEN, or in a file that OXBOW_WORKER_TOKEN_FILE names.',
    )
    .option('--name <NAME>', 'Name that the server shows; the name of this machine if not given.')
    .option('--slots <N>', 'Jobs at the same time (default: one for each 4 processors).')
    .option('--sessions <N>', 'Qualities that each video device encodes at the same time; 0 uses none (default: 3).')
    .option('--kinds <KIND,…>', 'Kinds of jobs that it takes; all that it can run if not given.')
    .option('--no-live', 'Takes no qualities of live streams for its video devices.')
    .option('--mode <push|pull>', '`push`: the server assigns jobs at once; `pull`: the worker asks for each.', 'push')
    .addOption(
      new Option('--telemetry-otlp <URL>', 'Collector for traces of its jobs (OTLP over HTTP). Default: none.').env(
        'OTEL_EXPORTER_OTLP_ENDPOINT',
      ),
    )
    .action(async (options: Options) => exit(await runVerb(options)));
}

async function runVerb(options: Options): Promise<ExitCode> {
  const sessions = sessionsOf(options.sessions);
  const { workerHandlers } = await import('../transcode/handlers.ts');
  const { createMachinePool, poolLines } = await import('../ffmpeg/encoders/machine-pool.ts');
  const { runWorker } = await import('../jobs/worker/worker.ts');
  const { runLiveWorker } = await import('../features/live-workers/live-worker.ts');
  const token = secretOf(options.token, 'OXBOW_WORKER_TOKEN');
  if (token === undefined) {
    throw new OxbowError('bad-request', 'The worker needs a token.', {
      extra: { hint: 'Create one on the server: oxbow token add NAME --scope worker. Set OXBOW_WORKER_TOKEN to it.' },
    });
  }
  const stopping = new AbortController();
  using _signals = onStopSignal((reason) => stopping.abort(new DOMException(`stopped by ${reason}`, 'AbortError')));
  const name = options.name ?? hostname().slice(0, 100);
  await using telemetry = await openWorkerTelemetry(options.telemetryOtlp, name);
  const say = (text: string) => note(`oxbow worker: ${text}`);
  const settings = { sessions, liveSessions: 0, waitMs: WAIT_MS };
  await using encoders = createMachinePool(settings, createSystemClock(), poolLines(say));
  await encoders.ready();
  const handlers = workerHandlers(encoders);
  const server = { url: parseServer(options.server), token };
  const leaving = new AbortController();
  const signal = AbortSignal.any([stopping.signal, leaving.signal]);
  const live = options.live === false ? undefined : runLiveWorker({ server, name, encoders, signal });
  await using _live = {
    async [Symbol.asyncDispose]() {
      leaving.abort(new DOMException('the worker ends', 'AbortError'));
      await live;
    },
  };
  const end = await runWorker({
    telemetry,
    server,
    handlers,
    encoders,
    name,
    mode: modeOf(options.mode),
    slots: slotsOf(options.slots),
    kinds: kindsOf(options.kinds, handlers),
    facts: workerFacts(encoders),
    log: say,
    onRegistered: (id) => note(`oxbow worker: registered at ${options.server} as ${id}`),
    onDrain: () => leaving.abort(new DOMException('the worker is drained', 'AbortError')),
    signal: stopping.signal,
  });
  return end === 'stuck' ? 1 : 0;
}

/** Traces of a worker: its spans follow the sampling decision of the server. @param otlp undefined: off */
export async function openWorkerTelemetry(otlp: string | undefined, name: string): Promise<Telemetry> {
  if (otlp === undefined) return noTelemetry;
  return openTelemetry({ endpoint: otlp, sample: 0, nowMs: Date.now, resource: resourceOf(name, 'oxbow-worker') });
}

/** Facts of this machine that the server shows. */
export function workerFacts(encoders: Pick<EncoderPool, 'view'>): Record<string, unknown> {
  const names = encoders.view().map(({ name }) => name);
  return {
    version,
    platform: platform(),
    arch: process.arch,
    processors: availableParallelism(),
    pid: process.pid,
    encoders: [...new Set(names)],
  };
}

function sessionsOf(text: string | undefined): number {
  if (text === undefined) return SESSIONS;
  if (/^\d{1,2}$/.test(text) && Number(text) <= 64) return Number(text);
  throw new OxbowError('bad-request', `--sessions is "${text}", not a number from 0 to 64.`, {
    extra: { hint: 'Use 0 to 64.' },
  });
}

function modeOf(text: string): 'push' | 'pull' {
  if (text === 'push' || text === 'pull') return text;
  throw new OxbowError('bad-request', `--mode is "${text}", which is neither push nor pull.`, {
    extra: { hint: 'Use --mode push or --mode pull.' },
  });
}

function slotsOf(text: string | undefined): number {
  if (text === undefined) return Math.max(1, Math.floor(availableParallelism() / 4));
  if (/^[1-9]\d{0,2}$/.test(text) && Number(text) <= 256) return Number(text);
  throw new OxbowError('bad-request', `--slots is "${text}", not a number from 1 to 256.`, {
    extra: { hint: 'Use 1 to 256.' },
  });
}

function kindsOf(text: string | undefined, handlers: Readonly<Record<string, WorkerHandler>>): string[] {
  const knownKinds = Object.keys(handlers);
  const kinds = text === undefined ? knownKinds : text.split(',').map((kind) => kind.trim());
  const unknown = kinds.find((kind) => !knownKinds.includes(kind));
  if (unknown === undefined && kinds.length > 0) return kinds;
  const detail = unknown === undefined ? 'This worker can run no kind of job.' : `"${unknown}" is not a kind of job.`;
  throw new OxbowError('bad-request', detail, { extra: { hint: `Kinds: ${knownKinds.join(', ') || 'none'}.` } });
}
