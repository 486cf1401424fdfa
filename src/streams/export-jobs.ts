/**
 * Exports as jobs: asked for over the API, written below `<data>/exports`, kept for a while, and no more of them than there is room for.
 * In: requests, the queue, the catalog. Out: jobs and their files.
 */
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { printRfc3339 } from '../api/instant.ts';
import type { ExportResult, ExportSettings, ExportTicket, JobView } from '../api/job-shapes.ts';
import type { ExportsApi, JobPage, JobQuery, JobsApi } from '../api/jobs-api.ts';
import type { RangeReader } from '../archive/range-reader.ts';
import { type SegmentLocation, segmentLocation } from '../archive/segment-store.ts';
import type { EventBus } from '../cluster/event-bus.ts';
import { parseRange } from '../delivery/address-time.ts';
import { type ExportRequest, estimateExport } from '../delivery/export.ts';
import type { Reply } from '../delivery/reply.ts';
import { contentTypes } from '../delivery/text-reply.ts';
import type { Job, JobContext, JobQueue } from '../jobs/job.ts';
import { sleep } from '../lib/abort.ts';
import type { Clock } from '../lib/clock.ts';
import type { Current } from '../lib/current.ts';
import { OxbowError } from '../lib/errors.ts';
import type { FileFormat } from '../media/file/file-tracks.ts';
import type { ChunkTable } from '../recording/chunk-table.ts';
import type { Catalog } from './catalog.ts';
import { DownloadTickets } from './download-tickets.ts';
import { type ExportSource, exportToFile } from './export-file.ts';
import type { ManagedStream } from './managed-stream.ts';

/** Jobs of this kind are exports. */
const KIND = 'export';
/** A look at what has expired, ms. */
const EVERY_MS = 60_000;
/** Progress is told this often, ms. */
const PROGRESS_EVERY_MS = 1000;
/** Jobs of a page unless it says how many, and most that it may say. */
const LISTED = 200;
const MAX_LISTED = 1000;
/** A file is a little larger than its media: tables, packets of MPEG-TS. */
const OVERHEAD = 1.1;

/** What an export was asked for, as it stands in the queue. */
interface ExportInput {
  readonly stream: string;
  readonly from: string;
  readonly to: string;
  readonly format: FileFormat;
  readonly exact: boolean;
}

/** What exports work with. */
export interface ExportJobsOptions {
  readonly queue: JobQueue;
  readonly catalog: Pick<Catalog, 'find' | 'get'>;
  readonly table: ChunkTable;
  readonly reader: RangeReader;
  readonly clock: Clock;
  /** Absolute path. */
  readonly dataFolder: string;
  /** `jobs.keep`: how long a job that ended is kept, ms; `jobs.maxDisk`: most that all files may take, bytes. */
  readonly settings: Current<{ readonly jobs: { readonly keep: number; readonly maxDisk: number | undefined } }>;
  /** Where is told what becomes of jobs. */
  readonly events: Pick<EventBus, 'publish'>;
  /** Whether the disk has room at all. */
  readonly mayWrite: () => boolean;
  readonly failed: (error: unknown) => void;
}

/** The jobs of a server. */
export class ExportJobs implements JobsApi, ExportsApi<Reply> {
  readonly #options: ExportJobsOptions;
  readonly #folder: string;
  readonly #tickets: DownloadTickets;

  constructor(options: ExportJobsOptions) {
    this.#options = options;
    this.#tickets = new DownloadTickets(() => options.clock.nowMs());
    this.#folder = path.join(options.dataFolder, 'exports');
  }

  /** Begins to work on what waits. */
  work(): void {
    this.#options.queue.work(KIND, (job, context) => this.#export(job, context));
  }

  /**
   * Asks for an export.
   *
   * @throws OxbowError `stream-unknown`, `bad-time`, `no-media`, `gone`, `window-too-long`, `queue-full`
   */
  async create(settings: ExportSettings): Promise<JobView> {
    const { catalog, queue } = this.#options;
    const stream = catalog.get(settings.stream);
    const range = parseRange(settings.from, settings.to);
    await estimateExport(stream, { range });
    const input: ExportInput = {
      stream: stream.name,
      from: printRfc3339(range.fromUs / 1000),
      to: printRfc3339(range.toUs / 1000),
      format: settings.format ?? 'mp4',
      exact: settings.exact ?? false,
    };
    const job = await queue.add(KIND, input);
    this.#tell('job.created', job);
    return this.#view(job);
  }

  /**
   * A page of the jobs, newest first.
   *
   * @param query.cursor what the page before gave: its last job may have gone since
   * @throws OxbowError `bad-request` for what was never a cursor
   */
  async list({ limit = LISTED, cursor }: JobQuery = {}): Promise<JobPage> {
    if (cursor !== undefined && !/^[1-9][0-9]{0,14}$/.test(cursor)) {
      throw new OxbowError('bad-request', 'That is not a cursor of this list.');
    }
    const most = Math.min(limit, MAX_LISTED);
    const jobs = await this.#options.queue.list(most + 1, cursor === undefined ? undefined : Number(cursor));
    const shown = jobs.slice(0, most);
    return {
      items: shown.map((job) => this.#view(job)),
      nextCursor: jobs.length > most ? String(shown.at(-1)!.number) : null,
    };
  }

  /**
   * A job.
   *
   * @throws OxbowError `job-unknown`
   */
  async get(id: string): Promise<JobView> {
    return this.#view(await this.#find(id));
  }

  /**
   * Stops a job that has not ended. Of one that is done the file goes, and the job with it.
   *
   * @throws OxbowError `job-unknown`
   */
  async cancel(id: string): Promise<JobView> {
    const job = await this.#options.queue.cancel(id);
    if (job.state === 'done') await this.#remove(job);
    return this.#view(job);
  }

  /**
   * The file of an export.
   *
   * @throws OxbowError `job-unknown`, `job-unfinished`
   */
  async file(id: string): Promise<Reply> {
    const job = await this.#find(id);
    if (job.state !== 'done') throw new OxbowError('job-unfinished', `The job is ${job.state}.`);
    const { format } = job.input as ExportInput;
    const { filename, bytes } = job.result as ExportResult;
    return {
      contentType: contentTypes[format],
      cacheControl: 'private, max-age=3600',
      length: bytes,
      pieces: [{ location: locationOf(job), offset: 0, length: bytes }],
      etag: `${job.id}-${bytes}`,
      filename,
    };
  }

  /**
   * An address of the file that anyone may fetch for a while.
   *
   * @throws OxbowError `job-unknown`, `job-unfinished`
   */
  async ticket(id: string): Promise<ExportTicket> {
    await this.file(id);
    const { text, expiresMs } = this.#tickets.issue(id);
    return { url: `/api/v1/downloads/${text}`, expiresAt: printRfc3339(expiresMs) };
  }

  /**
   * The file that a ticket is for.
   *
   * @throws OxbowError `unauthorized`, `job-unknown`, `job-unfinished`
   */
  async fileFor(ticket: string): Promise<Reply> {
    return this.file(this.#tickets.redeem(ticket));
  }

  /** Deletes what has expired, until aborted; first the files that no job knows. */
  async expire({ signal }: { signal: AbortSignal }): Promise<void> {
    const { queue, clock, failed } = this.#options;
    await this.#sweep().catch(failed);
    while (!signal.aborted) {
      try {
        for (const job of await queue.forgetEndedBefore(clock.nowMs() - this.#options.settings.now.jobs.keep))
          await this.#removeFile(job);
      } catch (error) {
        failed(error);
      }
      await sleep(EVERY_MS, { signal }).catch(() => undefined); // only the signal makes it reject, and ends the loop
    }
  }

  async #export(job: Job, { signal, progress }: JobContext): Promise<ExportResult> {
    const { catalog, reader, table } = this.#options;
    const input = job.input as ExportInput;
    const stream = catalog.get(input.stream);
    const request: ExportRequest = { ...input, range: parseRange(input.from, input.to) };
    await mkdir(this.#folder, { recursive: true });
    await this.#makeRoom(OVERHEAD * (await estimateExport(stream, request)));
    const told = this.#progressOf(job, progress);
    const target = { path: this.#pathOf(job), reader, progress: told, signal };
    const result = await exportToFile(sourceOf(stream, table), request, target);
    return { ...result, url: `/api/v1/exports/${job.id}/file` };
  }

  /** A job has come to its end. */
  ended(job: Job): void {
    const { id, kind, state, progress, error } = job;
    const { events } = this.#options;
    if (state === 'done') events.publish('job.done', { id, kind, state, progress, result: job.result as ExportResult });
    else if (state === 'failed') events.publish('job.failed', { id, kind, state, progress, error });
    else this.#tell('job.cancelled', job);
  }

  #tell(type: 'job.created' | 'job.progress' | 'job.cancelled', { id, kind, state, progress }: Job): void {
    this.#options.events.publish(type, { id, kind, state, progress });
  }

  /** Tells of progress too, at most once a second. */
  #progressOf(job: Job, progress: JobContext['progress']): JobContext['progress'] {
    const { clock } = this.#options;
    let toldAtMs = clock.monotonicMs();
    return (share) => {
      progress(share);
      if (clock.monotonicMs() - toldAtMs < PROGRESS_EVERY_MS) return;
      toldAtMs = clock.monotonicMs();
      this.#tell('job.progress', { ...job, progress: Math.round(share * 1000) / 1000 });
    };
  }

  /** Deletes the oldest files until there is room for another. */
  async #makeRoom(wanted: number): Promise<void> {
    const { settings, queue, mayWrite } = this.#options;
    const maxBytes = settings.now.jobs.maxDisk;
    if (!mayWrite())
      throw new OxbowError('no-room', 'Less is free on the disk than record.minFree keeps.', {
        extra: { hint: 'Make room on the disk, or keep less free: --min-free.' },
      });
    if (maxBytes === undefined) return;
    if (wanted > maxBytes) {
      throw new OxbowError(
        'no-room',
        `The file would have about ${Math.round(wanted / 1e6)} MB, more than all may have.`,
      );
    }
    const done = (await queue.list(Number.MAX_SAFE_INTEGER)).filter((job) => job.kind === KIND && job.state === 'done');
    let bytes = done.reduce((sum, job) => sum + (job.result as ExportResult).bytes, 0);
    for (const job of done.reverse()) {
      if (bytes + wanted <= maxBytes) return;
      bytes -= (job.result as ExportResult).bytes;
      await this.#remove(job);
    }
  }

  async #remove(job: Job): Promise<void> {
    await this.#options.queue.forget(job.id);
    await this.#removeFile(job);
  }

  async #removeFile(job: Job): Promise<void> {
    if (job.kind !== KIND) return;
    this.#options.reader.forget(locationOf(job));
    await rm(this.#pathOf(job), { force: true });
  }

  /** What a process that died left behind. */
  async #sweep(): Promise<void> {
    const entries = await readdir(this.#folder).catch(() => []); // there may be no such folder yet
    for (const entry of entries) {
      const job = await this.#options.queue.find(entry.split('.', 1)[0]!);
      const file = path.join(this.#folder, entry);
      const isOurs = /^[0-9a-z]+-[0-9a-f]{16}\.(mp4|mkv|ts)(\.part)?$/.test(entry);
      if (
        isOurs &&
        (job === undefined || (job.state !== 'done' && job.state !== 'running')) &&
        (await stat(file)).isFile()
      ) {
        await rm(file, { force: true });
      }
    }
  }

  #pathOf(job: Job): string {
    return path.join(this.#options.dataFolder, locationOf(job));
  }

  async #find(id: string): Promise<Job> {
    const job = await this.#options.queue.find(id);
    if (!job) throw new OxbowError('job-unknown', `There is no job ${id.slice(0, 80)}.`);
    return job;
  }

  #view(job: Job): JobView {
    const time = (ms: number | null) => (ms === null ? null : printRfc3339(ms));
    return {
      id: job.id,
      kind: job.kind,
      state: job.state,
      progress: Math.round(job.progress * 1000) / 1000,
      input: job.input as Readonly<Record<string, unknown>>,
      result: job.result as ExportResult | null,
      error: job.error,
      createdAt: printRfc3339(job.createdMs),
      startedAt: time(job.startedMs),
      endedAt: time(job.endedMs),
      expiresAt: time(job.endedMs === null ? null : job.endedMs + this.#options.settings.now.jobs.keep),
    };
  }
}

/** Where the file of a job is. */
function locationOf({ id, input }: Job): SegmentLocation {
  return segmentLocation(`exports/${id}.${(input as ExportInput).format}`);
}

/** A stream of this process, as exports meet it. */
function sourceOf(stream: ManagedStream, table: ChunkTable): ExportSource {
  return { stream, table, end: stream.timelineEnd };
}
