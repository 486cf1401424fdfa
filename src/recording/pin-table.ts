/**
 * Pins: stretches of a recording that retention does not delete. They are only in the database: backed up, not rebuilt
 * (docs/media.md 22). In: pins of users. Out: pins and the windows that they protect, synchronously from memory.
 */
import { randomUUID } from 'node:crypto';
import type { Kysely } from 'kysely';
import { OxbowError } from '../lib/errors.ts';
import { type RowChanges, writeShared } from '../store/row-changes.ts';
import type { Tables } from '../store/schema.ts';
import { type PinnedRange, windowsOver } from './pinned-windows.ts';

/** Most pins of one stream. */
export const MAX_PINS = 1000;

/** A pinned stretch, µs since 1970. */
export interface Pin extends PinnedRange {
  readonly id: string;
  readonly text: string;
  /** The asset that consists of this media: the pin stays as long as it exists. */
  readonly asset?: string;
}

interface Pinned {
  /** In order of start. */
  readonly pins: readonly Pin[];
  readonly ranges: readonly PinnedRange[];
}

const nothing: Pinned = { pins: [], ranges: [] };

/** The pins of all streams, cached in memory. In a cluster the owner of a stream writes them, and every node learns it. */
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
    changes?.follow('pin', (streams) => table.reload(streams));
    await table.reload();
    return table;
  }

  /** Reads the pins of some streams again; of all if none are given. */
  async reload(streams?: readonly string[]): Promise<void> {
    const all = this.#db.selectFrom('pin').selectAll();
    const rows = await (streams ? all.where('stream_id', 'in', streams) : all).execute();
    const byStream = Map.groupBy(rows, (row) => row.stream_id);
    for (const streamId of streams ?? new Set([...this.#streams.keys(), ...byStream.keys()])) {
      const pins = (byStream.get(streamId) ?? []).map(({ id, from_us, to_us, text, asset_id }): Pin => {
        return { id, fromUs: from_us, toUs: to_us, text, ...(asset_id !== null && { asset: asset_id }) };
      });
      this.#set(streamId, pins);
    }
  }

  /** All pins of a stream, in order of start. */
  of(streamId: string): readonly Pin[] {
    return this.#known(streamId).pins;
  }

  /** The pinned windows of a stream: whole, in order, disjoint. */
  ranges(streamId: string): readonly PinnedRange[] {
    return this.#known(streamId).ranges;
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
    this.#set(streamId, [...pins, pin]);
    try {
      const row = { id: pin.id, stream_id: streamId, from_us: fromUs, to_us: toUs, text, asset_id: asset ?? null };
      await this.#write(streamId, (db) => db.insertInto('pin').values(row).execute());
    } catch (error) {
      this.#drop(streamId, pin.id);
      throw error;
    }
    return pin;
  }

  /** All pins of assets, with their streams. */
  ofAssets(): { readonly streamId: string; readonly pin: Pin & { readonly asset: string } }[] {
    return Array.from(this.#streams, ([streamId, { pins }]) =>
      pins.flatMap((pin) => (pin.asset === undefined ? [] : [{ streamId, pin: { ...pin, asset: pin.asset } }])),
    ).flat();
  }

  /**
   * Throws if an asset needs media of the stream.
   *
   * @throws OxbowError `recording-in-use`
   */
  assertFree(streamId: string): void {
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
    const pin = this.of(streamId).find((one) => one.id === id);
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

  #known(streamId: string): Pinned {
    return this.#streams.get(streamId) ?? nothing;
  }

  #drop(streamId: string, id: string): void {
    this.#set(
      streamId,
      this.of(streamId).filter((pin) => pin.id !== id),
    );
  }

  #set(streamId: string, unsorted: readonly Pin[]): void {
    const pins = unsorted.toSorted((a, b) => a.fromUs - b.fromUs);
    if (pins.length === 0) this.#streams.delete(streamId);
    else this.#streams.set(streamId, { pins, ranges: windowsOver(pins) });
  }
}

function inUse({ asset }: Pin): OxbowError {
  return new OxbowError('recording-in-use', `The asset ${asset} consists of media of this recording.`, {
    extra: { asset },
  });
}
