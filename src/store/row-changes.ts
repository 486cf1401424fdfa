/**
 * Changes of rows that every node keeps in memory: accounts, keys, webhooks. Who changes such a row notes it
 * in the same transaction; every node reads the notes once a second, and at once on request, and
 * then the rows. A single server notes nothing.
 * In: writes. Out: keys of changed rows, on every node; all rows after a pause. docs/decisions/0056 and 0080.
 */
import type { Kysely } from 'kysely';
import { sleep } from '../lib/abort.ts';
import type { Clock } from '../lib/clock.ts';
import type { Tables } from './schema.ts';

/** Tables with rows in memory. */
export type SharedTable =
  | 'user'
  | 'user_identity'
  | 'session'
  | 'api_token'
  | 'publish_key'
  | 'invitation'
  | 'watch_epoch'
  | 'webhook'
  | 'setting'
  // By stream.
  | 'pin'
  | 'clip'
  | 'channel'
  | 'erasure'
  | 'stream_picture'
  // By room, with the numbers of messages.
  | 'room_message'
  | 'relay'
  | 'mixer';

/**
 * Reads the rows with these keys again; undefined: all rows. A key without a row: it was deleted. The result
 * takes them into memory. It is not called if this node has written one of the rows meanwhile.
 */
type ReadAgain = (keys: readonly string[] | undefined) => Promise<() => void>;

/** Their options. */
interface RowChangesOptions {
  readonly db: Kysely<Tables>;
  readonly clock: Clock;
  /**
   * Notes are read this often, ms: at most so late does a node read a change of which it was not notified.
   * Default 1000.
   */
  readonly everyMs?: number;
  /** Called when the notes, or rows, cannot be read; it is tried again. */
  readonly failed: (error: unknown) => void;
}

const EVERY_MS = 1000;
/**
 * Notes of this time are read again, ms: clocks differ, and a transaction may be stored after a later one.
 */
const OVERLAP_MS = 30_000;
/** Notes are kept for this long, ms; a node that has read none for this long reads all rows. */
const KEEP_MS = 10 * 60_000;
/** Above this all rows of the table are read. */
const MAX_KEYS = 1000;

type Keys = ReadonlySet<string> | 'all';

/** A write of this node that has not ended. */
interface Writing {
  readonly table: SharedTable;
  readonly key: string;
  readonly ended: Promise<void>;
}

/** Rows that are being read. */
interface Reading {
  readonly table: SharedTable;
  readonly keys: Keys;
  /** This node has begun or ended a write of one of them meanwhile: they are read again. */
  isStale: boolean;
}

/** The changes, as one node sees and makes them. */
export class RowChanges {
  readonly #options: RowChangesOptions;
  readonly #readers = new Map<SharedTable, ReadAgain>();
  /** Numbers of notes that were read, with their times in ms. */
  readonly #seen = new Map<number, number>();
  /** Keys to read again, by table; `all`: everything. */
  readonly #waiting = new Map<SharedTable, Keys>();
  /** Writes that have not ended. */
  readonly #writing = new Set<Writing>();
  /** Keys that are being read. */
  #reading: Reading | undefined;
  #sinceMs: number;
  /** Monotonic ms. */
  #readAtMs: number;
  #sweptAtMs: number;
  #looking: Promise<void> = Promise.resolve();
  #tellOthers: (() => Promise<void>) | undefined;
  #telling: Promise<void> = Promise.resolve();
  /** The telling that has not begun: it comes after every write that waits for it. */
  #nextTelling: Promise<void> | undefined;

  /** Open it before the rows are read. */
  constructor(options: RowChangesOptions) {
    this.#options = options;
    this.#sinceMs = options.clock.nowMs();
    this.#readAtMs = options.clock.monotonicMs();
    this.#sweptAtMs = this.#readAtMs;
  }

  /** Registers who has the rows of a table in memory. */
  follow(table: SharedTable, read: ReadAgain): void {
    this.#readers.set(table, read);
  }

  /**
   * Sets how the other nodes are notified. It resolves when those that answer have looked, and never
   * rejects.
   */
  tellBy(tellOthers: () => Promise<void>): void {
    this.#tellOthers = tellOthers;
  }

  /**
   * Writes a row, and notes that it has changed, in one transaction. Resolves when the other nodes know it
   * too, if they answer.
   */
  async write<T>(table: SharedTable, key: string, write: (db: Kysely<Tables>) => Promise<T>): Promise<T> {
    const { db, clock } = this.#options;
    const { promise: ended, resolve: end } = Promise.withResolvers<void>();
    const writing = { table, key, ended };
    this.#writing.add(writing);
    this.#spoil(writing);
    let written: T;
    try {
      written = await db.transaction().execute(async (transaction) => {
        const result = await write(transaction);
        const at_us = Math.round(clock.nowMs() * 1000);
        await transaction.insertInto('row_change').values({ name: table, key, at_us }).execute();
        return result;
      });
    } finally {
      this.#writing.delete(writing);
      this.#spoil(writing);
      end();
    }
    await this.#tell();
    return written;
  }

  /** Rows that are being read may be older than a write. */
  #spoil(writing: Writing): void {
    if (this.#reading && concerns(writing, this.#reading)) this.#reading.isStale = true;
  }

  /**
   * Writes that end while the others are being notified wait for one more request: the reading may have come
   * before them.
   */
  #tell(): Promise<void> {
    const tellOthers = this.#tellOthers;
    if (!tellOthers) return Promise.resolve();
    this.#nextTelling ??= this.#telling.then(() => {
      this.#telling = this.#nextTelling!;
      this.#nextTelling = undefined;
      return tellOthers();
    });
    return this.#nextTelling;
  }

  /** Reads the changes until now, after the reading that is in progress. Never rejects. */
  look(): Promise<void> {
    this.#looking = this.#looking.then(() => this.#look());
    return this.#looking;
  }

  async #look(): Promise<void> {
    const { clock, failed } = this.#options;
    try {
      await this.#readNotes();
      if (clock.monotonicMs() - this.#sweptAtMs >= KEEP_MS / 10) await this.#sweep();
    } catch (error) {
      failed(error);
      return;
    }
    for (const [table, keys] of [...this.#waiting]) {
      this.#waiting.delete(table);
      try {
        await this.#readRows(table, keys !== 'all' && keys.size > MAX_KEYS ? 'all' : keys);
      } catch (error) {
        failed(error);
        this.#want(table, keys);
      }
    }
  }

  /**
   * Takes rows into memory as they are now. A row that was read before this node has changed or deleted it is
   * not put back.
   */
  async #readRows(table: SharedTable, keys: Keys): Promise<void> {
    const read = this.#readers.get(table);
    if (!read) return;
    for (;;) {
      const reading: Reading = { table, keys, isStale: false };
      const writing = [...this.#writing].find((each) => concerns(each, reading));
      if (writing) {
        await writing.ended;
        continue;
      }
      this.#reading = reading;
      try {
        const take = await read(keys === 'all' ? undefined : [...keys]);
        if (reading.isStale) continue;
        take();
        return;
      } finally {
        this.#reading = undefined;
      }
    }
  }

  /** Reads changes until aborted. Never rejects. */
  async run({ signal }: { readonly signal: AbortSignal }): Promise<void> {
    while (!signal.aborted) {
      await this.look();
      const { everyMs = EVERY_MS } = this.#options;
      await sleep(everyMs, { signal }).catch(() => undefined); // only the signal rejects it, and ends the loop
    }
  }

  async #readNotes(): Promise<void> {
    const { db, clock } = this.#options;
    const nowMs = clock.nowMs();
    const monotonicMs = clock.monotonicMs();
    const rows = await db
      .selectFrom('row_change')
      .selectAll()
      .where('at_us', '>=', Math.round((this.#sinceMs - OVERLAP_MS) * 1000))
      .execute();
    // Notes may have been deleted meanwhile.
    if (monotonicMs - this.#readAtMs > KEEP_MS - OVERLAP_MS)
      for (const table of this.#readers.keys()) this.#want(table, 'all');
    for (const { seq, name, key, at_us } of rows) {
      if (this.#seen.has(seq)) continue;
      this.#seen.set(seq, at_us / 1000);
      this.#want(name as SharedTable, new Set([key]));
    }
    this.#sinceMs = nowMs;
    this.#readAtMs = monotonicMs;
    for (const [seq, atMs] of this.#seen) if (atMs < nowMs - 2 * OVERLAP_MS) this.#seen.delete(seq);
  }

  #want(table: SharedTable, keys: Keys): void {
    const before = this.#waiting.get(table) ?? new Set<string>();
    this.#waiting.set(table, keys === 'all' || before === 'all' ? 'all' : before.union(keys));
  }

  async #sweep(): Promise<void> {
    const { db, clock } = this.#options;
    this.#sweptAtMs = clock.monotonicMs();
    await db
      .deleteFrom('row_change')
      .where('at_us', '<', Math.round((clock.nowMs() - KEEP_MS) * 1000))
      .execute();
  }
}

function concerns({ table, key }: Writing, reading: Reading): boolean {
  return reading.table === table && (reading.keys === 'all' || reading.keys.has(key));
}

/** Writes a row, and notes it if other nodes have to know. @param changes undefined without a cluster */
export function writeShared<T>(
  { db, changes }: { readonly db: Kysely<Tables>; readonly changes: RowChanges | undefined },
  [table, key]: readonly [SharedTable, string],
  write: (db: Kysely<Tables>) => Promise<T>,
): Promise<T> {
  return changes ? changes.write(table, key, write) : write(db);
}
