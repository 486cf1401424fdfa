/**
 * The requirements of the metadata store for an engine, beyond the queries that Kysely compiles for it.
 * In: sqlite-engine.ts, postgres/engine.ts. Out: one contract for db.ts; `engineOf` and `runAll` for
 * repositories.
 */
import type { DialectAdapter, Kysely } from 'kysely';
import { OxbowError, sentenceOf } from '../lib/errors.ts';
import type { Tables } from './schema.ts';

/**
 * The database server does not respond. That is logged when it begins and ends, not by each part that meets
 * it.
 */
export class DatabaseLost extends OxbowError {
  constructor(cause: unknown, server = 'PostgreSQL') {
    super('not-ready', `${server} does not respond: ${sentenceOf(cause)}`, { cause });
  }
}

/** A shard cannot be used now: its streams wait, and the others are not affected. */
export class ShardLost extends DatabaseLost {
  readonly shard: string;

  /** @param shard its name in `store.shards` */
  constructor(shard: string, cause: unknown) {
    super(cause, `The database "${shard}" of store.shards`);
    this.shard = shard;
  }
}

/** The result of a query; undefined if the shard that it needs cannot be used now. */
export async function unlessShardLost<T>(query: () => Promise<T>): Promise<T | undefined> {
  try {
    return await query();
  } catch (error) {
    if (error instanceof ShardLost) return undefined;
    throw error;
  }
}

export type EngineName = 'sqlite' | 'postgresql';

/** A value of a parameter. */
export type Parameter = string | number | bigint | null | Uint8Array;

/**
 * Parameters without NUL: PostgreSQL stores none in texts, so no engine does, and a search finds the stored
 * text. A text with NUL is therefore no way to say "directly behind this text": compare with `>`.
 */
export function withoutNul<T>(parameters: readonly T[]): readonly T[] {
  if (!parameters.some(hasNul)) return parameters;
  return parameters.map((value) => (hasNul(value) ? (value.replaceAll('\0', '') as T) : value));
}

function hasNul(value: unknown): value is string {
  return typeof value === 'string' && value.includes('\0');
}

/** A statement that is run once for each row of parameters. */
export interface RepeatedStatement {
  /** Without rows as its result; parameters are `?`, and the text has no other question mark. */
  readonly sql: string;
  readonly rows: readonly (readonly Parameter[])[];
}

/** Runs a query on the database that it gets. */
export type ReadQuery<T> = (db: Kysely<Tables>) => Promise<T>;

/** An open database with all tables. Disposing waits for its statements. */
export interface Engine extends AsyncDisposable {
  readonly name: EngineName;
  readonly db: Kysely<Tables>;
  /**
   * Names the database in the lease of the data folder: a copy has another name. Undefined: copies cannot be
   * recognized.
   */
  readonly identity: string | undefined;
  /** Path that a corrupt database was moved to when it was opened, or undefined. */
  readonly movedTo: string | undefined;
  /** As `Store.read`. */
  read<T>(query: ReadQuery<T>): Promise<T>;
  /** Statements that wait for a connection. */
  readonly waiting: number;
  /** Resolves when the database responds. Throws its error. */
  check(): Promise<void>;
}

/** Runs an attempt to reach the server, or refuses it at once: a circuit breaker. */
export type Guard = <T>(attempt: () => Promise<T>) => Promise<T>;

/** Called with the duration of each statement, seconds, and its SQL without values. */
export type OnWait = (seconds: number, sql: string) => void;

/** The adapter that each engine gives Kysely. */
export interface EngineAdapter extends DialectAdapter {
  readonly engine: EngineName;
  runAll(statements: readonly RepeatedStatement[]): Promise<readonly (readonly number[])[]>;
}

/** The adapter of a database, which its transactions share. */
export const engineAdapterOf = <T>(db: Kysely<T>): EngineAdapter => db.getExecutor().adapter as EngineAdapter;

/** The engine of a database, for the few queries that differ. */
export function engineOf<T>(db: Kysely<T>): EngineName {
  return engineAdapterOf(db).engine;
}

/**
 * Runs statements in one transaction, each once for each of its rows of parameters: the cheapest way to write
 * many rows at a time. It does not wait for statements that wait: with SQLite each of them takes a turn of
 * the event loop under load, with PostgreSQL a connection. Do not await it within another transaction.
 *
 * @returns for each statement, the indices of the rows that changed nothing
 * @throws errors of the engine; nothing is stored then
 */
export function runAll<T>(
  db: Kysely<T>,
  statements: readonly RepeatedStatement[],
): Promise<readonly (readonly number[])[]> {
  return engineAdapterOf(db).runAll(statements);
}
