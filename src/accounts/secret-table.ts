/**
 * Rows that are found by a secret, for every request: in memory, and stored in the database without the secret.
 * In: secrets. Out: rows: sessions and API tokens.
 */
import { digestOf } from './random-secret.ts';

/** Where rows are stored. */
export interface Rows<R> {
  all(): Promise<readonly R[]>;
  /** Adds a row, or replaces the one with its key. */
  put(row: R): Promise<void>;
  remove(key: string): Promise<void>;
}

/** Fields of every row. */
export interface SecretRow {
  readonly id: string;
  /** SHA-256 of the secret, see random-secret.ts. */
  readonly digest: string;
}

/** The rows of one kind. */
export class SecretTable<R extends SecretRow> {
  readonly #rows: Rows<R>;
  readonly #byDigest = new Map<string, R>();
  readonly #byId = new Map<string, R>();

  private constructor(rows: Rows<R>) {
    this.#rows = rows;
  }

  /** Reads all rows. */
  static async open<R extends SecretRow>(rows: Rows<R>): Promise<SecretTable<R>> {
    const table = new SecretTable(rows);
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

  /** The row with an id. */
  get(id: string): R | undefined {
    return this.#byId.get(id);
  }

  /** Adds a row, or replaces the one with its digest; effective once it is stored. */
  async put(row: R): Promise<void> {
    await this.#rows.put(row);
    this.#keep(row);
  }

  /** Changes a row. A row that was removed meanwhile is not restored. */
  async change(row: R): Promise<void> {
    if (!this.#byDigest.has(row.digest)) return;
    this.#keep(row);
    await this.#rows.put(row);
    if (!this.#byDigest.has(row.digest)) await this.#rows.remove(row.id);
  }

  /** Removes a row at once; false for an unknown id. */
  async remove(id: string): Promise<boolean> {
    const row = this.#byId.get(id);
    if (!row) return false;
    this.#byId.delete(id);
    this.#byDigest.delete(row.digest);
    await this.#rows.remove(id);
    return true;
  }

  #keep(row: R): void {
    this.#byId.set(row.id, row);
    this.#byDigest.set(row.digest, row);
  }
}
