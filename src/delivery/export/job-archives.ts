/**
 * Archives that jobs of one kind write, each as one ZIP file in the folder of the kind: room for another one,
 * and what a killed process left.
 * In: jobs, the store of files, limits. Out: files that are deleted; their locations.
 */
import type { RangeReader } from '../../archive/range-reader.ts';
import {
  type SegmentLocation,
  type SegmentStore,
  segmentLocation,
  type segmentPrefix,
} from '../../archive/segment-store.ts';
import type { Job } from '../../jobs/job.ts';
import type { Jobs } from '../../jobs/jobs-api.ts';
import type { Current } from '../../lib/current.ts';
import { OxbowError } from '../../lib/errors.ts';

/** Dependencies. */
export interface JobArchivesParts {
  readonly jobs: Jobs;
  readonly reader: Pick<RangeReader, 'forget'>;
  readonly segments: Pick<SegmentStore, 'delete' | 'list' | 'sweep'>;
  /**
   * `jobs.keep`: how long an archive is kept, ms; `jobs.maxDisk`: the most that all archives may take, bytes.
   */
  readonly settings: Current<{ readonly jobs: { readonly keep: number; readonly maxDisk: number | undefined } }>;
  /** Whether the disk has room. */
  readonly mayWrite: () => boolean;
  /** Whether no other process writes to the folder now. */
  readonly isAlone: boolean;
}

/** The archives of one kind of job, whose results have `bytes`. */
export class JobArchives {
  readonly #kind: string;
  readonly #folder: ReturnType<typeof segmentPrefix>;
  readonly #parts: JobArchivesParts;

  constructor(kind: string, folder: ReturnType<typeof segmentPrefix>, parts: JobArchivesParts) {
    this.#kind = kind;
    this.#folder = folder;
    this.#parts = parts;
  }

  /** The archive of a job. */
  locationOf({ id }: Job): SegmentLocation {
    return segmentLocation(`${this.#folder}${id}.zip`);
  }

  /** Deletes the oldest archives until there is room for another. @throws OxbowError `no-room` */
  async makeRoom(neededBytes: number): Promise<void> {
    const { settings, jobs, mayWrite } = this.#parts;
    const maxBytes = settings.now.jobs.maxDisk;
    if (!mayWrite())
      throw new OxbowError('no-room', 'The free disk space is below record.minFree.', {
        extra: { hint: 'Free disk space, or lower record.minFree (--min-free).' },
      });
    if (maxBytes === undefined) return;
    if (neededBytes > maxBytes) {
      const mb = Math.round(neededBytes / 1e6);
      throw new OxbowError('no-room', `The archive would have about ${mb} MB, more than jobs.maxDisk.`);
    }
    const done = await jobs.queue.list(Number.MAX_SAFE_INTEGER, undefined, { kind: this.#kind, state: 'done' });
    let bytes = done.reduce((sum, job) => sum + bytesOf(job), 0);
    for (const job of done.toReversed()) {
      if (bytes + neededBytes <= maxBytes) return;
      bytes -= bytesOf(job);
      await jobs.forget(job);
    }
  }

  /** Deletes the archive of a job. */
  async remove(job: Job): Promise<void> {
    this.#parts.reader.forget(this.locationOf(job));
    await this.#parts.segments.delete(this.locationOf(job));
  }

  /** Deletes archives that a killed process left. */
  async sweep(): Promise<void> {
    const { jobs, segments, isAlone } = this.#parts;
    if (isAlone) await segments.sweep(this.#folder);
    for await (const location of segments.list(this.#folder)) {
      const id = /^([0-9a-z]+-[0-9a-f]{16})\.zip$/.exec(location.slice(this.#folder.length))?.[1];
      const job = id === undefined ? undefined : await jobs.queue.find(id);
      if (id !== undefined && job?.state !== 'done' && job?.state !== 'running') await segments.delete(location);
    }
  }
}

function bytesOf({ result }: Job): number {
  return (result as { readonly bytes: number }).bytes;
}
