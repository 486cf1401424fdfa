/**
 * Measurements of sets of angles: jobs that compare sound and store the offsets.
 * In: sets, the place to compare. Out: a kind of job; changed sets. One measurement of a set at a time.
 */
import type { AngleMeasurement } from '../../api/angles/angle-shapes.ts';
import type { EventBus } from '../../cluster/bus/event-bus.ts';
import type { Job, JobContext } from '../../jobs/job.ts';
import type { JobKind } from '../../jobs/job-kinds.ts';
import type { Jobs } from '../../jobs/jobs-api.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { AngleMembers } from './angle-members.ts';
import type { AngleTable, StoredAngleSet } from './angle-table.ts';
import { type MeasuredSet, type MissedAngle, measureSet, type ReadSound } from './measure-set.ts';

/** The kind of these jobs. */
const KIND = 'angle-measure';
/** Most measurements that wait. */
const MAX_QUEUED = 50;
/** How long a result is kept, ms. */
const KEEP_MS = 24 * 3_600_000;
/** Longest measurement, ms. */
const MAX_MS = 300_000;

/** The request in the queue. */
interface MeasureInput {
  readonly set: string;
  /** Ids of the members that the caller might watch. */
  readonly members: readonly string[];
  readonly atMs: number;
  readonly withinMs: number;
}

/** The result in the queue. */
interface MeasureResult {
  readonly found: number;
  readonly missed: readonly MissedAngle[];
}

/** Dependencies. */
interface MeasurementsParts {
  readonly jobs: Jobs;
  readonly table: AngleTable;
  readonly members: AngleMembers;
  readonly readSound: ReadSound;
  readonly events: Pick<EventBus, 'publish'>;
}

/** The measurements of a server. */
export class AngleMeasurements {
  /** What `Jobs` registers. */
  readonly kind: JobKind;
  readonly #parts: MeasurementsParts;

  constructor(parts: MeasurementsParts) {
    this.#parts = parts;
    this.kind = {
      name: KIND,
      work: (job, context) => this.#measure(job, context),
      keepMs: KEEP_MS,
      resultOf: ({ result }) => result as Record<string, unknown>,
    };
  }

  /**
   * Queues a measurement.
   *
   * @throws OxbowError `limit-reached` while one of the set waits or runs; `queue-full`
   */
  async create(input: MeasureInput): Promise<AngleMeasurement> {
    const last = await this.of(input.set);
    if (last?.state === 'queued' || last?.state === 'running')
      throw new OxbowError('limit-reached', 'A measurement of the set of angles runs already.', {
        extra: { hint: 'Wait for it: GET the set has its progress.' },
      });
    const { id } = await this.#parts.jobs.add(KIND, input, { subject: input.set, maxQueued: MAX_QUEUED, maxTries: 2 });
    return measurementOf(await this.#parts.jobs.find(id));
  }

  /** The last measurement of a set. */
  async of(set: string): Promise<AngleMeasurement | undefined> {
    const [job] = await this.#parts.jobs.queue.list(1, undefined, { kind: KIND, subject: set });
    return job && measurementOf(job);
  }

  /** Cancels and deletes those of a set. */
  async removeAll(set: string): Promise<void> {
    const { jobs } = this.#parts;
    for (const { id } of await jobs.queue.list(Number.MAX_SAFE_INTEGER, undefined, { kind: KIND, subject: set }))
      await jobs.cancel(id);
  }

  async #measure(job: Job, { signal: outer, progress }: JobContext): Promise<MeasureResult> {
    const { table, members, readSound, events } = this.#parts;
    const { set: id, members: ids, atMs, withinMs } = job.input as MeasureInput;
    const set = await table.find(id);
    if (!set) throw new OxbowError('angle-set-unknown', `The set of angles ${id} was deleted.`);
    const angles = (await members.present(set.members)).filter(({ member }) => ids.includes(member.id));
    const limit = AbortSignal.timeout(MAX_MS);
    const signal = AbortSignal.any([outer, limit]);
    let measured: MeasuredSet;
    try {
      measured = await measureSet(angles, { atMs, withinMs }, { readSound, progress, signal });
    } catch (error) {
      if (outer.aborted || !limit.aborted) throw error;
      throw new OxbowError('engine-failed', `The comparison of the sound took longer than ${MAX_MS / 1000} s.`);
    }
    const changed = new Set<string>();
    const offsetOf = ({ members: all }: Pick<StoredAngleSet, 'members'>, member?: string) =>
      all.find((each) => each.id === member)?.offsetMs;
    if (measured.found.length > 0) {
      await table.change(id, (now) => {
        changed.clear();
        // An offset is right for that of the member that was compared with, too.
        const isMoved = offsetOf(set, measured.reference) !== offsetOf(now, measured.reference);
        const next = now.members.map((member) => {
          const result = measured.found.find((each) => each.id === member.id);
          if (!result) return member;
          if (isMoved || offsetOf(set, member.id) !== member.offsetMs) {
            changed.add(member.id);
            return member;
          }
          return { ...result, kind: member.kind, of: member.of, how: 'sound' as const };
        });
        return { name: now.name, atUs: now.atUs, members: next };
      });
    }
    const missed = [...measured.missed, ...Array.from(changed, (member) => ({ member, reason: 'changed' as const }))];
    const { name, owner } = set;
    const found = measured.found.length - changed.size;
    events.publish('angles.measured', { id, name, owner, found, missed: missed.length });
    return { found, missed };
  }
}

function measurementOf({ id, state, progress, error, result }: Job): AngleMeasurement {
  const { missed = [] } = (result ?? {}) as Partial<MeasureResult>;
  return { id, state, progress, error, missed: [...missed] };
}
