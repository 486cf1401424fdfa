/**
 * Pins: stretches of a recording that retention does not delete; legal holds, which nothing deletes. They are
 * only in the database: backed up, not rebuilt (docs/media.md 22). In: pins of users, holds of
 * administrators. Out: both, and the windows that they protect, synchronously from memory.
 */
import { randomUUID } from 'node:crypto';
import type { Kysely, Selectable } from 'kysely';
import { OxbowError } from '../lib/errors.ts';
import { type RowChanges, writeShared } from '../store/row-changes.ts';
import type { PinTable as PinRow, Tables } from '../store/schema.ts';
import { overlap, type PinnedRange, windowsOver } from './pinned-windows.ts';

/** Most pins of one stream. */
export const MAX_PINS = 1000;

/** Most legal holds of one stream. */
const MAX_HOLDS = 1000;

/** A pinned stretch, µs since 1970. */
export interface Pin extends PinnedRange {
  readonly id: string;
  readonly text: string;
  /** The asset that consists of this media: the pin stays as long as it exists. */
  readonly asset?: string;
}

/** A legal hold: only an administrator sets and lifts it, and nothing deletes its media. µs since 1970. */
export interface Hold extends PinnedRange {
  readonly id: string;
  /** Of refusals. */
  readonly name: string;
  readonly reason: string;
  /** Who set it, as in the audit log. */
  readonly author: string;
  readonly createdUs: number;
}

interface Pinned {
  /** In order of start. */
  readonly pins: readonly Pin[];
  /** In order of start. */
  readonly holds: readonly Hold[];
  readonly ranges: readonly PinnedRange[];
}

const nothing: Pinned = { pins: [], holds: [], ranges: [] };

/**
 * The pins of all streams, cached in memory. In a cluster the owner of a stream writes them, and every node
 * is notified.
 */
export class PinTable {
  readonly #db: Kysely<Tables>;
  readonly #changes: RowChanges | undefined;
  readonly #streams = new Map<string, Pinned>();

  private constructor(db: Kysely<Tables>, changes: RowChanges | undefined) {
    this.#db = db;
    this.#changes = changes;
  }

  /** Reads all pins. @param changes in a cluster */
  static async open(db: Kysely<Tables>, changes?: RowChanges): Promise<PinTable> {
    const table = new PinTable(db, changes);
    changes?.follow('pin', (streams) => table.#read(streams));
    await table.reload();
    return table;
  }

  /** Reads the pins of some streams again; of all if none are given. */
  async reload(streams?: readonly string[]): Promise<void> {
    (await this.#read(streams))();
  }

  async #read(streams?: readonly string[]): Promise<() => void> {
    const query = this.#db.selectFrom('pin').selectAll();
    const rows = await (streams ? query.where('stream_id', 'in', streams) : query).execute();
    const byStream = Map.groupBy(rows, (row) => row.stream_id);
    return () => {
      for (const streamId of streams ?? new Set([...this.#streams.keys(), ...byStream.keys()])) {
        const [held = [], pinned = []] = partition(byStream.get(streamId) ?? []);
        this.#set(streamId, { pins: pinned.map(pinOf), holds: held.map(holdOf) });
      }
    };
  }

  /** All pins of a stream, in order of start; not its holds. */
  of(streamId: string): readonly Pin[] {
    return this.#pinnedOf(streamId).pins;
  }

  /** The legal holds of a stream, in order of start. */
  holds(streamId: string): readonly Hold[] {
    return this.#pinnedOf(streamId).holds;
  }

  /** The legal holds of all streams. */
  allHolds(): { readonly streamId: string; readonly hold: Hold }[] {
    return Array.from(this.#streams, ([streamId, { holds }]) => holds.map((hold) => ({ streamId, hold }))).flat();
  }

  /** The pinned windows of a stream, those of holds too: whole, in order, disjoint. */
  ranges(streamId: string): readonly PinnedRange[] {
    return this.#pinnedOf(streamId).ranges;
  }

  /**
   * Adds a pin. It takes effect at once.
   *
   * @throws OxbowError `limit-reached`
   */
  async add(streamId: string, { fromUs, toUs, text, asset }: Omit<Pin, 'id'>): Promise<Pin> {
    const pins = this.of(streamId);
    if (pins.length >= MAX_PINS) throw new OxbowError('limit-reached', `This stream has ${MAX_PINS} pins already.`);
    const pin: Pin = { id: randomUUID(), fromUs, toUs, text, ...(asset !== undefined && { asset }) };
    this.#set(streamId, { pins: [...pins, pin] });
    try {
      const row = { id: pin.id, stream_id: streamId, from_us: fromUs, to_us: toUs, text, asset_id: asset ?? null };
      await this.#write(streamId, (db) => db.insertInto('pin').values(row).execute());
    } catch (error) {
      this.#drop(streamId, pin.id);
      throw error;
    }
    return pin;
  }

  /**
   * Adds a legal hold. It takes effect at once.
   *
   * @throws OxbowError `limit-reached`
   */
  async addHold(streamId: string, request: Omit<Hold, 'id'>): Promise<Hold> {
    const holds = this.holds(streamId);
    if (holds.length >= MAX_HOLDS)
      throw new OxbowError('limit-reached', `This stream has ${MAX_HOLDS} legal holds already.`);
    const hold: Hold = { ...request, id: randomUUID() };
    this.#set(streamId, { holds: [...holds, hold] });
    try {
      await this.#write(streamId, (db) => db.insertInto('pin').values(rowOf(streamId, hold)).execute());
    } catch (error) {
      this.#dropHold(streamId, hold.id);
      throw error;
    }
    return hold;
  }

  /** Lifts a legal hold; undefined if there is none with that id. */
  async removeHold(streamId: string, id: string): Promise<Hold | undefined> {
    const hold = this.holds(streamId).find((candidate) => candidate.id === id);
    if (!hold) return undefined;
    await this.#write(streamId, (db) => db.deleteFrom('pin').where('id', '=', id).execute());
    this.#dropHold(streamId, id);
    return hold;
  }

  /**
   * Throws if a legal hold is on media of the stream that overlaps a range; on any media, without one. µs
   * since 1970.
   *
   * @throws OxbowError `recording-held` with the hold
   */
  assertNotHeld(streamId: string, range?: PinnedRange): void {
    const held = this.holds(streamId).filter((hold) => !range || overlap(hold, range));
    if (held.length === 0) return;
    throw new OxbowError('recording-held', `The legal hold "${held[0]!.name}" is on this recording.`, {
      extra: { holds: held.map(({ id, name }) => ({ id, name })) },
    });
  }

  /** All pins of assets, with their streams. */
  ofAssets(): { readonly streamId: string; readonly pin: Pin & { readonly asset: string } }[] {
    return Array.from(this.#streams, ([streamId, { pins }]) =>
      pins.flatMap((pin) => (pin.asset === undefined ? [] : [{ streamId, pin: { ...pin, asset: pin.asset } }])),
    ).flat();
  }

  /**
   * Throws if an asset needs media of the stream, or a legal hold is on it.
   *
   * @throws OxbowError `recording-in-use`, `recording-held`
   */
  assertFree(streamId: string): void {
    this.assertNotHeld(streamId);
    const used = this.of(streamId).find(({ asset }) => asset !== undefined);
    if (used) throw inUse(used);
  }

  /**
   * Deletes a pin; false if there is none with that id.
   *
   * @param asset the asset whose pin it is, when that asset is deleted
   * @throws OxbowError `recording-in-use` if it is the pin of another asset
   */
  async remove(streamId: string, id: string, asset?: string): Promise<boolean> {
    const pin = this.of(streamId).find((candidate) => candidate.id === id);
    if (!pin) return false;
    if (pin.asset !== asset) throw inUse(pin);
    await this.#write(streamId, (db) => db.deleteFrom('pin').where('id', '=', id).execute());
    this.#drop(streamId, id);
    return true;
  }

  /** Deletes all pins of a stream. */
  async forget(streamId: string): Promise<void> {
    await this.#write(streamId, (db) => db.deleteFrom('pin').where('stream_id', '=', streamId).execute());
    this.#streams.delete(streamId);
  }

  #write(streamId: string, write: (db: Kysely<Tables>) => Promise<unknown>): Promise<unknown> {
    return writeShared({ db: this.#db, changes: this.#changes }, ['pin', streamId], write);
  }

  #pinnedOf(streamId: string): Pinned {
    return this.#streams.get(streamId) ?? nothing;
  }

  #drop(streamId: string, id: string): void {
    this.#set(streamId, { pins: this.of(streamId).filter((pin) => pin.id !== id) });
  }

  #dropHold(streamId: string, id: string): void {
    this.#set(streamId, { holds: this.holds(streamId).filter((hold) => hold.id !== id) });
  }

  #set(streamId: string, change: Partial<Pick<Pinned, 'pins' | 'holds'>>): void {
    const pinned = { ...this.#pinnedOf(streamId), ...change };
    const pins = pinned.pins.toSorted(byStart);
    const holds = pinned.holds.toSorted(byStart);
    if (pins.length + holds.length === 0) this.#streams.delete(streamId);
    else this.#streams.set(streamId, { pins, holds, ranges: windowsOver([...pins, ...holds]) });
  }
}

const byStart = (a: PinnedRange, b: PinnedRange): number => a.fromUs - b.fromUs;

/** The rows of holds, and the others. */
function partition(rows: readonly Selectable<PinRow>[]): Selectable<PinRow>[][] {
  return [rows.filter((row) => row.is_hold === 1), rows.filter((row) => row.is_hold !== 1)];
}

function pinOf({ id, from_us, to_us, text, asset_id }: Selectable<PinRow>): Pin {
  return { id, fromUs: from_us, toUs: to_us, text, ...(asset_id !== null && { asset: asset_id }) };
}

function holdOf({ id, from_us, to_us, text, reason, author, created_us }: Selectable<PinRow>): Hold {
  return { id, fromUs: from_us, toUs: to_us, name: text, reason, author, createdUs: created_us };
}

function rowOf(streamId: string, { id, fromUs, toUs, name, reason, author, createdUs }: Hold) {
  const stretch = { id, stream_id: streamId, from_us: fromUs, to_us: toUs };
  return { ...stretch, text: name, is_hold: 1, reason, author, created_us: createdUs };
}

function inUse({ asset }: Pin): OxbowError {
  return new OxbowError('recording-in-use', `The asset ${asset} consists of media of this recording.`, {
    extra: { asset },
  });
}
