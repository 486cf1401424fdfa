/**
 * Seals hours of viewing: rows that are old enough leave the database for a place, too old ones are deleted
 * there, and so are those of streams and assets that were deleted for good.
 * In: the database, a place, the settings. Out: batches. Several nodes: the one with the lease works.
 */
import { randomBytes } from 'node:crypto';
import type { Leases } from '../../../cluster/lease/lease.ts';
import { sleep } from '../../../lib/abort.ts';
import type { Contents } from '../contents.ts';
import { HOUR_MS, MINUTE_MS } from '../viewing-row.ts';
import type { PlaceOptions, SealedPlace } from './sealed-place.ts';
import type { SealedTable } from './sealed-table.ts';

/** Rows of a batch, about: the database deletes them in one statement, for which others wait. */
const BATCH_ROWS = 20_000;
/** Pause between two batches, ms: an upgrade seals a month. */
const PAUSE_MS = 50;
/** Of an id, those that it has in common with the batches that take its place: the hour, and 32 bits. */
const COMMON_CHARACTERS = 22;
const LEASE = 'insight-seal';
const LEASE_MS = 60_000;

interface SealerOptions {
  readonly table: SealedTable;
  readonly place: SealedPlace;
  readonly contents: Contents;
  readonly leases: Leases;
  /** Name of this process, for the lease. */
  readonly holder: string;
  readonly nowMs: () => number;
  /** Ages of rows, ms; `sealAfterMs` undefined: no more are sealed. */
  readonly ages: () => { readonly sealAfterMs: number | undefined; readonly keepMs: number };
  /** Rows that were sealed. */
  readonly sealed: (rows: number) => void;
  /** Default 20,000. */
  readonly batchRows?: number;
}

export class Sealer {
  readonly #options: SealerOptions;
  #hasAdopted = false;

  constructor(options: SealerOptions) {
    this.#options = options;
  }

  /**
   * Does all that there is to do; the next turn continues after a failure.
   *
   * @throws errors of the database and of the place
   */
  async turn({ signal }: PlaceOptions): Promise<void> {
    const { leases, holder, table, place } = this.#options;
    await place.tidy(await table.ids());
    const { lease } = await leases.acquire(LEASE, { holder, ttlMs: LEASE_MS, signal });
    if (!lease) return;
    await using _released = lease;
    const limit = { signal: AbortSignal.any([signal, lease.lost]) };
    await this.#clean(limit);
    if (!this.#hasAdopted) await this.#adopt(limit);
    this.#hasAdopted = true;
    await this.#erase(limit);
    await this.#forgetOld(limit);
    while (await this.#sealOldest(limit)) await sleep(PAUSE_MS, limit);
  }

  /** What a crash left of batches, and batches that are not read any more. */
  async #clean(options: PlaceOptions): Promise<void> {
    const { table, place } = this.#options;
    await table.retire('writing'); // with the lease, none is being written
    for (const batch of await table.list('removing')) {
      if (batch.place !== place.name) continue; // of other settings: it is removed when they are back
      options.signal.throwIfAborted();
      await place.remove(batch, options);
      await table.forget(batch.id);
    }
  }

  /** After a restore, the folder has batches of later than the database. */
  async #adopt(options: PlaceOptions): Promise<void> {
    const { table, place, contents } = this.#options;
    const listed = await table.list('sealed');
    for await (const { contents: named, ...batch } of place.find(await table.ids(), options)) {
      await contents.keysOf(named.map(({ kind, id }) => ({ kind: kind === 'asset' ? 'asset' : 'stream', id })));
      const replaced = listed.find(({ id }) => isSameBatch(batch.id, id));
      await table.adopt({ ...batch, place: place.name, state: 'sealed' }, replaced?.id);
    }
  }

  async #erase(options: PlaceOptions): Promise<void> {
    const { table, place } = this.#options;
    const erased = await table.erased();
    if (erased.length === 0) return;
    const names = erased.map(({ kind, content_id }) => `${kind} ${content_id}`);
    let isComplete = true;
    for (const batch of await table.list('sealed')) {
      if (batch.place !== place.name) {
        isComplete = false; // of other settings: until they are back, or the batch is too old
        continue;
      }
      options.signal.throwIfAborted();
      const id = successorOf(batch.id);
      await table.begin({ ...batch, id, target: place.target });
      const stored = await place.without(batch, names, id, options);
      if (!stored) {
        await table.forget(id);
        continue;
      }
      if (!(await table.replace(batch.id, stored.rows > 0 ? id : undefined, stored))) {
        await this.#giveUp(id, options);
        isComplete = false; // the next turn does it
      } else if (stored.rows === 0) await table.forget(id);
    }
    await this.#clean(options);
    if (!isComplete) return;
    for (const content of erased) await table.forgetErased(content);
  }

  async #forgetOld(options: PlaceOptions): Promise<void> {
    const { table, nowMs, ages } = this.#options;
    await table.retire('sealed', Math.floor((nowMs() - ages().keepMs) / MINUTE_MS));
    await this.#clean(options);
  }

  /** Seals the oldest minutes. @returns whether there may be more */
  async #sealOldest(options: PlaceOptions): Promise<boolean> {
    const { table, place, nowMs, ages, sealed, batchRows = BATCH_ROWS } = this.#options;
    const { sealAfterMs } = ages();
    if (sealAfterMs === undefined) return false;
    const before = Math.floor((nowMs() - sealAfterMs) / HOUR_MS) * 60;
    const minutes = await table.readOldest(before, batchRows);
    if (!minutes) return false;
    const { from, rows } = minutes;
    if (rows.length === 0) {
      await table.seal(minutes, undefined, 0);
      return true;
    }
    const id = idOf(from);
    const { name, target } = place;
    const lastMinute = rows.at(-1)!.minute;
    await table.begin({
      id,
      place: name,
      target,
      first_minute: rows[0]!.minute,
      last_minute: lastMinute,
      rows: rows.length,
    });
    const { bytes } = await place.insert(id, rows, options);
    if (await table.seal(minutes, id, bytes)) sealed(rows.length);
    else await this.#giveUp(id, options); // late rows came meanwhile: again
    return true;
  }

  /**
   * Removes a batch that was written in vain. A node that has the lease since may have taken it off the list
   * before its file was there: what is not listed would be read after the next start.
   */
  async #giveUp(id: string, options: PlaceOptions): Promise<void> {
    const { table, place } = this.#options;
    await place.remove({ id, target: place.target }, options);
    await table.forget(id);
  }
}

/** Begins with the hour, for people who look into the folder. */
function idOf(minute: number): string {
  return `${new Date(minute * MINUTE_MS).toISOString().slice(0, 13)}-${randomBytes(6).toString('hex')}`;
}

/**
 * The id of a batch without content that was deleted. It begins as that of the batch: after a restore the
 * database may list the one of before, whose rows must not be there twice.
 */
function successorOf(id: string): string {
  return `${id.slice(0, COMMON_CHARACTERS)}${randomBytes(2).toString('hex')}`;
}

/** Whether one of two batches has taken the place of the other. */
function isSameBatch(a: string, b: string): boolean {
  return a.slice(0, COMMON_CHARACTERS) === b.slice(0, COMMON_CHARACTERS);
}
