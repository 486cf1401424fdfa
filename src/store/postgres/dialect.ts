/**
 * Kysely's dialect of PostgreSQL over the pool of this folder, with the batches of `runAll`.
 * In: pools. Out: Dialect.
 */
import {
  type Dialect,
  HandleEmptyInListsPlugin,
  Kysely,
  PostgresAdapter,
  PostgresDriver,
  PostgresIntrospector,
  PostgresQueryCompiler,
  replaceWithNoncontingentExpression,
} from 'kysely';
import type { EngineAdapter, RepeatedStatement } from '../engine.ts';
import type { Tables } from '../schema.ts';
import type { ConnectionPool } from './pool.ts';

/**
 * Kysely over a pool.
 *
 * @param batches runs `runAll`; its connections send statements without waiting for results
 */
export function createPostgresDb(pool: ConnectionPool, batches: ConnectionPool): Kysely<Tables> {
  const dialect: Dialect = {
    createDriver: () => new PostgresDriver({ pool }),
    createQueryCompiler: () => new QueryCompiler(),
    createAdapter: () => new BatchAdapter(batches),
    createIntrospector: (db) => new PostgresIntrospector(db),
  };
  // SQLite has empty lists (`in ()`), PostgreSQL has not.
  const emptyLists = new HandleEmptyInListsPlugin({ strategy: replaceWithNoncontingentExpression });
  return new Kysely<Tables>({ dialect, plugins: [emptyLists] });
}

/**
 * Compares whole numbers with fractions as SQLite does: a parameter without a type would get that of the
 * column.
 */
class QueryCompiler extends PostgresQueryCompiler {
  protected override appendValue(parameter: unknown): void {
    super.appendValue(parameter);
    if (typeof parameter === 'number' && !Number.isInteger(parameter)) this.append('::float8');
  }
}

/** The adapter of PostgreSQL, with `runAll`. */
class BatchAdapter extends PostgresAdapter implements EngineAdapter {
  readonly engine = 'postgresql';
  readonly #batches: ConnectionPool;

  constructor(batches: ConnectionPool) {
    super();
    this.#batches = batches;
  }

  /** All statements are sent at once: a batch costs one round trip, not one for each row. */
  async runAll(statements: readonly RepeatedStatement[]): Promise<readonly (readonly number[])[]> {
    const connection = await this.#batches.connect();
    try {
      const begun = connection.run('BEGIN', []);
      const results = statements.map(({ sql, rows }) => {
        const text = numbered(sql);
        return rows.map((row) => connection.run(text, row));
      });
      // After an error this rolls back.
      const ended = connection.run('COMMIT', []);
      const settled = await Promise.allSettled([begun, ...results.flat(), ended]);
      const failed = settled.find(({ status }) => status === 'rejected');
      if (failed) throw (failed as PromiseRejectedResult).reason;
      return await Promise.all(
        results.map(async (rows) =>
          (await Promise.all(rows)).flatMap(({ rowCount }, index) => (rowCount === 0 ? [index] : [])),
        ),
      );
    } finally {
      connection.release();
    }
  }
}

/** `?` as `$1`, `$2`, … */
function numbered(sql: string): string {
  let count = 0;
  return sql.replaceAll('?', () => `$${++count}`);
}
