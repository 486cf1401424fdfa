/**
 * A Kysely dialect for the database thread.
 * In: compiled queries. Out: statements for the thread. One connection, so a transaction blocks all other
 * statements.
 */
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely';
import { messageOf } from '../../lib/errors.ts';
import { type EngineAdapter, type OnWait, type Parameter, type RepeatedStatement, withoutNul } from '../engine.ts';
import type { DatabaseThread } from './database-thread.ts';

/** The executor of statements: the thread, or an open file. */
type StatementRunner = Pick<DatabaseThread, 'run' | 'runAll'>;

/**
 * @param thread runs the statements; not closed by Kysely
 * @param onWait called with the time from request to result of each statement, seconds, and its SQL without
 *   values
 */
export function createThreadDialect(thread: StatementRunner, onWait: OnWait): Dialect {
  return {
    createDriver: () => new ThreadDriver(thread, onWait),
    createQueryCompiler: () => new SqliteQueryCompiler(),
    createAdapter: () => new ThreadAdapter(thread, onWait),
    createIntrospector: (db) => new SqliteIntrospector(db),
  };
}

/** The adapter of SQLite, with the path to the thread that takes no connection. */
class ThreadAdapter extends SqliteAdapter implements EngineAdapter {
  readonly engine = 'sqlite';
  readonly #thread: StatementRunner;
  readonly #onWait: OnWait;

  constructor(thread: StatementRunner, onWait: OnWait) {
    super();
    this.#thread = thread;
    this.#onWait = onWait;
  }

  async runAll(statements: readonly RepeatedStatement[]): Promise<readonly (readonly number[])[]> {
    const askedAt = performance.now();
    const kept = statements.map(({ sql, rows }) => ({ sql, rows: rows.map(withoutNul) }));
    const unchanged = await this.#thread.runAll(kept);
    this.#onWait((performance.now() - askedAt) / 1000, statements[0]?.sql ?? '');
    return unchanged;
  }
}

class ThreadConnection implements DatabaseConnection {
  readonly #thread: StatementRunner;
  readonly #onWait: OnWait;

  constructor(thread: StatementRunner, onWait: OnWait) {
    this.#thread = thread;
    this.#onWait = onWait;
  }

  async execute<R>(sql: string, parameters: readonly Parameter[]): Promise<QueryResult<R>> {
    const askedAt = performance.now();
    const { rows, changes, insertId } = await this.#thread.run(sql, withoutNul(parameters));
    this.#onWait((performance.now() - askedAt) / 1000, sql);
    return {
      rows: rows as R[],
      ...(changes === undefined ? {} : { numAffectedRows: BigInt(changes) }),
      ...(insertId === undefined ? {} : { insertId: BigInt(insertId) }),
    };
  }

  executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
    return this.execute<R>(sql, parameters as readonly Parameter[]);
  }

  // All rows come in one message; use LIMIT for fewer.
  async *streamQuery<R>(query: CompiledQuery): AsyncIterableIterator<QueryResult<R>> {
    yield await this.executeQuery<R>(query);
  }
}

class ThreadDriver implements Driver {
  readonly #connection: ThreadConnection;

  constructor(thread: StatementRunner, onWait: OnWait) {
    this.#connection = new ThreadConnection(thread, onWait);
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    return this.#connection;
  }

  async beginTransaction(): Promise<void> {
    // IMMEDIATE: a transaction that reads before it writes cannot fail later because another one has the
    // write lock.
    await this.#connection.execute('BEGIN IMMEDIATE', []);
  }

  async commitTransaction(): Promise<void> {
    await this.#connection.execute('COMMIT', []);
  }

  async rollbackTransaction(): Promise<void> {
    try {
      await this.#connection.execute('ROLLBACK', []);
    } catch (error) {
      // With a full disk SQLite rolls back by itself; the relevant error is the earlier one.
      if (!messageOf(error).includes('no transaction is active')) throw error;
    }
  }

  async savepoint(_: DatabaseConnection, name: string): Promise<void> {
    await this.#connection.execute(`SAVEPOINT ${quote(name)}`, []);
  }

  async rollbackToSavepoint(_: DatabaseConnection, name: string): Promise<void> {
    await this.#connection.execute(`ROLLBACK TO ${quote(name)}`, []);
  }

  async releaseSavepoint(_: DatabaseConnection, name: string): Promise<void> {
    await this.#connection.execute(`RELEASE ${quote(name)}`, []);
  }

  async releaseConnection(): Promise<void> {}

  async destroy(): Promise<void> {}
}

function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
