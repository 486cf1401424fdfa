/**
 * The codec configurations of a stream; each has one number, which is reused when it returns (docs/media.md
 * 17).
 * In: tracks of a run. Out: Init, whose number is part of init URLs; rows in the database, so that numbers
 * survive restarts.
 */
import { createHash } from 'node:crypto';
import { withoutAacSignalling } from '@oxbow/media/aac/signalling';
import type { Track } from '@oxbow/media/frame';
import { parseInit, printInit } from '@oxbow/media/isobmff/init';
import type { Init } from '@oxbow/media/segment';
import { changeRows, type StreamRows } from '../store/shards/stream-rows.ts';
import { WaitingRows } from './waiting-rows.ts';

/** 2020-01-01, unix seconds: origin of the numbers. */
const EPOCH_S = 1_577_836_800;

/** Options of `InitTable`. */
interface InitTableOptions {
  /** Writes a row. */
  readonly save: (init: Init, bytes: Uint8Array) => Promise<void>;
  /** Called when a row could not be written; it waits then. */
  readonly failed: (error: unknown) => void;
  /**
   * UTC, ms since 1970. A new number is at least the seconds since 2020, so that a stream that is deleted and
   * created again never serves other bytes under a cached URL.
   */
  readonly nowMs: () => number;
}

/** The configurations of one stream, in memory; rows are written in the background. */
export class InitTable {
  readonly #byHash = new Map<string, Init>();
  readonly #byNumber = new Map<number, Init>();
  /** The first one of those that decoders treat alike, see `keyOf`. */
  readonly #byKey = new Map<string, Init>();
  readonly #options: InitTableOptions;
  readonly #rows: WaitingRows;

  constructor(inits: readonly Init[], options: InitTableOptions) {
    for (const init of inits) this.#put(init);
    this.#options = options;
    this.#rows = new WaitingRows(options.failed);
  }

  /**
   * The configuration of `tracks`, or one that decoders treat alike: publishers over RTMP and SRT state the
   * same sound differently. A new one gets a number.
   */
  of(tracks: readonly Track[]): Init {
    const bytes = printInit(tracks);
    const hash = hashOf(bytes);
    const saved = this.#byHash.get(hash) ?? this.#byKey.get(keyOf(tracks));
    if (saved) return saved;
    const init: Init = { number: this.#nextNumber(), hash, tracks };
    this.#put(init);
    this.#save(init, bytes);
    return init;
  }

  /** The configuration with a number, or undefined. */
  get(number: number): Init | undefined {
    return this.#byNumber.get(number);
  }

  /** Whether decoders continue with `next` after `init` as if it were the same. */
  isSame(init: Init, next: Init): boolean {
    return init === next || keyOf(init.tracks) === keyOf(next.tracks);
  }

  /**
   * Adds a configuration found in a file, with the number in the file unless another configuration has it.
   *
   * @returns the number of the configuration
   */
  add(number: number, hash: string, tracks: readonly Track[]): number {
    const other = this.#byNumber.get(number);
    if (other?.hash === hash) return number;
    const saved = this.#byHash.get(hash);
    if (saved) return saved.number;
    const init = { number: other ? this.#nextNumber() : number, hash, tracks };
    this.#put(init);
    this.#save(init, printInit(tracks));
    return init.number;
  }

  /** Resolves when each has its row: before the index has media of it. @throws the error of a write */
  stored(): Promise<void> {
    return this.#rows.stored();
  }

  #save(init: Init, bytes: Uint8Array): void {
    this.#rows.add(init.number, () => this.#options.save(init, bytes));
  }

  #nextNumber(): number {
    const highest = Math.max(0, ...this.#byNumber.keys());
    return Math.max(highest + 1, Math.floor(this.#options.nowMs() / 1000) - EPOCH_S);
  }

  #put(init: Init): void {
    this.#byHash.set(init.hash, init);
    this.#byNumber.set(init.number, init);
    const key = keyOf(init.tracks);
    if (!this.#byKey.has(key)) this.#byKey.set(key, init);
  }
}

/**
 * Loads a stream's configurations.
 *
 * @param options.failed called when a row could not be written; it waits then, and every chunk file has the
 *   configuration too
 */
export async function openInitTable(
  stored: StreamRows,
  streamId: string,
  { failed, nowMs }: { failed: (error: unknown) => void; nowMs: () => number },
): Promise<InitTable> {
  const rows = await stored.read(streamId, (db) =>
    db.selectFrom('init').selectAll().where('stream_id', '=', streamId).execute(),
  );
  const inits = rows.map((row) => ({ number: row.number, hash: row.hash, tracks: parseInit(row.bytes) }));
  const save = (init: Init, bytes: Uint8Array) => {
    const row = { stream_id: streamId, number: init.number, hash: init.hash, bytes };
    return changeRows(stored, streamId, async (db) => {
      await db
        .insertInto('init')
        .values(row)
        .onConflict((conflict) => conflict.columns(['stream_id', 'number']).doUpdateSet({ hash: init.hash, bytes }))
        .execute();
    });
  };
  return new InitTable(inits, { save, failed, nowMs });
}

/** Equal for configurations that differ only in how they state the sound. */
function keyOf(tracks: readonly Track[]): string {
  return hashOf(printInit(tracks.map(withoutAacSignalling)));
}

function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
