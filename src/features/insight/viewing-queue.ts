/**
 * Rows of viewing that wait for the database: collected, written a few times a minute, bounded.
 * In: rows of sessions. Out: ViewingTable. Rows beyond the bound are lost and counted.
 */
import { isAbort, sleep } from '../../lib/abort.ts';
import type { ViewingRow } from './viewing-row.ts';
import type { ViewingTable } from './viewing-table.ts';

/** Rows that wait at most: ten minutes of ten thousand viewers. */
const MAX_ROWS = 100_000;
/** Rows of one transaction: some tens of ms of SQLite. */
const ROWS_AT_A_TIME = 500;

interface ViewingQueueOptions {
  readonly table: Pick<ViewingTable, 'add'>;
  /** Pause between two writes, ms. */
  readonly everyMs: number;
  /** Makes rows before each write. */
  readonly before: () => void;
  /** Rows that are lost: the database is too slow or away. */
  readonly lost: (rows: number) => void;
  readonly stored: (rows: number) => void;
  readonly failed: (error: unknown) => void;
}

/** The rows that wait. */
export class ViewingQueue {
  readonly #options: ViewingQueueOptions;
  #rows: ViewingRow[] = [];
  #writing: Promise<void> | undefined;

  constructor(options: ViewingQueueOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#rows.length;
  }

  /** Adds a row; beyond the bound it is lost. */
  push(row: ViewingRow): void {
    if (this.#rows.length >= MAX_ROWS) this.#options.lost(1);
    else this.#rows.push(row);
  }

  /** Writes until the signal fires. Never rejects. */
  async run({ signal }: { readonly signal: AbortSignal }): Promise<void> {
    const { everyMs, before } = this.#options;
    while (!signal.aborted) {
      await sleep(everyMs, { signal }).catch((error) => {
        if (!isAbort(error) && !signal.aborted) throw error;
      });
      before();
      await this.flush();
    }
  }

  /** Writes all rows that wait; those that fail stay. Never rejects. */
  async flush(): Promise<void> {
    while (this.#writing) await this.#writing;
    this.#writing = this.#write().finally(() => (this.#writing = undefined));
    await this.#writing;
  }

  async #write(): Promise<void> {
    while (this.#rows.length > 0) {
      const batch = this.#rows.slice(0, ROWS_AT_A_TIME);
      try {
        await this.#options.table.add(batch);
      } catch (error) {
        this.#options.failed(error);
        return;
      }
      this.#rows = this.#rows.slice(batch.length);
      this.#options.stored(batch.length);
    }
  }
}
