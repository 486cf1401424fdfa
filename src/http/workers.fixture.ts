/**
 * A server with real jobs and workers, and one kind of job, for tests and benchmarks.
 * In: the handler of the worker under test. Out: a running server; what was stored and accepted.
 * Waits for wall time: a worker answers over real sockets.
 */
import { tmpdir } from 'node:os';
import { openAccess } from '../accounts/access.ts';
import type { AccountTables } from '../accounts/account-tables.ts';
import { memoryTables } from '../accounts/memory-tables.fixture.ts';
import { routes } from '../app/routes.fixture.ts';
import { MemorySegmentStore } from '../archive/memory-segment-store.fixture.ts';
import { openRangeReader } from '../archive/range-reader.ts';
import { segmentLocation } from '../archive/segment-store.ts';
import { createLocalEventBus } from '../cluster/bus/local-event-bus.ts';
import { type OpenedJobs, openJobs } from '../jobs/open-jobs.ts';
import type { RemoteKind } from '../jobs/remote-kind.ts';
import type { JobTransport } from '../jobs/transport/job-transport.ts';
import { createSystemClock } from '../lib/clock.ts';
import { createMetrics } from '../observe/metrics.ts';
import { openTemporaryStore } from '../store/store.fixture.ts';
import { token as adminToken, startTestServer, type TestServer } from './fixture.ts';

/** A running server. */
export interface WorkerServer extends OpenedJobs {
  readonly server: TestServer;
  readonly media: MemorySegmentStore;
  /** Accepted outputs: `name token`. */
  readonly accepted: string[];
  /** A token with the scope `worker`. */
  readonly token: string;
  /** Types and data of published events. */
  readonly events: { readonly type: string; readonly data: Readonly<Record<string, unknown>> }[];
  /**
   * Ends HTTP and jobs without a word to the workers, and starts them again on the same port, store and
   * media.
   */
  restart(): Promise<WorkerServer>;
  /** Resolves when the job is in one of the states. */
  until(id: string, ...states: readonly string[]): Promise<void>;
  /** Errors that were reported. */
  readonly failures: unknown[];
}

/** Content of the input `original`. */
export const original = Buffer.from('0123456789'.repeat(100));

/** The kind of the tests: reads `original`, writes outputs of any name. */
export function testKind(accepted: string[], limits?: RemoteKind['limits']): RemoteKind {
  return {
    name: 'test',
    keepMs: 60_000,
    ...(limits && { limits }),
    inputLocation: async (_, name) => (name === 'original' ? 'assets/a1/original' : undefined),
    outputLocation: (job, name) => `assets/a1/${job.id}-${name.replaceAll('/', '-')}-${job.token}`,
    accept: ({ job, name, length, whileLeased }) =>
      whileLeased(async () => void accepted.push(`${name} ${job.token} ${length}`)),
    resultOf: ({ result }) => ({ value: result }),
  };
}

/** How it is started. */
export interface WorkerServerOptions {
  readonly limits?: RemoteKind['limits'];
  readonly leaseMs?: number;
  /** By default within this process. */
  readonly transport?: JobTransport;
}

/** Starts a server whose jobs of kind `test` are run by workers. */
export async function startWorkerServer(options: WorkerServerOptions = {}): Promise<WorkerServer> {
  const store = await openTemporaryStore();
  const media = new MemorySegmentStore();
  await media.put(segmentLocation('assets/a1/original'), original);
  return start(options, { store, media });
}

/** What a restart keeps. */
interface Kept {
  readonly store: Awaited<ReturnType<typeof openTemporaryStore>>;
  readonly media: MemorySegmentStore;
  readonly port?: number;
  readonly tables?: AccountTables;
}

async function start(options: WorkerServerOptions, kept: Kept): Promise<WorkerServer> {
  const { store, media, port = 0, tables = memoryTables() } = kept;
  const clock = createSystemClock();
  const metrics = createMetrics();
  const failures: unknown[] = [];
  const events: { type: string; data: Record<string, unknown> }[] = [];
  const bus = createLocalEventBus({ clock, failed: (error) => failures.push(error) });
  await bus.subscribe({ event: ({ event }) => events.push(event as never) });
  const opened = await openJobs({
    db: store.db,
    clock,
    metrics,
    media,
    events: bus,
    config: { parallel: 1, queue: 100 },
    ...(options.leaseMs !== undefined && { leaseMs: options.leaseMs }),
    transport: options.transport,
    mayWrite: () => true,
    failed: (error) => failures.push(error),
  });
  const { jobs, jobKinds, workers, leasedJobs, jobMedia } = opened;
  const accepted: string[] = [];
  jobKinds.add(testKind(accepted, options.limits));
  const watching = new AbortController();
  const watched = workers.watch({ signal: watching.signal });
  const reader = openRangeReader(media);
  const access = await openAccess({ tables, dataFolder: tmpdir(), clock, adminToken, watchSecret: 'x'.repeat(40) });
  // Requests of exports add a job of the test's kind.
  const create = async () => ({ ...(await jobs.add('test', { act: 'work', forMs: 20 })), result: null });
  const features = new Map([['exports', { create }]]);
  const deps = { jobs, workers, leasedJobs, jobMedia, features, events: bus, metrics, reader, clock, access };
  const server = await startTestServer(deps, undefined, { port, routes });
  const { secret: token } = await access.tokens.make({ label: 'worker', scopes: ['worker'], expiresMs: undefined });
  let isRestarted = false;
  const stop = async () => {
    watching.abort();
    await watched;
    await server[Symbol.asyncDispose]();
    await opened[Symbol.asyncDispose]();
    reader[Symbol.dispose]();
  };
  return {
    ...opened,
    server,
    media,
    accepted,
    token,
    events,
    failures,
    async until(id, ...states) {
      while (!states.includes((await jobs.get(id)).state)) await new Promise((resolve) => setTimeout(resolve, 5));
    },
    async restart() {
      isRestarted = true;
      await stop();
      return start(options, { store, media, tables, port: Number(new URL(server.url).port) });
    },
    async [Symbol.asyncDispose]() {
      if (isRestarted) return;
      await workers.leave();
      await stop();
      await store[Symbol.asyncDispose]();
    },
  };
}
