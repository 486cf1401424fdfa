/**
 * The codec configurations of a stream, each numbered once and used again when it returns (docs/media.md 17).
 * In: tracks of a run. Out: Init, whose number stands in init URLs; rows in the store, so that numbers outlive the process.
 */
import { createHash } from 'node:crypto';
import type { Kysely } from 'kysely';
import type { Track } from '../media/frame.ts';
import { parseInit, printInit } from '../media/isobmff/init.ts';
import type { Init } from '../media/segment.ts';
import type { Tables } from '../store/schema.ts';

/** 2020-01-01, unix seconds: where numbers count from. */
const EPOCH_S = 1_577_836_800;

/** What a table of configurations works with. */
export interface InitTableOptions {
  /** Writes a row; must not throw. */
  readonly save: (init: Init, bytes: Uint8Array) => void;
  /** UTC, ms since 1970: a new configuration has at least the number of seconds since 2020, so that a stream which is deleted and made again never gives a cached URL other bytes. */
  readonly nowMs: () => number;
}

/** The configurations of one stream. In memory; written behind. */
export class InitTable {
  readonly #byHash = new Map<string, Init>();
  readonly #byNumber = new Map<number, Init>();
  readonly #options: InitTableOptions;

  constructor(known: readonly Init[], options: InitTableOptions) {
    for (const init of known) this.#remember(init);
    this.#options = options;
  }

  /** The configuration of `tracks`, numbered now if it is new. */
  of(tracks: readonly Track[]): Init {
    const bytes = printInit(tracks);
    const hash = hashOf(bytes);
    const known = this.#byHash.get(hash);
    if (known) return known;
    const init: Init = { number: this.#nextNumber(), hash, tracks };
    this.#remember(init);
    this.#options.save(init, bytes);
    return init;
  }

  /** The configuration of that number. */
  get(number: number): Init | undefined {
    return this.#byNumber.get(number);
  }

  /**
   * Adds one found in a file, under the number that it has there unless that is taken by another.
   *
   * @returns the number under which it is known now
   */
  found(number: number, hash: string, tracks: readonly Track[]): number {
    const there = this.#byNumber.get(number);
    if (there?.hash === hash) return number;
    const known = this.#byHash.get(hash);
    if (known) return known.number;
    const init = { number: there ? this.#nextNumber() : number, hash, tracks };
    this.#remember(init);
    this.#options.save(init, printInit(tracks));
    return init.number;
  }

  #nextNumber(): number {
    const highest = Math.max(0, ...this.#byNumber.keys());
    return Math.max(highest + 1, Math.floor(this.#options.nowMs() / 1000) - EPOCH_S);
  }

  #remember(init: Init): void {
    this.#byHash.set(init.hash, init);
    this.#byNumber.set(init.number, init);
  }
}

/**
 * Loads a stream's configurations.
 *
 * @param options.failed told when a row could not be written; the configuration also stands in every chunk file
 */
export async function openInitTable(
  db: Kysely<Tables>,
  streamId: string,
  { failed, nowMs }: { failed: (error: unknown) => void; nowMs: () => number },
): Promise<InitTable> {
  const rows = await db.selectFrom('init').selectAll().where('stream_id', '=', streamId).execute();
  const known = rows.map((row) => ({ number: row.number, hash: row.hash, tracks: parseInit(row.bytes) }));
  const save = (init: Init, bytes: Uint8Array) => {
    const row = { stream_id: streamId, number: init.number, hash: init.hash, bytes };
    db.insertInto('init')
      .values(row)
      .onConflict((conflict) => conflict.columns(['stream_id', 'number']).doUpdateSet({ hash: init.hash, bytes }))
      .execute()
      .catch(failed);
  };
  return new InitTable(known, { save, nowMs });
}

function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
