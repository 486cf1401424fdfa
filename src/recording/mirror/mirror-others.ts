/**
 * Removes what was deleted from the objects of other owners in a target: of a node that had the stream
 * before, or that is lost. What else such an object has stays, under its key.
 * In: deletions of this process. Out: changed objects. An owner that runs deletes its objects itself after
 * about two minutes, so young objects are read only for a deletion on request.
 */
import { FormatError } from '@oxbow/media/errors';
import type { ListedObject, ObjectClient } from '../../archive/objects/object-client.ts';
import { namedChunkOf } from '../../archive/recording-locations.ts';
import type { SegmentLocation, SegmentPrefix } from '../../archive/segment-store.ts';
import { dropOldest } from '../../lib/drop-oldest.ts';
import type { MirrorRecord } from './mirror-batch.ts';
import { eraseFrom } from './mirror-erasure.ts';
import { listLog, timeOfKey } from './mirror-log.ts';
import { type MirrorObjects, msnsOf, type RemovedMsns, readRecords } from './mirror-objects.ts';

/** Pause between two passes over the objects of others, ms. */
const EVERY_MS = 60_000;
/** A pass that has read enough continues after this time, ms. */
const SOON_MS = 2_000;
/** Its owner has no use for an object that is older, unless a target failed; ms. */
const SETTLED_MS = 600_000;
/** A deletion is looked for in objects that are sent after it for this long, ms. */
const KEEP_MS = 900_000;
/** Deletions that wait; the oldest is dropped. */
const MAX_DELETIONS = 20_000;
/** Bounds of the objects of others. */
interface OtherLimits {
  /** Objects whose records are remembered; of a place with more, each pass reads the others again. */
  readonly known: number;
  /** Objects that one call reads or writes. */
  readonly reads: number;
}
const LIMITS: OtherLimits = { known: 20_000, reads: 500 };

interface Deletion {
  readonly streamId: string;
  /** Monotonic ms. */
  readonly atMs: number;
  isUrgent: boolean;
}

/** One pass over the objects of others: stops when it has read enough, and continues with the next call. */
interface Pass {
  /** Monotonic ms. */
  readonly startedMs: number;
  /** Objects that were put later are for the next pass: their files are not known. ms since 1970. */
  readonly untilMs: number;
  readonly isUrgent: boolean;
  /** The deletions that waited when it began: later ones need another pass. */
  readonly deletions: ReadonlyMap<SegmentPrefix, Deletion>;
  /** First its files are looked for, which say where deleted ones end; then objects are changed. */
  phase: 'look' | 'remove';
  /** The last key that is done in this phase. */
  after: string;
  /** Files of the streams with deletions. */
  readonly locations: Set<SegmentLocation>;
}

/** Objects of other owners in one target. */
export class OtherObjects {
  readonly #prefix: string;
  readonly #own: MirrorObjects;
  readonly #limits: OtherLimits;
  readonly #clock: { nowMs(): number; monotonicMs(): number };
  readonly #deletions = new Map<SegmentPrefix, Deletion>();
  /** Records of objects that were read, by key; of those of other programs none. */
  readonly #known = new Map<string, readonly MirrorRecord[]>();
  #nextMs = Number.NEGATIVE_INFINITY;
  #pass: Pass | undefined;

  /** @param prefix that of the target, may be empty */
  constructor(
    prefix: string,
    own: MirrorObjects,
    clock: { nowMs(): number; monotonicMs(): number },
    limits: OtherLimits = LIMITS,
  ) {
    this.#limits = limits;
    this.#prefix = prefix;
    this.#own = own;
    this.#clock = clock;
  }

  /** Deletions wait. */
  get isDue(): boolean {
    return this.#deletions.size > 0;
  }

  /** Stored media was deleted. @param isUrgent on request: young objects are read too */
  deleted(prefix: SegmentPrefix, streamId: string, isUrgent: boolean): void {
    this.#deletions.set(prefix, { streamId, atMs: this.#clock.monotonicMs(), isUrgent });
    dropOldest(this.#deletions, MAX_DELETIONS);
    if (isUrgent) this.#nextMs = Number.NEGATIVE_INFINITY;
  }

  /**
   * Removes what was deleted, if a pass is due. Rejects if the target fails: the next call continues.
   * @returns the number of changed objects
   */
  async work(client: ObjectClient, { signal }: { readonly signal: AbortSignal }): Promise<number> {
    if (this.#deletions.size === 0 || this.#clock.monotonicMs() < this.#nextMs) return 0;
    this.#pass ??= this.#begin();
    const pass = this.#pass;
    const room = { reads: this.#limits.reads };
    if (pass.phase === 'look' && (await this.#look(client, pass, room, signal))) {
      pass.phase = 'remove';
      pass.after = '';
    }
    let changed = 0;
    const isComplete =
      pass.phase === 'remove' && (await this.#remove(client, pass, { room, signal, changed: () => changed++ }));
    if (!isComplete) {
      this.#nextMs = this.#clock.monotonicMs() + SOON_MS;
      return changed;
    }
    this.#end(pass);
    return changed;
  }

  #begin(): Pass {
    const isUrgent = [...this.#deletions.values()].some((deletion) => deletion.isUrgent);
    const deletions = new Map(this.#deletions);
    // Deleted streams have no end: their files need not be known.
    const isWhole = [...deletions.keys()].every((prefix) => prefix.endsWith('/'));
    return {
      startedMs: this.#clock.monotonicMs(),
      untilMs: this.#clock.nowMs(),
      isUrgent,
      deletions,
      phase: isWhole ? 'remove' : 'look',
      after: '',
      locations: new Set(this.#own.locations),
    };
  }

  #end({ startedMs, deletions, isUrgent }: Pass): void {
    this.#pass = undefined;
    let hasMore = false;
    for (const [prefix, deletion] of this.#deletions) {
      if (deletions.get(prefix) !== deletion) hasMore ||= deletion.isUrgent;
      else if (startedMs - deletion.atMs > KEEP_MS) this.#deletions.delete(prefix);
      else if (isUrgent) deletion.isUrgent = false;
    }
    this.#nextMs = hasMore ? Number.NEGATIVE_INFINITY : startedMs + EVERY_MS;
  }

  /** Finds the files of the streams with deletions. @returns false if it has read enough */
  async #look(client: ObjectClient, pass: Pass, room: { reads: number }, signal: AbortSignal): Promise<boolean> {
    const streams = new Set(Array.from(pass.deletions.values(), ({ streamId }) => streamId));
    for await (const object of this.#objects(client, pass, signal)) {
      const records = await this.#recordsOf(client, object.key, room, signal);
      if (!records) return false;
      for (const record of records) {
        if (record.kind === 'parts') continue;
        const location = record.location as SegmentLocation;
        if (streams.has(namedChunkOf(location)?.id ?? '')) pass.locations.add(location);
      }
      pass.after = object.key;
    }
    return true;
  }

  /** Takes what was deleted out of each object. @returns false if it has read enough */
  async #remove(
    client: ObjectClient,
    pass: Pass,
    { room, signal, changed }: { readonly room: { reads: number }; readonly signal: AbortSignal; changed(): void },
  ): Promise<boolean> {
    const removed = [...pass.deletions].map(([prefix, { streamId }]) => {
      return { prefix, streamId, msns: msnsOf(prefix, streamId, pass.locations) };
    });
    const isDeleted = (record: MirrorRecord) => removed.some((deletion) => has(record, deletion));
    for await (const object of this.#objects(client, pass, signal)) {
      const records = await this.#recordsOf(client, object.key, room, signal);
      if (!records) return false;
      if (records.some(isDeleted)) {
        room.reads--;
        await eraseFrom(client, object.key, ({ record }) => isDeleted(record), { signal });
        this.#known.delete(object.key);
        changed();
      }
      pass.after = object.key;
    }
    return true;
  }

  /** The objects of others that are read in a pass, after those that are done. */
  async *#objects(
    client: ObjectClient,
    { after, isUrgent, untilMs }: Pass,
    signal: AbortSignal,
  ): AsyncGenerator<ListedObject> {
    const log = { prefix: this.#prefix, without: this.#own.owner };
    for await (const object of listLog(client, log, { signal, after })) {
      const putMs = timeOfKey(object.key);
      const ageMs = untilMs - putMs;
      if (!(ageMs < (isUrgent ? 0 : SETTLED_MS))) yield object; // the key of another program has no time
    }
  }

  /** The records of an object; undefined if it must be read, and there is no room. */
  async #recordsOf(
    client: ObjectClient,
    key: string,
    room: { reads: number },
    signal: AbortSignal,
  ): Promise<readonly MirrorRecord[] | undefined> {
    let records = this.#known.get(key);
    if (!records) {
      if (room.reads <= 0) return undefined;
      room.reads--;
      const placed = await readRecords(client, key, { signal }).catch(noneOfAnother);
      records = (placed ?? []).map(({ record }) => record);
    }
    this.#known.delete(key);
    this.#known.set(key, records);
    dropOldest(this.#known, this.#limits.known);
    return records;
  }
}

interface Removed {
  readonly prefix: SegmentPrefix;
  readonly streamId: string;
  readonly msns: RemovedMsns;
}

/** Whether a record has something of what was deleted. */
function has(record: MirrorRecord, { prefix, streamId, msns }: Removed): boolean {
  if (record.kind !== 'parts') return record.location.startsWith(prefix);
  return record.streamId === streamId && record.msn >= msns.first && record.msn < msns.end;
}

/** An object of another program has no records. */
function noneOfAnother(error: unknown): undefined {
  if (!(error instanceof FormatError)) throw error;
}
