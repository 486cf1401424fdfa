/**
 * Rows that are found by a secret, for every request: in memory, and stored in the database without the
 * secret.
 * In: secrets. Out: rows: sessions and API tokens.
 */
import { Emitter } from '../lib/events.ts';
import { digestOf } from './random-secret.ts';

/** Where rows are stored. */
export interface Rows<R> {
  /** @param keys only the rows with these */
  all(keys?: readonly string[]): Promise<readonly R[]>;
  /** Adds a row, or replaces the one with its key. */
  put(row: R): Promise<void>;
  remove(key: string): Promise<void>;
  /**
   * Stores the differences from `before` of a row that still exists. Without it only this process writes, and
   * `put` does the same.
   *
   * @returns false if the row was removed
   */
  change?(row: R, before: R): Promise<boolean>;
  /** Calls `learn` with rows that other nodes may have changed. Absent: only this process writes them. */
  readonly follow?: (learn: LearnRows<R>) => void;
  /** The row with the digest of a secret, which another node may have added a moment ago. */
  readonly ofDigest?: (digest: string) => Promise<R | undefined>;
}

/**
 * Takes rows into memory: those of `keys`, or all rows if it is undefined. A row that is only in memory
 * was removed.
 */
export type LearnRows<R> = (keys: readonly string[] | undefined, rows: readonly R[]) => void;

/** Fields of every row. */
export interface SecretRow {
  readonly id: string;
  /** SHA-256 of the secret, see random-secret.ts. */
  readonly digest: string;
}

/** Secrets that are no row are looked up in the database at most this often in a second. */
const MAX_LOOK_UPS = 50;

/** The rows of one kind. */
export class SecretTable<R extends SecretRow> {
  readonly #rows: Rows<R>;
  readonly #byDigest = new Map<string, R>();
  readonly #byId = new Map<string, R>();
  /** Emits the id of each row that another node has removed. */
  readonly lost = new Emitter<string>();
  #lookUps = 0;
  /** Monotonic seconds of the look-ups that are counted. */
  #lookUpsAtS = 0;

  private constructor(rows: Rows<R>) {
    this.#rows = rows;
  }

  /** Reads all rows, and follows the changes of other nodes. */
  static async open<R extends SecretRow>(rows: Rows<R>): Promise<SecretTable<R>> {
    const table = new SecretTable(rows);
    rows.follow?.((keys, changed) => table.#learn(keys, changed));
    for (const row of await rows.all()) table.#keep(row);
    return table;
  }

  /** Number of rows. */
  get size(): number {
    return this.#byId.size;
  }

  /** All rows, in no order. */
  get all(): readonly R[] {
    return [...this.#byDigest.values()];
  }

  /** The row of a secret. */
  find(secret: string): R | undefined {
    return this.#byDigest.get(digestOf(secret));
  }

  /**
   * Finds a secret that another node may have added a moment ago, so that `find` knows it; undefined if there
   * is nothing to wait for.
   */
  lookUp(secret: string, monotonicMs: number): Promise<void> | undefined {
    const { ofDigest } = this.#rows;
    const digest = ofDigest && digestOf(secret);
    if (!ofDigest || digest === undefined || this.#byDigest.has(digest)) return undefined;
    const atS = Math.floor(monotonicMs / 1000);
    this.#lookUps = atS === this.#lookUpsAtS ? this.#lookUps + 1 : 1;
    this.#lookUpsAtS = atS;
    if (this.#lookUps > MAX_LOOK_UPS) return undefined;
    return ofDigest(digest).then((row) => row && this.#keep(row));
  }

  /** The row with an id. */
  get(id: string): R | undefined {
    return this.#byId.get(id);
  }

  /**
   * Reads the row with an id again, so that `get` knows what another node has made or removed a moment ago.
   */
  async refresh(id: string): Promise<void> {
    if (!this.#rows.follow) return;
    const before = this.#byId.get(id);
    const rows = await this.#rows.all([id]);
    // What this process has changed or removed meanwhile is newer.
    if (this.#byId.get(id) === before) this.#learn([id], rows);
  }

  /** Adds a row, or replaces the one with its digest; effective once it is stored. */
  async put(row: R): Promise<void> {
    await this.#rows.put(row);
    this.#keep(row);
  }

  /** Changes a row. A row that was removed meanwhile is not restored. */
  async change(row: R): Promise<void> {
    const before = this.#byDigest.get(row.digest);
    if (!before) return;
    this.#keep(row);
    if (this.#rows.change) {
      if (await this.#rows.change(row, before)) return;
      this.#drop(row);
      this.lost.emit(row.id);
      return;
    }
    await this.#rows.put(row);
    if (!this.#byDigest.has(row.digest)) await this.#rows.remove(row.id);
  }

  /** Notes a change of a row that is stored in another way. */
  learn(row: R): void {
    if (this.#byDigest.has(row.digest)) this.#keep(row);
  }

  /** Removes a row at once; false for an unknown id. */
  async remove(id: string): Promise<boolean> {
    const row = this.#byId.get(id);
    if (!row) return false;
    this.#drop(row);
    await this.#rows.remove(id);
    return true;
  }

  /** Another node has changed rows. */
  #learn(keys: readonly string[] | undefined, rows: readonly R[]): void {
    const ids = new Set(rows.map(({ id }) => id));
    for (const row of rows) this.#keep(row);
    for (const id of keys ?? [...this.#byId.keys()]) {
      const row = ids.has(id) ? undefined : this.#byId.get(id);
      if (!row) continue;
      this.#drop(row);
      this.lost.emit(id);
    }
  }

  #drop({ id, digest }: R): void {
    this.#byId.delete(id);
    this.#byDigest.delete(digest);
  }

  #keep(row: R): void {
    this.#byId.set(row.id, row);
    this.#byDigest.set(row.digest, row);
  }
}
