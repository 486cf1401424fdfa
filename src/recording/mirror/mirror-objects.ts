/**
 * The objects of a mirror in one target: which of them are still needed, and what deletes the others.
 * In: objects that were put, files that are in the target as a whole. Out: deletions. An object is needed
 * while a record of it is the only copy.
 */
import { FormatError } from '@oxbow/media/errors';
import type { ObjectClient } from '../../archive/objects/object-client.ts';
import type { LoggedRange } from '../../archive/objects/stored-objects.ts';
import { namedChunkOf } from '../../archive/recording-locations.ts';
import type { SegmentLocation, SegmentPrefix } from '../../archive/segment-store.ts';
import { ERASED, FIRST_READ, listBytesOf, type MirrorRecord, parseRecords } from './mirror-batch.ts';
import { listLog, mirrorPrefix, readMark, timeOfKey, timeText, writeMark } from './mirror-log.ts';

/** Objects of a target that are remembered; a bucket whose files fail for hours reaches it. */
const MAX_OBJECTS = 20_000;
/** Failed requests that are remembered: in a long outage none of them arrived. */
const MAX_UNSURE = 200;
/** Keys of one pass. */
const DELETIONS = 50;
/** The mark of the log is written again when it is this much later, ms. */
const MARK_EVERY_MS = 30_000;

/** An object, by its records. */
export interface MirrorObject {
  readonly key: string;
  readonly locations: readonly SegmentLocation[];
  /** The segments of its parts. */
  readonly segments: readonly { readonly streamId: string; readonly msn: number }[];
  /** A process before this one put it. */
  readonly isOld: boolean;
  /** Files whose descriptions name it, or will. */
  readonly keptFor: Set<SegmentLocation>;
}

/** What is to be erased from an object that descriptions name. */
export interface ErasedFile {
  readonly key: string;
  readonly prefix: SegmentPrefix;
  readonly streamId: string;
  readonly msns: RemovedMsns;
}

/** What decides whether an object is needed. */
export interface ObjectNeeds {
  /** The second place needs the ranges of a file: it does not have the file as a whole. */
  needsFile(location: SegmentLocation): boolean;
  /** A segment is in no range and in no file of the second place. `isOld`: of a process before this one. */
  needsSegment(streamId: string, msn: number, isOld: boolean): boolean;
}

/** The objects of one target. */
export class MirrorObjects {
  #objects: MirrorObject[] = [];
  /** Prefix of their keys, with `/` at its end. */
  readonly prefix: string;
  #lastMs = 0;
  /** Keys of requests that failed. */
  readonly #unsure: string[] = [];
  /** Keys of this process, until those of earlier ones are known. */
  #made: Set<string> | undefined = new Set();
  readonly #place: { readonly prefix: string; readonly owner: string };
  #markMs = 0;
  /** Whether an object was kept, so that there is something to mark. */
  #hasKept = false;
  #hasBegun = false;

  /**
   * @param prefix that of the target, may be empty
   * @param owner the node or process: no other one writes below it
   */
  constructor(prefix: string, owner: string) {
    this.#place = { prefix, owner };
    this.prefix = `${mirrorPrefix(prefix)}${owner}/`;
  }

  /** The node or process. */
  get owner(): string {
    return this.#place.owner;
  }

  /** Whether an object may be needed by a restore. */
  has(key: string): boolean {
    return this.#objects.some((object) => object.key === key);
  }

  /** Files that are whole name these objects: they are not deleted with the log. */
  keep(keys: readonly string[], location: SegmentLocation): void {
    const named = new Set(keys);
    this.#hasKept = true;
    for (const { key, keptFor } of this.#objects) if (named.has(key)) keptFor.add(location);
  }

  /** The description of a file was not stored. */
  release(location: SegmentLocation): void {
    for (const { keptFor } of this.#objects) keptFor.delete(location);
  }

  get count(): number {
    return this.#objects.length;
  }

  /**
   * Before the first object: its key, and those after it, follow the keys that the place has, whatever the
   * clock says. An object that stored files name must not be put again, and none is before the mark.
   */
  async begin(client: ObjectClient, options: { readonly signal: AbortSignal }): Promise<void> {
    if (this.#hasBegun) return;
    this.#lastMs = Math.max(this.#lastMs, await readMark(client, this.#place, options));
    for await (const { key } of listLog(client, this.#place, options))
      this.#lastMs = Math.max(this.#lastMs, timeOfKey(key) || 0);
    this.#hasBegun = true;
  }

  /** The key of the next object: in order of time, and not that of an earlier one. @param nowMs since 1970 */
  nextKey(nowMs: number): string {
    this.#lastMs = Math.max(this.#lastMs + 1, Math.floor(nowMs));
    const key = `${this.prefix}${timeText(this.#lastMs)}`;
    this.#made?.add(key);
    return key;
  }

  /** The bucket may have this object: its request failed. */
  addUnsure(key: string, records: readonly MirrorRecord[]): void {
    this.add(key, records);
    this.#unsure.push(key);
    if (this.#unsure.length <= MAX_UNSURE) return;
    const oldest = this.#unsure.shift();
    this.#objects = this.#objects.filter((object) => object.key !== oldest);
  }

  /** The bucket has this object. */
  add(key: string, records: readonly MirrorRecord[], isOld = false): void {
    const locations = new Set<SegmentLocation>();
    const segments: { streamId: string; msn: number }[] = [];
    for (const record of records) {
      if (record.kind === 'file' && record.location === ERASED) continue;
      if (record.kind !== 'parts') locations.add(record.location as SegmentLocation);
      else segments.push({ streamId: record.streamId, msn: record.msn });
    }
    this.#objects.push({ key, locations: [...locations], segments, isOld, keptFor: new Set() });
    if (this.#objects.length > MAX_OBJECTS) this.#objects.shift();
  }

  /** Locations of the files of all objects, with those whose descriptions name them. */
  get locations(): readonly SegmentLocation[] {
    return this.#objects.flatMap(({ locations, keptFor }) => [...locations, ...keptFor]);
  }

  /**
   * Reads the objects that earlier processes of this owner left. Returns the locations of the files in them.
   * @param keptBetween the descriptions that name an object between two keys
   */
  async load(
    client: ObjectClient,
    keptBetween: (first: string, last: string) => Promise<readonly LoggedRange[]>,
    options: { readonly signal: AbortSignal },
  ): Promise<ReadonlySet<SegmentLocation>> {
    const loaded = new Set(this.#objects.map(({ key }) => key));
    for await (const { key } of listLog(client, this.#place, options)) {
      if (loaded.has(key) || this.#made?.has(key)) continue;
      const records = await readRecords(client, key, options).catch((error: unknown) => {
        if (error instanceof FormatError) return undefined; // an object of another program
        throw error;
      });
      if (!records) continue;
      this.add(
        key,
        records.map(({ record }) => record),
        true,
      );
      this.#lastMs = Math.max(this.#lastMs, Number(key.slice(this.prefix.length)) || 0);
    }
    const old = this.#objects.filter(({ isOld }) => isOld);
    const kept = old.length > 0 ? await keptBetween(old[0]!.key, old.at(-1)!.key) : [];
    for (const { location, log_first: first, log_last: last } of kept) {
      const within = old.filter(({ key }) => first <= key && key <= last);
      this.keep(
        within.map(({ key }) => key),
        location as SegmentLocation,
      );
    }
    this.#made = undefined;
    return new Set(old.flatMap(({ locations }) => locations));
  }

  /**
   * Deletes objects that are not needed, a bounded number, and forgets those that only descriptions need.
   *
   * @param erase what is in the second place as a whole is erased from these
   * @returns how many were deleted
   */
  async sweep(
    client: ObjectClient,
    needs: ObjectNeeds,
    erase: (files: readonly ErasedFile[]) => Promise<void>,
    options: { readonly signal: AbortSignal },
  ): Promise<number> {
    const isNeeded = ({ locations, segments, isOld }: MirrorObject) =>
      locations.some((location) => needs.needsFile(location)) ||
      segments.some(({ streamId, msn }) => needs.needsSegment(streamId, msn, isOld));
    const due = this.#objects.filter((object) => !isNeeded(object));
    const kept = due.filter(({ keptFor }) => keptFor.size > 0);
    if (kept.length > 0) {
      const firsts = firstsOf(this.locations);
      const whole = kept.flatMap((object) => wholeIn(object, firsts));
      if (whole.length > 0) await erase(whole);
      const settled = new Set(kept);
      this.#objects = this.#objects.filter((object) => !settled.has(object));
    }
    const deleted = due.filter(({ keptFor }) => keptFor.size === 0).slice(0, DELETIONS);
    for (const object of deleted) {
      await client.delete(object.key, options);
      this.#objects = this.#objects.filter((other) => other !== object);
    }
    await this.#mark(client, options);
    return deleted.length;
  }

  /** Says in the second place up to where nothing is needed by a restore. */
  async #mark(client: ObjectClient, options: { readonly signal: AbortSignal }): Promise<void> {
    if (!this.#hasKept) return;
    const oldest = this.#objects.reduce((least, { key }) => Math.min(least, timeOfKey(key)), this.#lastMs);
    if (oldest - this.#markMs < MARK_EVERY_MS) return;
    await writeMark(client, this.#place, oldest, options);
    this.#markMs = oldest;
  }

  /**
   * Takes the objects out that have something of a stream, or of a file: its ranges, and parts of its
   * segments. Those that descriptions name stay; it is to be erased from them.
   *
   * @param known further files of the stream: segments of these are no part of a file before them
   */
  take(
    prefix: SegmentPrefix,
    streamId: string,
    known: Iterable<SegmentLocation> = [],
  ): { readonly taken: readonly MirrorObject[]; readonly erased: readonly ErasedFile[] } {
    const msns = msnsOf(prefix, streamId, [...this.locations, ...known]);
    const has = ({ locations, segments }: MirrorObject) =>
      locations.some((location) => location.startsWith(prefix)) ||
      segments.some((each) => each.streamId === streamId && each.msn >= msns.first && each.msn < msns.end);
    const found = this.#objects.filter(has);
    const taken = new Set(found.filter(({ keptFor }) => keptFor.size === 0));
    this.#objects = this.#objects.filter((object) => !taken.has(object));
    const kept = found.filter((object) => !taken.has(object));
    for (const { keptFor } of kept) {
      for (const location of keptFor) if (location.startsWith(prefix)) keptFor.delete(location);
    }
    return { taken: [...taken], erased: kept.map(({ key }) => ({ key, prefix, streamId, msns })) };
  }

  /** Remembers objects again that could not be deleted. */
  giveBack(taken: readonly MirrorObject[]): void {
    this.#objects.unshift(...taken);
  }
}

/** The files of a stream by their first segments, in order. */
type Firsts = ReadonlyMap<string, readonly { readonly firstMsn: number; readonly location: SegmentLocation }[]>;

function firstsOf(locations: readonly SegmentLocation[]): Firsts {
  const firsts = new Map<string, { firstMsn: number; location: SegmentLocation }[]>();
  for (const location of new Set(locations)) {
    const file = namedChunkOf(location);
    if (!file) continue;
    const { id, firstMsn } = file;
    const files = firsts.get(id);
    if (files) files.push({ firstMsn, location });
    else firsts.set(id, [{ firstMsn, location }]);
  }
  for (const files of firsts.values()) files.sort((a, b) => a.firstMsn - b.firstMsn);
  return firsts;
}

/**
 * What an object that descriptions name has of files that are in the second place as a whole: no description
 * would lead to it when they are deleted.
 */
function wholeIn({ key, locations, segments, keptFor }: MirrorObject, firsts: Firsts): ErasedFile[] {
  const whole = new Map<string, ErasedFile>();
  const add = (prefix: SegmentPrefix, streamId: string, msns: RemovedMsns) =>
    whole.set(`${prefix} ${msns.first}`, { key, prefix, streamId, msns });
  for (const location of locations) {
    const streamId = namedChunkOf(location)?.id ?? '';
    if (!keptFor.has(location)) add(location, streamId, NO_MSNS);
  }
  for (const { streamId, msn } of segments) {
    const file = firsts.get(streamId)?.findLast(({ firstMsn }) => firstMsn <= msn);
    if (!file || !keptFor.has(file.location))
      add(file?.location ?? (ERASED as SegmentPrefix), streamId, { first: msn, end: msn + 1 });
  }
  return [...whole.values()];
}

/** Numbers of segments: from `first` on, before `end`. */
export interface RemovedMsns {
  readonly first: number;
  readonly end: number;
}

const NO_MSNS: RemovedMsns = { first: 0, end: 0 };

/**
 * The segments that may be in files with a prefix: those of one file end before the next one begins.
 * @param locations of the files of the stream that are known, among others
 */
export function msnsOf(prefix: SegmentPrefix, streamId: string, locations: Iterable<SegmentLocation>): RemovedMsns {
  if (prefix.endsWith('/')) return { first: 0, end: Number.POSITIVE_INFINITY };
  const file = namedChunkOf(prefix as SegmentLocation);
  // A picture, or a file of a quality: parts are of the stream itself.
  if (file?.id !== streamId) return NO_MSNS;
  let end = Number.POSITIVE_INFINITY;
  for (const location of locations) {
    const other = namedChunkOf(location);
    if (other?.id === streamId && other.firstMsn > file.firstMsn) end = Math.min(end, other.firstMsn);
  }
  return { first: file.firstMsn, end };
}

/** The records of an object; undefined if it is gone. @throws FormatError if it is no object of a mirror */
export async function readRecords(client: ObjectClient, key: string, options: { readonly signal: AbortSignal }) {
  const start = await client.read(key, { offset: 0, length: FIRST_READ }, options);
  if (!start) return undefined;
  const length = listBytesOf(start);
  if (length <= start.length) return parseRecords(start);
  const longer = await client.read(key, { offset: 0, length }, options);
  return longer && parseRecords(longer);
}
