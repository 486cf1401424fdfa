/**
 * Exports of sets of angles: jobs that write one archive with a file of each stream, all of the same moment.
 * In: sets, recordings, jobs. Out: a kind of job, the archives below `<data>/angles`.
 */
import { createHash } from 'node:crypto';
import { FormatError } from '@oxbow/media/errors';
import type { AngleArchive, AngleExport } from '../../api/angles/angle-shapes.ts';
import { printRfc3339 } from '../../api/instant.ts';
import type { RangeReader } from '../../archive/range-reader.ts';
import { isMissing, type SegmentStore, segmentPrefix } from '../../archive/segment-store.ts';
import { type ExportSource, estimateExport, writeExport } from '../../delivery/export/export.ts';
import { JobArchives, type JobArchivesParts } from '../../delivery/export/job-archives.ts';
import { ZipWriter } from '../../delivery/export/zip-writer.ts';
import type { Range } from '../../delivery/past/past.ts';
import type { Reply } from '../../delivery/reply.ts';
import { recode } from '../../ffmpeg/recode.ts';
import type { Job, JobContext } from '../../jobs/job.ts';
import type { JobKind } from '../../jobs/job-kinds.ts';
import type { Clock } from '../../lib/clock.ts';
import { OxbowError, sentenceOf } from '../../lib/errors.ts';
import { overlap } from '../../recording/pinned-windows.ts';
import { type Angle, type AngleMembers, titleOf } from './angle-members.ts';
import type { AngleTable } from './angle-table.ts';

/** The kind of these jobs. */
const KIND = 'angle-export';
const MAX_LISTED = 100;
const MAX_QUEUED = 50;
/** Size of a file relative to its media. */
const OVERHEAD = 1.1;
/** A file begins at most this long before its range, with a key frame, µs. */
const LEAD_US = 60_000_000;

/** The request in the queue. */
interface ExportInput {
  readonly set: string;
  /** On the clock of the set, RFC 3339. */
  readonly from: string;
  readonly to: string;
  readonly exact: boolean;
  /** Streams and their ranges when it was requested: a deletion of a range cancels the job. */
  readonly streams: readonly { readonly stream: string; readonly fromUs: number; readonly toUs: number }[];
}

/** A stream of a set at a moment. */
interface PlannedAngle {
  readonly member: string;
  readonly name: string;
  readonly source: ExportSource;
  readonly range: Range;
  readonly bytes: number;
}

/** Dependencies. */
interface AngleExportsParts extends JobArchivesParts {
  readonly table: AngleTable;
  readonly members: AngleMembers;
  readonly sourceOf: (of: { readonly streamId: string; readonly stream: string }) => Promise<ExportSource>;
  readonly reader: RangeReader;
  readonly segments: SegmentStore;
  readonly clock: Clock;
}

/** The exports of a server. */
export class AngleExports {
  /** What `Jobs` registers. */
  readonly kind: JobKind;
  readonly #archives: JobArchives;
  readonly #parts: AngleExportsParts;

  constructor(parts: AngleExportsParts) {
    this.#parts = parts;
    this.#archives = new JobArchives(KIND, segmentPrefix('angles'), parts);
    this.kind = {
      name: KIND,
      work: (job, context) => this.#export(job, context),
      get keepMs() {
        return parts.settings.now.jobs.keep;
      },
      resultOf: ({ result }) => result as Record<string, unknown>,
      discard: (job) => this.#archives.remove(job),
      sweep: () => this.#archives.sweep(),
    };
  }

  /**
   * Queues an export.
   *
   * @param range on the clock of the set, ms
   * @throws OxbowError `angle-not-recorded`, `limit-reached` while one of the set runs, `queue-full`
   */
  async create(
    set: string,
    angles: readonly Angle[],
    { fromMs, toMs, exact }: { readonly fromMs: number; readonly toMs: number; readonly exact: boolean },
  ): Promise<AngleExport> {
    const streams = angles.flatMap((angle) => {
      return angle.stream ? [{ stream: angle.stream.name, ...rangeOf(angle, fromMs, toMs) }] : [];
    });
    if (streams.length === 0)
      throw new OxbowError('angle-not-recorded', 'No member of the set of angles is a stream with a recording.');
    if ((await this.list(set)).some(({ state }) => state === 'queued' || state === 'running'))
      throw new OxbowError('limit-reached', 'An export of the set of angles runs already.', {
        extra: { hint: 'Wait for it, or cancel it.' },
      });
    const input: ExportInput = { set, from: printRfc3339(fromMs), to: printRfc3339(toMs), exact, streams };
    const { id } = await this.#parts.jobs.add(KIND, input, { subject: set, maxQueued: MAX_QUEUED });
    return this.#view(await this.#parts.jobs.find(id));
  }

  /** The exports of a set, newest first. */
  async list(set: string): Promise<AngleExport[]> {
    const jobs = await this.#parts.jobs.queue.list(MAX_LISTED, undefined, { kind: KIND, subject: set });
    return jobs.map((job) => this.#view(job));
  }

  /** Cancels an export, or deletes its archive. @throws OxbowError `job-unknown` */
  async remove(set: string, id: string): Promise<void> {
    await this.#find(set, id);
    await this.#parts.jobs.cancel(id);
  }

  /** Deletes all exports of a set. */
  async removeAll(set: string): Promise<void> {
    const { jobs } = this.#parts;
    for (const { id } of await jobs.queue.list(Number.MAX_SAFE_INTEGER, undefined, { kind: KIND, subject: set }))
      await jobs.cancel(id);
  }

  /** The archive of an export. @throws OxbowError `job-unknown`, `job-unfinished` */
  async file(set: string, id: string): Promise<Reply> {
    const job = await this.#find(set, id);
    if (job.state !== 'done') throw new OxbowError('job-unfinished', `The export is ${job.state}.`);
    const { filename, bytes, sha256 } = job.result as AngleArchive;
    return {
      contentType: 'application/zip',
      cacheControl: 'private, no-store',
      length: bytes,
      body: [{ location: this.#archives.locationOf(job), offset: 0, length: bytes }],
      etag: sha256,
      filename,
    };
  }

  /** Exports whose archive has media of a range of a stream, or will have. */
  async over(stream: string, range: Range): Promise<readonly { readonly id: string; readonly title: string }[]> {
    const jobs = await this.#parts.jobs.queue.list(Number.MAX_SAFE_INTEGER, undefined, { kind: KIND });
    const touched = jobs.filter(({ state, input }) => {
      if (state === 'failed' || state === 'cancelled') return false;
      return (input as ExportInput).streams.some((each) => each.stream === stream && overlap(wide(each), range));
    });
    return touched.map(({ id, result }) => ({ id, title: (result as AngleArchive | null)?.filename ?? '' }));
  }

  async #find(set: string, id: string): Promise<Job> {
    const job = await this.#parts.jobs.find(id);
    if (job.kind === KIND && job.subject === set) return job;
    throw new OxbowError('job-unknown', `The set of angles has no export ${id.slice(0, 80)}.`);
  }

  async #export(job: Job, { signal, progress }: JobContext): Promise<AngleArchive> {
    const { table, members, segments, clock } = this.#parts;
    const input = job.input as ExportInput;
    const set = await table.find(input.set);
    if (!set) throw new OxbowError('angle-set-unknown', `The set of angles ${input.set} was deleted.`);
    // Ranges of the request: an offset that changed since would be of another moment, and not be deletable.
    const missing: AngleArchive['missing'] = [];
    const planned = await this.#plan(await members.present(set.members), input, missing);
    await this.#archives.makeRoom(planned.reduce((sum, { bytes }) => sum + bytes, 0));
    const fileBase = `${slugOf(set.name) || 'angles'}-${compact(input.from)}`;
    const hash = createHash('sha256');
    let bytes = 0;
    const files: AngleArchive['files'] = [];
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
        const zip = new ZipWriter(write, { nowMs: Math.round(clock.nowMs()) });
        for (const [i, angle] of planned.entries()) {
          const report = (share: number) => progress((i + share) / planned.length);
          const written = await this.#writeFile(zip, `${fileBase}/`, angle, { input, signal, progress: report });
          if ('code' in written) missing.push(written);
          else files.push(written);
        }
        if (files.length === 0) throw new OxbowError('no-media', missing[0]?.detail ?? 'No angle is recorded there.');
        await zip.finish();
      },
      { signal },
    );
    const sha256 = hash.digest('hex');
    const url = `/api/v1/angle-sets/${set.id}/exports/${job.id}/file`;
    return { url, filename: `${fileBase}.zip`, bytes, sha256, files, missing };
  }

  /** The streams that have media then. @param missing gets the others */
  async #plan(angles: readonly Angle[], input: ExportInput, missing: AngleArchive['missing']): Promise<PlannedAngle[]> {
    const planned: PlannedAngle[] = [];
    for (const angle of angles) {
      const { member, stream } = angle;
      const requested = stream && input.streams.find((each) => each.stream === stream.name);
      if (!requested) {
        const detail = `${titleOf(angle)} is a video, which is not cut.`;
        if (!stream) missing.push({ member: member.id, code: 'angle-not-recorded', detail });
        continue;
      }
      try {
        const source = await this.#parts.sourceOf({ streamId: stream.id, stream: stream.name });
        const range = { fromUs: requested.fromUs, toUs: requested.toUs };
        const bytes = OVERHEAD * (await estimateExport(source.stream, { ranges: [range] }));
        const name = `${planned.length + 1}-${stream.name}`;
        planned.push({ member: member.id, name, source, range, bytes });
      } catch (error) {
        if (!(error instanceof OxbowError)) throw error;
        missing.push({ member: member.id, code: error.code, detail: error.message });
      }
    }
    return planned;
  }

  async #writeFile(
    zip: ZipWriter,
    folder: string,
    { member, name, source, range, bytes }: PlannedAngle,
    { input, signal, progress }: JobContext & { readonly input: ExportInput },
  ): Promise<AngleArchive['files'][number] | AngleArchive['missing'][number]> {
    const { reader } = this.#parts;
    let isBegun = false;
    let file: { startsAtMs: number; seconds: number } | undefined;
    try {
      await zip.add({
        name: `${folder}${name}.mp4`,
        expected: bytes,
        async content(writeBytes) {
          const write = (block: Uint8Array) => {
            isBegun = true;
            return writeBytes(block);
          };
          const request = { ranges: [range], format: 'mp4', exact: input.exact } as const;
          const { seconds, parts } = await writeExport(source.stream, request, {
            reader,
            recode,
            write,
            progress,
            signal,
          });
          const startUs = parts[0]?.[0]?.fromUs ?? range.fromUs;
          file = { startsAtMs: (startUs - range.fromUs) / 1000, seconds };
        },
      });
    } catch (error) {
      const refusal = refusalOf(error);
      if (isBegun || !refusal || signal.aborted) throw error;
      return { member, code: refusal.code, detail: refusal.message };
    }
    return { member, name: `${name}.mp4`, ...file! };
  }

  #view(job: Job): AngleExport {
    const { id, state, progress, error, createdAt, expiresAt, result } = this.#parts.jobs.view(job);
    return { id, state, progress, error, createdAt, expiresAt, result: result as AngleArchive | null };
  }
}

/** The range of a member for one of the set, ms: in µs on its own clock. */
export function rangeOf({ member: { offsetMs } }: Pick<Angle, 'member'>, fromMs: number, toMs: number): Range {
  return { fromUs: Math.round((fromMs - offsetMs) * 1000), toUs: Math.round((toMs - offsetMs) * 1000) };
}

/** The media that a file may have. */
function wide({ fromUs, toUs }: Range): Range {
  return { fromUs: fromUs - LEAD_US, toUs: toUs + LEAD_US };
}

function refusalOf(error: unknown): OxbowError | undefined {
  if (isMissing(error)) return new OxbowError('gone', 'The recording was deleted while it was exported.');
  if (error instanceof FormatError)
    return new OxbowError('unsupported-media', `The recording cannot be read: ${error.message}.`);
  return error instanceof OxbowError ? error : undefined;
}

/** A name as a part of a file name. */
function slugOf(text: string): string {
  return text
    .normalize('NFKD')
    .replaceAll(/[^A-Za-z0-9]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
    .toLowerCase()
    .slice(0, 40);
}

/** An instant in a file name, e.g. `20261119T080000Z`. */
function compact(instant: string): string {
  return instant.replaceAll(/[-:]|\.\d+/g, '');
}
