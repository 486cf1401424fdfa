/**
 * A library with jobs that a worker in the same process runs, for tests.
 * In: bytes of originals. Out: assets, jobs and stored files after any number of jobs.
 */
import { originalLocation } from '../../archive/asset-locations.ts';
import { segmentLocation } from '../../archive/segment-store.ts';
import type { Job, LeaseWrite } from '../../jobs/job.ts';
import { openJobs } from '../../jobs/open-jobs.ts';
import { runHandler } from '../../jobs/worker-job.fixture.ts';
import type { WorkerHandler } from '../../jobs/worker-job.ts';
import { OxbowError } from '../../lib/errors.ts';
import { createMetrics } from '../../observe/metrics.ts';
import { openTestLibrary } from '../library.fixture.ts';
import { Processing, type ProcessingOptions } from './processing.ts';

/** Opens a library with processing. */
export async function openTestProcessing(options: Pick<ProcessingOptions, 'ladder' | 'guard' | 'lost'> = {}) {
  const library = await openTestLibrary();
  const failures: unknown[] = [];
  const failedJobs: Job[] = [];
  const { db, clock, segments, assets, uploaded, processed, trash } = library;
  const open = async () => {
    const opened = await openJobs({
      db,
      clock,
      metrics: createMetrics(),
      media: segments,
      config: { parallel: 1, queue: 100 },
      events: { publish() {} },
      mayWrite: () => true,
      jobFailed: (job) => failedJobs.push(job),
      failed: (error) => failures.push(error),
    });
    const processing = new Processing({
      db,
      jobs: opened.jobs,
      assets,
      uploaded,
      processed,
      trash,
      segments,
      ...options,
      failed: (error) => failures.push(error),
    });
    for (const kind of processing.kinds) opened.jobKinds.add(kind);
    return { opened, processing };
  };
  let { opened, processing } = await open();

  /** Runs the next job of a kind as a worker does; returns it after its end, undefined if there is none. */
  async function runNext(kind: string, handler: WorkerHandler): Promise<Job | undefined> {
    const { jobs, jobKinds } = opened;
    const { leases } = jobs.queue;
    const job = await leases.claim('w1', [kind]);
    if (!job) return undefined;
    const lease = { id: job.id, token: job.token };
    const remote = jobKinds.findRemote(kind)!;
    const location = await remote.inputLocation(job, 'original');
    const size = await segments.size(segmentLocation(location!));
    const original = await segments.read(segmentLocation(location!), { offset: 0, length: size });
    try {
      const { result, outputs } = await runHandler(handler, { kind, input: job.input, files: { original } });
      for (const [name, bytes] of outputs) await send(job, name, bytes);
      await leases.complete(lease, result, (transaction, own) =>
        remote.finish ? remote.finish(own, result, transaction) : Promise.resolve(),
      );
    } catch (error) {
      if (!(error instanceof OxbowError)) throw error;
      await leases.fail(lease, { code: error.code, detail: error.message }, { retry: false });
    }
    return (await jobs.queue.find(job.id))!;
  }

  /** Sends an output as a worker does. */
  async function send(job: Job, name: string, bytes: Uint8Array): Promise<void> {
    const { leases } = opened.jobs.queue;
    const remote = opened.jobKinds.findRemote(job.kind)!;
    const location = remote.outputLocation(job, name)!;
    await segments.put(segmentLocation(location), bytes);
    const lease = { id: job.id, token: job.token };
    const whileLeased = (write: LeaseWrite) => leases.whileLeased(lease, write);
    await remote.accept({ job, name, location, length: bytes.length, whileLeased });
  }

  return {
    ...library,
    failures,
    failedJobs,
    runNext,
    send,
    get jobs() {
      return opened.jobs;
    },
    get processing() {
      return processing;
    },
    /** Uploads a file. */
    async upload(bytes: Uint8Array): Promise<string> {
      const id = await uploaded.begin({ owner: 'admin', filename: 'film.mp4', length: bytes.length });
      await segments.put(originalLocation(id), bytes);
      await uploaded.complete(id, { bytes: bytes.length, sha256: 'ab'.repeat(32) });
      await processing.begin(id);
      return id;
    },
    /** Ends jobs and processing as a crash does, and opens them again. */
    async restart(): Promise<void> {
      processing[Symbol.dispose]();
      await opened[Symbol.asyncDispose]();
      ({ opened, processing } = await open());
      await processing.reconcile();
    },
    /** Jobs of an asset, oldest first. */
    async jobsOf(id: string): Promise<readonly Job[]> {
      return (await opened.jobs.queue.list(1000, undefined, { subject: id })).toReversed();
    },
    /** Renditions of an asset with their states. */
    async renditions(id: string): Promise<Record<string, string>> {
      const rows = await db
        .selectFrom('asset_rendition')
        .select(['id', 'state'])
        .where('asset_id', '=', id)
        .orderBy('id')
        .execute();
      return Object.fromEntries(rows.map((row) => [row.id, row.state]));
    },
    async [Symbol.asyncDispose]() {
      processing[Symbol.dispose]();
      await opened[Symbol.asyncDispose]();
      await library[Symbol.asyncDispose]();
    },
  };
}
