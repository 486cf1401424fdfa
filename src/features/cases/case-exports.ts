/**
 * Exports of cases: jobs that write an archive below `<data>/cases`. Archives are kept for a limited time and
 * size.
 * In: cases, jobs, recordings. Out: a kind of job, the archives; a line of the audit log for each.
 */

import { createHash } from 'node:crypto';
import type { AuditTrail } from '../../accounts/audit/audit-trail.ts';
import type { CaseArchive, CaseExport } from '../../api/cases/case-shapes.ts';
import type { Requester } from '../../api/deletions/deletions-api.ts';
import { printRfc3339 } from '../../api/instant.ts';
import type { RangeReader } from '../../archive/range-reader.ts';
import { type SegmentStore, segmentPrefix } from '../../archive/segment-store.ts';
import type { EventBus } from '../../cluster/bus/event-bus.ts';
import { JobArchives, type JobArchivesParts } from '../../delivery/export/job-archives.ts';
import type { Range } from '../../delivery/past/past.ts';
import type { Reply } from '../../delivery/reply.ts';
import type { Job, JobContext } from '../../jobs/job.ts';
import type { JobKind } from '../../jobs/job-kinds.ts';
import type { Clock } from '../../lib/clock.ts';
import { OxbowError, sentenceOf } from '../../lib/errors.ts';
import { overlap } from '../../recording/pinned-windows.ts';
import { type ArchiveTools, archiveName, planArchive, writeArchive } from './archive/case-archive.ts';
import type { CaseTable, HeldRange } from './case-table.ts';

/** The kind of these jobs. */
const KIND = 'case-export';
/** Most exports of one case in the list of jobs. */
const MAX_LISTED = 100;

/** The request of an export in the queue: the ranges that the caller might watch when it was made. */
interface ExportInput {
  readonly case: string;
  readonly ranges: readonly {
    readonly id: string;
    readonly streamId: string;
    readonly stream: string;
    readonly from: string;
    readonly to: string;
  }[];
  readonly by: Requester;
}

/** A range whose media is in an archive, or will be; times are µs since 1970. */
export type ExportedRange = Pick<HeldRange, 'streamId' | 'stream' | 'fromUs' | 'toUs'>;

/** What exports are opened with. */
interface CaseExportsOptions extends Pick<ArchiveTools, 'sourceOf' | 'markers'>, JobArchivesParts {
  readonly reader: RangeReader;
  /** The chains of evidence, for the media; undefined: there are none. */
  readonly evidence: ArchiveTools['evidence'];
  readonly table: CaseTable;
  readonly segments: SegmentStore;
  readonly clock: Clock;
  readonly events: Pick<EventBus, 'publish'>;
  readonly audit: Pick<AuditTrail, 'record'>;
}

export class CaseExports {
  /** What `Jobs` registers. */
  readonly kind: JobKind;
  readonly #archives: JobArchives;
  readonly #options: CaseExportsOptions;

  constructor(options: CaseExportsOptions) {
    this.#options = options;
    this.#archives = new JobArchives(KIND, segmentPrefix('cases'), options);
    this.kind = {
      name: KIND,
      work: (job, context) => this.#export(job, context),
      get keepMs() {
        return options.settings.now.jobs.keep;
      },
      resultOf: ({ result }) => result as CaseArchive,
      discard: (job) => this.#archives.remove(job),
      sweep: () => this.#archives.sweep(),
    };
  }

  /**
   * Queues an export of some ranges.
   *
   * @throws OxbowError `case-empty`, `queue-full`, `limit-reached` while one of the case runs
   */
  async create(caseId: string, ranges: readonly HeldRange[], by: Requester): Promise<CaseExport> {
    if (ranges.length === 0) throw new OxbowError('case-empty', 'The case has no range to export.');
    if ((await this.list(caseId)).some(({ state }) => state === 'queued' || state === 'running'))
      throw new OxbowError('limit-reached', 'An export of the case runs already.', {
        extra: { hint: 'Wait for it, or cancel it.' },
      });
    const input: ExportInput = {
      case: caseId,
      ranges: ranges.map(({ id, streamId, stream, fromUs, toUs }) => {
        return { id, streamId, stream, from: printRfc3339(fromUs / 1000), to: printRfc3339(toUs / 1000) };
      }),
      by,
    };
    const { id } = await this.#options.jobs.add(KIND, input, { subject: caseId });
    return this.#view(await this.#options.jobs.find(id));
  }

  /** The exports of a case, newest first. */
  async list(caseId: string): Promise<CaseExport[]> {
    const jobs = await this.#options.jobs.queue.list(MAX_LISTED, undefined, { kind: KIND, subject: caseId });
    return jobs.map((job) => this.#view(job));
  }

  /** Cancels an export, or deletes its archive. @throws OxbowError `job-unknown` */
  async remove(caseId: string, id: string): Promise<void> {
    await this.#find(caseId, id);
    await this.#options.jobs.cancel(id);
  }

  /** Deletes all exports of a case. */
  async removeAll(caseId: string): Promise<void> {
    const { jobs } = this.#options;
    for (const { id } of await jobs.queue.list(Number.MAX_SAFE_INTEGER, undefined, { kind: KIND, subject: caseId }))
      await jobs.cancel(id);
  }

  /** The archive of an export. @throws OxbowError `job-unknown`, `job-unfinished` */
  async file(caseId: string, id: string): Promise<Reply> {
    const job = await this.#find(caseId, id);
    if (job.state !== 'done') throw new OxbowError('job-unfinished', `The export is ${job.state}.`);
    const { filename, bytes, sha256 } = job.result as CaseArchive;
    return {
      contentType: 'application/zip',
      cacheControl: 'private, no-store',
      length: bytes,
      body: [{ location: this.#archives.locationOf(job), offset: 0, length: bytes }],
      etag: sha256,
      filename,
    };
  }

  /**
   * The ranges of an export, which its case may have no more.
   *
   * @throws OxbowError `job-unknown`
   */
  async rangesOf(caseId: string, id: string): Promise<readonly ExportedRange[]> {
    const { ranges } = (await this.#find(caseId, id)).input as ExportInput;
    return ranges.map(({ streamId, stream, from, to }) => {
      return { streamId, stream, fromUs: Date.parse(from) * 1000, toUs: Date.parse(to) * 1000 };
    });
  }

  /** Exports whose archive has media of a range, or will have. */
  async over(stream: string, range: Range): Promise<readonly { readonly id: string; readonly title: string }[]> {
    const jobs = await this.#options.jobs.queue.list(Number.MAX_SAFE_INTEGER, undefined, { kind: KIND });
    const touched = jobs.filter(({ state, input }) => {
      if (state === 'failed' || state === 'cancelled') return false;
      return (input as ExportInput).ranges.some((each) => each.stream === stream && overlap(wide(each), range));
    });
    return touched.map(({ id, result }) => ({ id, title: (result as CaseArchive | null)?.filename ?? '' }));
  }

  async #find(caseId: string, id: string): Promise<Job> {
    const job = await this.#options.jobs.find(id);
    if (job.kind === KIND && job.subject === caseId) return job;
    throw new OxbowError('job-unknown', `The case has no export ${id.slice(0, 80)}.`);
  }

  async #export(job: Job, { signal, progress }: JobContext): Promise<CaseArchive> {
    const { table, segments, clock, reader, markers, evidence, sourceOf, events, audit } = this.#options;
    const { case: caseId, ranges, by } = job.input as ExportInput;
    const found = await table.find(caseId);
    if (!found) throw new OxbowError('case-unknown', `The case ${caseId} was deleted.`);
    const ids = new Set(ranges.map(({ id }) => id));
    const planned = await planArchive(
      found.ranges.filter(({ id }) => ids.has(id)),
      { sourceOf },
    );
    await this.#archives.makeRoom(planned.reduce((sum, { bytes }) => sum + bytes, 0));
    const nowMs = Math.round(clock.nowMs());
    const hash = createHash('sha256');
    let bytes = 0;
    let archive: Awaited<ReturnType<typeof writeArchive>> | undefined;
    await segments.put(
      this.#archives.locationOf(job),
      async (writeBytes) => {
        const write = async (block: Uint8Array) => {
          hash.update(block);
          bytes += block.length;
          await writeBytes(block).catch((error: unknown) => {
            throw new OxbowError('disk-failed', sentenceOf(error), { cause: error });
          });
        };
        const facts = { by: by.name, nowMs };
        archive = await writeArchive(found, planned, {
          sourceOf,
          reader,
          markers,
          evidence,
          write,
          progress,
          signal,
          ...facts,
        });
      },
      { signal },
    );
    const { written, files } = archive!;
    const sha256 = hash.digest('hex');
    const { title, owner } = found;
    const request = `case ${caseId} "${title}": ${written.length} ranges, ${bytes} bytes, SHA-256 ${sha256}`;
    audit.record({ ...by, action: 'exportedCase', request, status: null });
    events.publish('case.exported', { id: caseId, title, owner, job: job.id, by: by.name, bytes, sha256 });
    return {
      url: `/api/v1/cases/${caseId}/exports/${job.id}/file`,
      filename: `${archiveName(found, nowMs)}.zip`,
      bytes,
      sha256,
      files,
      missing: written.flatMap(({ range, problem }) =>
        problem ? [{ range: range.id, stream: range.stream, code: problem.code, detail: problem.detail }] : [],
      ),
    };
  }

  #view(job: Job): CaseExport {
    const { id, state, progress, error, createdAt, endedAt, expiresAt, result } = this.#options.jobs.view(job);
    const { by } = job.input as ExportInput;
    return {
      id,
      state,
      progress,
      error,
      createdAt,
      endedAt,
      expiresAt,
      by: by.name,
      result: result as CaseArchive | null,
    };
  }
}

/** A file begins at most this long before its range, with a key frame, µs. */
const LEAD_US = 60_000_000;

/** The media that the file of a range may have. */
function wide({ from, to }: ExportInput['ranges'][number]): Range {
  return { fromUs: Date.parse(from) * 1000 - LEAD_US, toUs: Date.parse(to) * 1000 + LEAD_US };
}
