/**
 * Databases with all tables, each of which has one test after the other: creating and deleting one takes
 * PostgreSQL half a second of CPU.
 * In: a PostgreSQL server. Out: open engines whose tables are empty and whose numbers begin again.
 */
import { sql } from 'kysely';
import { createSilentLog } from '../../src/observe/log.ts';
import { openEngine } from '../../src/store/db.ts';
import type { Engine } from '../../src/store/engine.ts';
import type { Databases } from '../fixtures/engines/postgres.ts';

/** A database of one test. Disposing gives it back; what is in it is deleted when the next test takes it. */
export interface ReusedDatabase extends AsyncDisposable {
  readonly db: Engine['db'];
  readonly server: ReturnType<typeof serverAt>;
}

/** Databases of a server; disposing closes their connections. */
export interface ReusedDatabases extends AsyncDisposable {
  /** An empty database that no other test uses now. */
  take(): Promise<ReusedDatabase>;
}

/** The settings of a database server. */
export const serverAt = (url: string) => ({ url, replicaUrl: undefined, pool: 4, replicaLag: 2000 });

/** Without triggers, which check foreign keys and keep what is searched: every row is deleted. */
const EMPTY = sql`DO $$
  DECLARE name text;
  BEGIN
    SET LOCAL session_replication_role = replica;
    FOR name IN SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'oxbow_schema' LOOP
      EXECUTE 'DELETE FROM ' || name;
    END LOOP;
    PERFORM setval(quote_ident(sequencename)::regclass, start_value, false) FROM pg_sequences WHERE schemaname = 'public';
  END $$`;

/** Opens none yet. */
export function reuseDatabases(postgres: Databases): ReusedDatabases {
  const opened = new AsyncDisposableStack();
  const free: Omit<ReusedDatabase, keyof AsyncDisposable>[] = [];
  const create = async () => {
    const server = serverAt(postgres.url(await postgres.create()));
    const { db } = opened.use(await openEngine({ file: '', log: createSilentLog(), server }));
    return { db, server };
  };
  return {
    async take() {
      const database = free.pop() ?? (await create());
      await EMPTY.execute(database.db);
      return {
        ...database,
        async [Symbol.asyncDispose]() {
          free.push(database);
        },
      };
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}
