/**
 * Exports: jobs that write ranges of a recording to a file below `<data>/exports`. Files are kept for a
 * limited time and size.
 * In: requests, the jobs, the catalog. Out: a kind of job, and the files of finished exports.
 */

import { sidecarName } from '@oxbow/media/evidence/sidecar';
import type { FileFormat } from '@oxbow/media/file/file-tracks';
import { printRfc3339 } from '../../api/instant.ts';
import type { ExportJob, ExportResult, ExportSettings, ExportTicket } from '../../api/jobs/job-shapes.ts';
import type { ExportsApi } from '../../api/jobs/jobs-api.ts';
import type { RangeReader } from '../../archive/range-reader.ts';
import {
  type SegmentLocation,
  type SegmentStore,
  segmentLocation,
  segmentPrefix,
  type WriteContent,
} from '../../archive/segment-store.ts';
import { type ExportRequest, type ExportSource, estimateExport } from '../../delivery/export/export.ts';
import type { ExportProof } from '../../delivery/export/export-evidence.ts';
import type { Range } from '../../delivery/past/past.ts';
import type { Reply } from '../../delivery/reply.ts';
import { contentTypes } from '../../delivery/text-reply.ts';
import type { LadderEffort } from '../../ffmpeg/ladder-options.ts';
import type { Job, JobContext } from '../../jobs/job.ts';
import type { JobKind } from '../../jobs/job-kinds.ts';
import type { Jobs } from '../../jobs/jobs-api.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Current } from '../../lib/current.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { ChunkQueries } from '../../recording/chunks/chunk-queries.ts';
import { overlap } from '../../recording/pinned-windows.ts';
import type { Catalog } from '../../streams/catalog.ts';
import type { ServedMedia } from '../../streams/served-media.ts';
import { DownloadTickets } from './download-tickets.ts';
import { checkQuality, parseQuality } from './encoded/quality.ts';
import { exportToFile, rangesOf } from './export-file.ts';
import { printSidecar } from './sidecar.ts';

const EXPORTS = segmentPrefix('exports');
/** The kind of these jobs. */
const KIND = 'export';
/** Size of a file relative to its media: MP4 tables, MPEG-TS packets. */
const OVERHEAD = 1.1;

/** A file begins at most this long before its range, with a key frame, µs. */
const LEAD_US = 60_000_000;

/** The request of an export in the queue. */
interface ExportInput {
  readonly stream: string;
  readonly from?: string;
  readonly to?: string;
  /** Instead of `from` and `to`. */
  readonly ranges?: { from: string; to: string }[];
  readonly format: FileFormat;
  readonly exact: boolean;
  /** See quality.ts; without it, frames are copied. */
  readonly quality?: string;
}

/** What exports are opened with. */
export interface ExportJobsOptions {
  readonly jobs: Jobs;
  readonly catalog: Pick<Catalog, 'get'>;
  readonly chunks: ChunkQueries;
  readonly reader: RangeReader;
  readonly clock: Clock;
  readonly segments: SegmentStore;
  /** Whether no other process writes to the folder now; true by default. */
  readonly isAlone?: boolean | undefined;
  /**
   * `jobs.keep`: how long a job is kept after its end, ms; `jobs.maxDisk`: the most that all files may take,
   * bytes.
   */
  readonly settings: Current<{
    readonly jobs: { readonly keep: number; readonly maxDisk: number | undefined };
    /** `library.ladder.effort`: of encoders, for exports with a quality. */
    readonly library?: { readonly ladder: { readonly effort: LadderEffort } };
  }>;
  /** The chains of evidence; undefined: there are none. */
  readonly evidence?: ExportProof | undefined;
  /** Whether the disk has room. */
  readonly mayWrite: () => boolean;
  /** Name of this node; empty without a cluster. */
  readonly node?: string | undefined;
  /** Signs tickets in a cluster, where another node may redeem them. */
  readonly ticketKey?: Uint8Array | undefined;
}

/** The exports of a server. */
export class ExportJobs implements ExportsApi<Reply> {
  /** What `Jobs` registers. */
  readonly kind: JobKind;
  readonly #options: ExportJobsOptions;
  readonly #tickets: DownloadTickets;

  constructor(options: ExportJobsOptions) {
    this.#options = options;
    this.#tickets = new DownloadTickets(() => options.clock.nowMs(), options.ticketKey);
    this.kind = {
      name: KIND,
      place: 'stream',
      work: (job, context) => this.#export(job, context),
      get keepMs() {
        return options.settings.now.jobs.keep;
      },
      resultOf: ({ result }) => result as ExportResult,
      discard: (job) => this.#removeFile(job),
      sweep: () => this.#sweep(),
    };
  }

  /**
   * Queues an export.
   *
   * @throws OxbowError `stream-unknown`, `bad-request`, `bad-time`, `no-media`, `gone`, `window-too-long`,
   *   `queue-full`
   */
  async create(settings: ExportSettings): Promise<ExportJob> {
    const { catalog, jobs } = this.#options;
    const { served } = catalog.get(settings.stream);
    const ranges = rangesOf(settings);
    await estimateExport(served, { ranges });
    const { quality } = settings;
    if (quality !== undefined) await checkQuality(served, { ranges }, parseQuality(quality));
    const printed = ranges.map(({ fromUs, toUs }) => {
      return { from: printRfc3339(fromUs / 1000), to: printRfc3339(toUs / 1000) };
    });
    const input: ExportInput = {
      stream: served.name,
      ...(settings.ranges ? { ranges: printed } : printed[0]!),
      format: settings.format ?? 'mp4',
      exact: settings.exact ?? false,
      ...(quality !== undefined && { quality }),
    };
    return { ...(await jobs.add(KIND, input, { subject: served.name })), result: null };
  }

  /**
   * The file of an export.
   *
   * @throws OxbowError `job-unknown`, also for a job of another kind, `job-unfinished`
   */
  async file(id: string): Promise<Reply> {
    const job = await this.#options.jobs.find(id);
    if (job.kind !== KIND) throw new OxbowError('job-unknown', `The job ${id.slice(0, 80)} is not an export.`);
    if (job.state !== 'done') throw new OxbowError('job-unfinished', `The job is ${job.state}.`);
    const { format } = job.input as ExportInput;
    const { filename, bytes } = job.result as ExportResult;
    return {
      contentType: contentTypes[format],
      cacheControl: 'private, max-age=3600',
      length: bytes,
      body: [{ location: locationOf(job), offset: 0, length: bytes }],
      etag: `${job.id}-${bytes}`,
      filename,
    };
  }

  /**
   * The evidence of a file that does not have it inside, as a file next to it.
   *
   * @throws OxbowError `job-unknown`, `job-unfinished`, `no-evidence`
   */
  async evidence(id: string): Promise<Reply> {
    await this.file(id);
    const { evidence: proof, jobs } = this.#options;
    if (!proof) throw new OxbowError('no-evidence', 'There are no chains of evidence: `evidence.enabled` is off.');
    const job = await jobs.find(id);
    const { stream, ranges } = job.input as ExportInput;
    const result = job.result as ExportResult;
    // Any node answers, also after the end of the stream: its chain stays.
    const body = await printSidecar(
      proof,
      { id: result.streamId ?? '', name: stream },
      result,
      (ranges?.length ?? 1) === 1,
    );
    return {
      contentType: 'application/octet-stream',
      cacheControl: 'private, no-store',
      length: body.length,
      body: [body],
      filename: sidecarName(result.filename),
    };
  }

  /**
   * An address of the file that needs no token, valid for 15 minutes.
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

  /** Exports of a stream whose file has media of a range, or will have. */
  async over(stream: string, range: Range): Promise<readonly { readonly id: string; readonly title: string }[]> {
    const jobs = await this.#options.jobs.queue.list(Number.MAX_SAFE_INTEGER, undefined, {
      kind: KIND,
      subject: stream,
    });
    const touched = jobs.filter(
      (job) =>
        job.state !== 'failed' && job.state !== 'cancelled' && extentsOf(job).some((extent) => overlap(extent, range)),
    );
    return touched.map(({ id, result }) => ({ id, title: (result as ExportResult | null)?.filename ?? '' }));
  }

  async #export(job: Job, { signal, progress }: JobContext): Promise<ExportResult> {
    const { catalog, reader, segments, settings, chunks, evidence } = this.#options;
    const input = job.input as ExportInput;
    const { served } = catalog.get(input.stream);
    const { format, exact } = input;
    const quality = input.quality === undefined ? undefined : parseQuality(input.quality);
    const request = { ranges: rangesOf(input), format, exact, quality } satisfies ExportRequest & { quality: unknown };
    await this.#makeRoom(OVERHEAD * (await estimateExport(served, request)));
    const put = (content: WriteContent) => segments.put(locationOf(job), content, { signal });
    const spools = { store: segments, name: `${EXPORTS}${job.id}` };
    const effort = settings.now.library?.ladder.effort;
    const target = { put, reader, spools, progress, signal, evidence, ...(effort && { effort }) };
    const result = await exportToFile(sourceOf(served, chunks), request, target);
    return { ...result, url: `/api/v1/exports/${job.id}/file` };
  }

  /** Deletes the oldest files until there is room for another. */
  async #makeRoom(neededBytes: number): Promise<void> {
    const { settings, jobs, mayWrite, node } = this.#options;
    const maxBytes = settings.now.jobs.maxDisk;
    if (!mayWrite())
      throw new OxbowError('no-room', 'The free disk space is below record.minFree.', {
        extra: { hint: 'Free disk space, or lower record.minFree (--min-free).' },
      });
    if (maxBytes === undefined) return;
    if (neededBytes > maxBytes) {
      throw new OxbowError(
        'no-room',
        `The file would have about ${Math.round(neededBytes / 1e6)} MB, more than jobs.maxDisk.`,
      );
    }
    // Files of other nodes are on their disks.
    const ownHolder = node ? `node/${node}` : null;
    const done = (await jobs.queue.list(Number.MAX_SAFE_INTEGER)).filter(
      (job) => job.kind === KIND && job.state === 'done' && (job.worker ?? ownHolder) === ownHolder,
    );
    let bytes = done.reduce((sum, job) => sum + (job.result as ExportResult).bytes, 0);
    for (const job of done.reverse()) {
      if (bytes + neededBytes <= maxBytes) return;
      bytes -= (job.result as ExportResult).bytes;
      await jobs.forget(job);
    }
  }

  async #removeFile(job: Job): Promise<void> {
    this.#options.reader.forget(locationOf(job));
    await this.#options.segments.delete(locationOf(job));
  }

  /** Deletes files that a killed process left. */
  async #sweep(): Promise<void> {
    const { jobs, segments, isAlone = true } = this.#options;
    if (isAlone) await segments.sweep(EXPORTS);
    for await (const location of segments.list(EXPORTS)) {
      const owner = /^([0-9a-z]+-[0-9a-f]{16})-\d+\.spool$/.exec(location.slice(EXPORTS.length))?.[1];
      if (owner !== undefined && (await jobs.queue.find(owner))?.state !== 'running') await segments.delete(location);
      const id = /^([0-9a-z]+-[0-9a-f]{16})\.(?:mp4|mkv|ts)$/.exec(location.slice(EXPORTS.length))?.[1];
      const job = id === undefined ? undefined : await jobs.queue.find(id);
      if (id !== undefined && job?.state !== 'done' && job?.state !== 'running') await segments.delete(location);
    }
  }
}

/** The ranges of its stream in a file: as its result says, or at most, while it is not written. */
function extentsOf({ result, input }: Job): readonly Range[] {
  const { parts } = (result ?? {}) as Partial<ExportResult>;
  if (parts) return parts.map(({ from, to }) => ({ fromUs: Date.parse(from) * 1000, toUs: Date.parse(to) * 1000 }));
  return rangesOf(input as ExportInput).map(({ fromUs, toUs }) => ({ fromUs: fromUs - LEAD_US, toUs: toUs + LEAD_US }));
}

/** Where the file of a job is. */
function locationOf({ id, input }: Job): SegmentLocation {
  return segmentLocation(`${EXPORTS}${id}.${(input as ExportInput).format}`);
}

/** A stream of this process as the source of an export. */
function sourceOf(served: ServedMedia, chunks: ChunkQueries): ExportSource {
  return { stream: served, chunks, end: served.timelineEnd };
}
