/**
 * Removes what was deleted from the objects of other owners in a target: of a node that had the stream
 * before, or that is lost. What else such an object has stays, under its key.
 * In: deletions of this process. Out: changed objects. An owner that runs deletes its objects itself after
 * about two minutes, so young objects are read only for a deletion on request.
 */
import { FormatError } from '@oxbow/media/errors';
import type { ListedObject, ObjectClient } from '../../archive/objects/object-client.ts';
import type { SegmentLocation, SegmentPrefix } from '../../archive/segment-store.ts';
import { dropOldest } from '../../lib/drop-oldest.ts';
import { checkBatch, type MirrorRecord, parseRecords, printBatch } from './mirror-batch.ts';
import { type MirrorObjects, mirrorPrefix, msnsOf, type RemovedMsns, readRecords } from './mirror-objects.ts';

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
/** Objects whose records are remembered, and those that one pass reads. */
const MAX_KNOWN = 20_000;
const MAX_READS = 500;
/** A mirror writes no larger object, bytes. */
const MAX_OBJECT_BYTES = 128 * 1024 * 1024;

interface Deletion {
  readonly streamId: string;
  /** Monotonic ms. */
  readonly atMs: number;
  isUrgent: boolean;
}

/** Objects of other owners in one target. */
export class OtherObjects {
  readonly #prefix: string;
  readonly #own: MirrorObjects;
  readonly #clock: { nowMs(): number; monotonicMs(): number };
  readonly #deletions = new Map<SegmentPrefix, Deletion>();
  /** Records of objects that were read, by key; of those of other programs none. */
  readonly #known = new Map<string, readonly MirrorRecord[]>();
  #nextMs = Number.NEGATIVE_INFINITY;

  /** @param prefix that of the target, may be empty */
  constructor(prefix: string, own: MirrorObjects, clock: { nowMs(): number; monotonicMs(): number }) {
    this.#prefix = mirrorPrefix(prefix);
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
    const startedMs = this.#clock.monotonicMs();
    const urgent = [...this.#deletions.values()].filter(({ isUrgent }) => isUrgent);
    const { objects, isComplete } = await this.#read(client, urgent.length > 0, signal);
    const changed = await this.#remove(client, objects, signal);
    this.#nextMs = startedMs + (isComplete ? EVERY_MS : SOON_MS);
    if (!isComplete) return changed;
    for (const deletion of urgent) deletion.isUrgent = false;
    for (const [prefix, { atMs }] of this.#deletions) {
      if (startedMs - atMs > KEEP_MS) this.#deletions.delete(prefix);
    }
    return changed;
  }

  /** The objects of others whose records are known, and as many more as one pass reads. */
  async #read(client: ObjectClient, isUrgent: boolean, signal: AbortSignal) {
    const objects: ListedObject[] = [];
    let reads = 0;
    let isComplete = true;
    const listed = new Set<string>();
    for await (const object of client.list(this.#prefix, { signal })) {
      const { key } = object;
      if (key.startsWith(this.#own.prefix)) continue;
      listed.add(key);
      const putMs = Number(key.slice(key.lastIndexOf('/') + 1));
      if (!isUrgent && this.#clock.nowMs() - putMs < SETTLED_MS) continue;
      if (!this.#known.has(key)) {
        isComplete = reads < MAX_READS;
        if (!isComplete) break;
        reads++;
        const placed = await readRecords(client, key, { signal }).catch(noneOfAnother);
        this.#known.set(
          key,
          (placed ?? []).map(({ record }) => record),
        );
        dropOldest(this.#known, MAX_KNOWN);
      }
      objects.push(object);
    }
    if (isComplete) for (const key of this.#known.keys()) if (!listed.has(key)) this.#known.delete(key);
    return { objects, isComplete };
  }

  async #remove(client: ObjectClient, objects: readonly ListedObject[], signal: AbortSignal): Promise<number> {
    const locations = new Set<SegmentLocation>(this.#own.locations);
    for (const { key } of objects) {
      for (const record of this.#known.get(key) ?? []) {
        if (record.kind !== 'parts') locations.add(record.location as SegmentLocation);
      }
    }
    const removed = [...this.#deletions].map(([prefix, { streamId }]) => {
      return { prefix, streamId, msns: msnsOf(prefix, streamId, locations) };
    });
    let changed = 0;
    for (const object of objects) {
      const isDeleted = (record: MirrorRecord) => removed.some((deletion) => has(record, deletion));
      if (!this.#known.get(object.key)?.some(isDeleted)) continue;
      await withoutRecords(client, object, isDeleted, signal);
      this.#known.delete(object.key);
      changed++;
    }
    return changed;
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

/** Puts an object again without some of its records, or deletes it. */
async function withoutRecords(
  client: ObjectClient,
  { key, size }: ListedObject,
  isDeleted: (record: MirrorRecord) => boolean,
  signal: AbortSignal,
): Promise<void> {
  // What no mirror has written cannot be read: nothing of it is kept.
  const bytes = size > MAX_OBJECT_BYTES ? undefined : await client.read(key, { offset: 0, length: size }, { signal });
  const kept = bytes && readIntact(bytes)?.filter(({ record }) => !isDeleted(record));
  if (!bytes || !kept || kept.length === 0) {
    await client.delete(key, { signal });
    return;
  }
  const filled = kept.map(({ record, at }) => {
    return { record, bytes: record.length > 0 ? [bytes.subarray(at, at + record.length)] : [] };
  });
  const printed = printBatch(filled);
  const read = async (at: number, length: number) => printed.subarray(at, at + length);
  await client.put(key, { size: printed.length, read }, { signal, hasChecksum: true });
}

/** Undefined for a damaged object. */
function readIntact(bytes: Uint8Array) {
  try {
    checkBatch(bytes);
    return parseRecords(bytes);
  } catch (error) {
    return noneOfAnother(error);
  }
}

/** An object of another program has no records. */
function noneOfAnother(error: unknown): undefined {
  if (!(error instanceof FormatError)) throw error;
}
