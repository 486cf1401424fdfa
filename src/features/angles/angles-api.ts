/**
 * The API of sets of angles: creates, changes and deletes them.
 * In: requests that HTTP has checked, and their callers. Out: views, events. docs/7-together/angles.md.
 */
import type { Principal } from '../../accounts/principal.ts';
import type {
  AngleMeasurement,
  AngleMember,
  AngleSet,
  AngleSetList,
  NewAngleMember,
} from '../../api/angles/angle-shapes.ts';
import { printRfc3339 } from '../../api/instant.ts';
import type { EventBus } from '../../cluster/bus/event-bus.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Current } from '../../lib/current.ts';
import { OxbowError } from '../../lib/errors.ts';
import { type Angle, type AngleMembers, type FoundAngle, titleOf } from './angle-members.ts';
import { type AngleTable, angleSetUnknown, type StoredAngle, type StoredAngleSet } from './angle-table.ts';

const PAGE = 50;
const MOST = 100;
/** A change of a clock beyond this is none that an oscillator makes, parts per million. */
const MOST_DRIFT_PPM = 1000;
/** A set without a date opens this long before its creation, ms. */
const BEFORE_MS = 60_000;

/** Checks If-Match against the revision of a set. @throws OxbowError `precondition-failed` */
export type AngleCondition = (revision: string) => void;

/** A set as a caller sees it, and its ETag. */
export interface ShownAngleSet {
  readonly view: AngleSet;
  readonly revision: string;
}

/** A change by a person; times are ms. */
export interface AngleSetChange {
  readonly name?: string | undefined;
  /** null: live. */
  readonly atMs?: number | null | undefined;
  readonly offsets?: readonly { readonly member: string; readonly offsetMs: number }[] | undefined;
}

/** Dependencies of the API. */
interface AnglesParts {
  readonly table: AngleTable;
  readonly members: AngleMembers;
  readonly events: Pick<EventBus, 'publish'>;
  readonly clock: Clock;
  readonly settings: Current<{ readonly angles: { readonly perUser: number; readonly max: number } }>;
  /** Name of a user by the owner of a set; undefined for programs and deleted users. */
  readonly nameOf: (owner: string) => string | undefined;
  /** The last measurement of a set. */
  readonly measurementOf: (set: string) => Promise<AngleMeasurement | undefined>;
  /** Cancels the jobs of a set, and deletes its archives. */
  readonly removeJobs: (set: string) => Promise<void>;
}

/** The API of sets of angles. */
export class Angles {
  readonly #parts: AnglesParts;

  constructor(parts: AnglesParts) {
    this.#parts = parts;
  }

  /** A page, newest first: sets of which the caller sees two members, and their own. */
  async list(
    { limit, cursor }: { readonly limit?: string | undefined; readonly cursor?: string | undefined },
    principal: Principal,
  ): Promise<AngleSetList> {
    const size = Math.min(MOST, Number(limit ?? PAGE));
    const rows = await this.#parts.table.page(size + 1, cursor === undefined ? undefined : readCursor(cursor));
    const shown = rows.slice(0, size);
    const items: AngleSet[] = [];
    for (const set of shown) {
      const angles = await this.#parts.members.seen(set, principal);
      if (this.#isShown(set, angles, principal)) items.push(this.#view(set, angles, principal, undefined));
    }
    return { items, nextCursor: rows.length > size ? printCursor(shown.at(-1)!) : null };
  }

  /** A set with the members that the caller sees. @throws OxbowError `angle-set-unknown` */
  async find(id: string, principal: Principal): Promise<{ readonly set: StoredAngleSet; readonly angles: Angle[] }> {
    const set = await this.#parts.table.find(id);
    const angles = set ? await this.#parts.members.seen(set, principal) : [];
    if (!set || !this.#isShown(set, angles, principal)) throw angleSetUnknown(id);
    return { set, angles };
  }

  /** As `find`, for a caller who may change it. @throws OxbowError `unauthorized`, `forbidden` too */
  async findOwn(id: string, principal: Principal): Promise<{ readonly set: StoredAngleSet; readonly angles: Angle[] }> {
    const found = await this.find(id, principal);
    if (this.#parts.members.mayChange(found.set, principal)) return found;
    if (principal.owner === '')
      throw new OxbowError('unauthorized', 'Sets of angles are changed by their owner and by administrators.');
    throw new OxbowError('forbidden', 'The set of angles belongs to another owner.');
  }

  /** @throws OxbowError `angle-set-unknown` */
  async get(id: string, principal: Principal): Promise<ShownAngleSet> {
    // Read first: a set whose measurement is done has its offsets.
    const measurement = await this.#parts.measurementOf(id);
    const { set, angles } = await this.find(id, principal);
    return this.#shown(set, angles, principal, measurement);
  }

  /**
   * Creates a set. Members with a programme time are placed by it.
   *
   * @throws OxbowError `bad-request`, `stream-unknown`, `asset-unknown`, `limit-reached`, `unauthorized`,
   *   `forbidden` for guests
   */
  async create(
    { name, atMs, members }: { name: string; atMs: number | undefined; members: readonly NewAngleMember[] },
    principal: Principal,
  ): Promise<ShownAngleSet> {
    const { table, clock } = this.#parts;
    await this.#assertCreates(principal);
    const found: FoundAngle[] = [];
    for (const member of members) found.push(await this.#parts.members.find(member, principal));
    const keys = found.map(({ stream, asset }) => (stream ? `stream ${stream.id}` : `asset ${asset.id}`));
    if (new Set(keys).size < keys.length)
      throw new OxbowError('bad-request', '`members` names a stream or video twice.');
    const nowMs = Math.round(clock.nowMs());
    const opensMs = atMs ?? opensAt(found, nowMs);
    const stored = found.map((angle, i) => placed(angle, members[i]!.offsetMs, opensMs ?? nowMs - BEFORE_MS, i));
    const set = await table.add({
      name: nameIn(name),
      atUs: opensMs === undefined ? undefined : Math.round(opensMs * 1000),
      members: stored,
      owner: principal.owner,
      createdUs: nowMs * 1000,
    });
    this.#publish('angles.created', set);
    return this.#shown(set, await this.#parts.members.seen(set, principal), principal, undefined);
  }

  /**
   * Changes a set. An offset that is set here counts as found by hand.
   *
   * @throws OxbowError `angle-set-unknown`, `angle-unknown`, `forbidden`, `precondition-failed`
   */
  async update(
    id: string,
    { name, atMs, offsets = [] }: AngleSetChange,
    principal: Principal,
    condition: AngleCondition,
  ): Promise<ShownAngleSet> {
    const { angles } = await this.findOwn(id, principal);
    const seen = new Set(angles.map(({ member }) => member.id));
    for (const { member } of offsets) if (!seen.has(member)) throw angleUnknown(member);
    const changed = await this.#parts.table.change(id, (set) => {
      condition(String(set.revision));
      return {
        name: name === undefined ? set.name : nameIn(name),
        atUs: atMs === undefined ? set.atUs : atMs === null ? undefined : Math.round(atMs * 1000),
        members: set.members.map((member) => {
          const offset = offsets.find((each) => each.member === member.id);
          if (!offset || offset.offsetMs === member.offsetMs) return member;
          return { id: member.id, kind: member.kind, of: member.of, offsetMs: rounded(offset.offsetMs), how: 'hand' };
        }),
      };
    });
    this.#publish('angles.changed', changed);
    const measurement = await this.#parts.measurementOf(id);
    return this.#shown(changed, await this.#parts.members.seen(changed, principal), principal, measurement);
  }

  /**
   * Deletes a set; its media stays.
   *
   * @throws OxbowError `angle-set-unknown`, `forbidden`, `precondition-failed`
   */
  async remove(id: string, principal: Principal, condition: AngleCondition): Promise<void> {
    const { set } = await this.findOwn(id, principal);
    condition(String(set.revision));
    if (!(await this.#parts.table.remove(id))) throw angleSetUnknown(id);
    await this.#parts.removeJobs(id);
    this.#publish('angles.deleted', set);
  }

  /** The sets of an owner, for the export of their data. */
  async exportOf(owner: string) {
    const sets = await this.#parts.table.ofOwner(owner);
    return sets.map(({ id, name, createdUs, members }) => {
      return { id, name, createdAt: printRfc3339(createdUs / 1000), members };
    });
  }

  async #assertCreates({ isAdmin, user, owner }: Principal): Promise<void> {
    if (!isAdmin && user?.role === 'guest') throw new OxbowError('forbidden', 'Guests make no sets of angles.');
    const { perUser, max } = this.#parts.settings.now.angles;
    const { all, own } = await this.#parts.table.counts(owner);
    if (all >= max)
      throw new OxbowError('limit-reached', `This server has ${max} sets of angles already (angles.max).`);
    if (!isAdmin && own >= perUser)
      throw new OxbowError('limit-reached', `You have ${perUser} sets of angles already (angles.perUser).`);
  }

  #isShown(set: StoredAngleSet, angles: readonly Angle[], principal: Principal): boolean {
    return angles.length >= 2 || this.#parts.members.mayChange(set, principal);
  }

  #shown(
    set: StoredAngleSet,
    angles: readonly Angle[],
    principal: Principal,
    measurement: AngleMeasurement | undefined,
  ): ShownAngleSet {
    return { view: this.#view(set, angles, principal, measurement), revision: String(set.revision) };
  }

  #view(
    set: StoredAngleSet,
    angles: readonly Angle[],
    principal: Principal,
    measurement: AngleMeasurement | undefined,
  ): AngleSet {
    const mayChange = this.#parts.members.mayChange(set, principal);
    const seen = new Set(angles.map(({ member }) => member.id));
    const missed = measurement?.missed.filter(({ member }) => seen.has(member)) ?? [];
    return {
      id: set.id,
      name: set.name,
      at: set.atUs === undefined ? null : printRfc3339(set.atUs / 1000),
      createdBy: this.#parts.nameOf(set.owner) ?? null,
      createdAt: printRfc3339(set.createdUs / 1000),
      mayChange,
      members: angles.map(memberView),
      measurement: measurement && mayChange ? { ...measurement, missed } : null,
    };
  }

  #publish(type: 'angles.created' | 'angles.changed' | 'angles.deleted', { id, name, owner }: StoredAngleSet): void {
    this.#parts.events.publish(type, { id, name, owner });
  }
}

/** The refusal of a member that the set does not have, or that the caller may not see. */
export function angleUnknown(member: string): OxbowError {
  return new OxbowError('angle-unknown', `The set of angles has no member ${member.slice(0, 40)}.`);
}

/** @throws OxbowError `bad-request` for a name of spaces */
function nameIn(text: string): string {
  const name = text.trim();
  if (name === '') throw new OxbowError('bad-request', '`name` is empty.');
  return name;
}

/** When a video begins by its own dates, ms since 1970; undefined: it has none. */
function startOf({ recording }: { readonly recording: { readonly fromUs: number } | null }): number | undefined {
  return recording ? recording.fromUs / 1000 : undefined;
}

/** Where a set without streams opens, ms; undefined: live. */
function opensAt(found: readonly FoundAngle[], nowMs: number): number | undefined {
  if (found.some(({ stream }) => stream)) return undefined;
  const starts = found.flatMap(({ asset }) => (asset && startOf(asset)) ?? []);
  return starts.length > 0 ? Math.min(...starts) : nowMs - BEFORE_MS;
}

/**
 * A member at its first offset.
 *
 * @param opensMs where a video without a date begins, on the clock of the set
 */
function placed(angle: FoundAngle, offsetMs: number | undefined, opensMs: number, index: number): StoredAngle {
  const { stream, asset } = angle;
  const who = stream ? ({ kind: 'stream', of: stream.id } as const) : ({ kind: 'asset', of: asset.id } as const);
  const id = `m${index + 1}`;
  if (offsetMs !== undefined) return { id, ...who, offsetMs: rounded(offsetMs), how: 'hand' };
  if (stream) return { id, ...who, offsetMs: 0, how: 'time' };
  const startMs = startOf(asset);
  if (startMs !== undefined) return { id, ...who, offsetMs: rounded(startMs), how: 'time' };
  return { id, ...who, offsetMs: rounded(opensMs), how: 'none' };
}

/** Offsets are kept to the microsecond. */
function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}

function memberView(angle: Angle): AngleMember {
  const { member, stream, asset } = angle;
  const { id, offsetMs, how, confidence, errorMs, measuredMs, drift } = member;
  return {
    id,
    stream: stream?.name ?? null,
    asset: asset?.id ?? null,
    title: titleOf(angle),
    seconds: asset?.durationUs == null ? null : asset.durationUs / 1e6,
    offsetMs,
    how,
    confidence: confidence ?? null,
    errorMs: errorMs ?? null,
    measuredAt: measuredMs === undefined ? null : printRfc3339(measuredMs),
    drift: drift ? driftView(drift) : null,
  };
}

function driftView({ ms, overMs }: NonNullable<StoredAngle['drift']>): NonNullable<AngleMember['drift']> {
  const ppm = (ms / overMs) * 1e6;
  return { ms, overSeconds: overMs / 1000, ppm, isJump: Math.abs(ppm) > MOST_DRIFT_PPM };
}

function printCursor({ createdUs, id }: StoredAngleSet): string {
  return `${createdUs}.${id}`;
}

/** @throws OxbowError `bad-request` for an invalid cursor */
function readCursor(cursor: string): Pick<StoredAngleSet, 'createdUs' | 'id'> {
  const [, at, id] = /^(\d{1,16})\.([\w-]{1,40})$/.exec(cursor) ?? [];
  if (at === undefined || id === undefined) throw new OxbowError('bad-request', 'The cursor is not one of this list.');
  return { createdUs: Number(at), id };
}
