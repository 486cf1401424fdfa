/**
 * Where sealed rows are stored, outside of the database: one contract for Parquet files and ClickHouse.
 * In: batches of rows. Out: what was stored, and answers. sealed-place.contract.ts is its suite.
 */
import type { Answer, Question } from './question.ts';
import type { SealedBatch } from './sealed-batch.ts';
import type { SealedRow } from './sealed-row.ts';

export interface PlaceOptions {
  /** Abort ends the operation; what was stored of a batch by then is removed with the batch. */
  readonly signal: AbortSignal;
}

/** What was stored of a batch. */
export interface StoredBatch {
  readonly rows: number;
  /** 0: the place does not say. */
  readonly bytes: number;
}

/** A batch that is there and that the database does not know. */
export interface FoundBatch extends Omit<SealedBatch, 'state' | 'place'> {
  readonly contents: readonly { readonly kind: string; readonly id: string }[];
}

export interface SealedPlace extends AsyncDisposable {
  /** In the list of batches. */
  readonly name: string;
  /** Target that has copies; empty: none. */
  readonly target: string;
  /**
   * Stores rows, which are not read before the batch is listed. They survive a power failure when this
   * resolves.
   */
  insert(id: string, rows: readonly SealedRow[], options: PlaceOptions): Promise<StoredBatch>;
  /** Removes a batch, or what there is of it. */
  remove(batch: Pick<SealedBatch, 'id' | 'target'>, options: PlaceOptions): Promise<void>;
  /**
   * Stores a batch without the rows of some content under another id.
   *
   * @param contents as `contentName`
   * @returns undefined: it has no such rows, and nothing was stored
   */
  without(
    batch: SealedBatch,
    contents: readonly string[],
    id: string,
    options: PlaceOptions,
  ): Promise<StoredBatch | undefined>;
  /**
   * Answers from these batches, all of this place.
   *
   * @throws OxbowError `needs-duckdb`, `busy`, `engine-failed`
   */
  ask(question: Question, batches: readonly SealedBatch[], options: PlaceOptions): Promise<Answer>;
  /** Removes what this node has fetched of batches that are not among `known`. */
  tidy(known: ReadonlySet<string>): Promise<void>;
  /**
   * Batches that are not among `known`: of later than a database that was restored. With an object store,
   * those that are there.
   */
  find(known: ReadonlySet<string>, options: PlaceOptions): AsyncIterable<FoundBatch>;
  /** How it answers, a sentence. @throws OxbowError with the reason why it cannot */
  check(options: PlaceOptions): Promise<string>;
}
