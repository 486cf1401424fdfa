/**
 * Opens the tables only for reading, without a lock, a migration or a new file: also of a database that a
 * server uses.
 * In: a data folder, or a database server. Out: a typed handle that refuses to write.
 */
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import { Kysely } from 'kysely';
import type { DatabaseServer } from '../../config/sections/store-section.ts';
import { messageOf, OxbowError } from '../../lib/errors.ts';
import { createSilentLog } from '../../observe/log.ts';
import type { Parameter } from '../engine.ts';
import { DATABASE_FILE } from '../file-names.ts';
import { readNodeNames } from '../indexed-files.ts';
import { migrations } from '../migrations.ts';
import { isLocked } from '../running.ts';
import type { Tables } from '../schema.ts';
import { openReadRows } from '../shards/open-rows.ts';
import { readOnlyRows, type StreamRows, soleRows } from '../shards/stream-rows.ts';
import { createThreadDialect } from '../sqlite/dialect.ts';

/** How long a reader waits for a database server, and for another process that writes, ms. */
const WAIT_MS = 5000;

/** Open tables. */
export interface IndexReader extends AsyncDisposable {
  readonly db: Kysely<Tables>;
  readonly rows: StreamRows;
  /** Several nodes share the database: each has its own files. */
  readonly isShared: boolean;
}

/**
 * Opens the tables.
 *
 * @throws OxbowError `not-ready` if there is no database, if it cannot be read, or has an older schema;
 *   `data-newer`
 */
export async function openIndexReader(dataFolder: string, server: DatabaseServer | undefined): Promise<IndexReader> {
  return server ? openServer(server) : openFile(join(dataFolder, DATABASE_FILE), dataFolder);
}

function openFile(file: string, dataFolder: string): IndexReader {
  let reading: DatabaseSync | undefined;
  try {
    if (!existsSync(file)) throw new OxbowError('not-ready', `There is no ${file}.`, { extra: { hint: REBUILD } });
    const location = pathToFileURL(file);
    // As in indexed-files.ts; but never of a file that a server may be changing.
    const wal = `${file}-wal`;
    const isQuiet = !isLocked(dataFolder) && (!existsSync(wal) || statSync(wal).size === 0);
    if (isQuiet) location.searchParams.set('immutable', '1');
    const open = new DatabaseSync(location, { readOnly: true, timeout: WAIT_MS });
    reading = open;
    checkSchema(open.prepare('PRAGMA user_version').get()!.user_version as number, file);
    const run = async (sql: string, parameters: readonly Parameter[]) => {
      try {
        return { rows: open.prepare(sql).all(...parameters.map(toBound)) };
      } catch (error) {
        throw unreadable(file, error);
      }
    };
    const runAll = () => Promise.reject(new OxbowError('not-ready', 'The database is open for reading alone.'));
    const db = new Kysely<Tables>({ dialect: createThreadDialect({ run, runAll }, () => undefined) });
    return {
      db,
      rows: readOnlyRows(soleRows(db)),
      isShared: false,
      async [Symbol.asyncDispose]() {
        await db.destroy();
        open.close();
      },
    };
  } catch (error) {
    reading?.close();
    throw error instanceof OxbowError ? error : unreadable(file, error);
  }
}

async function openServer(server: DatabaseServer): Promise<IndexReader> {
  const [{ openPostgresEngine }, { schemaOf }] = await Promise.all([
    import('../postgres/engine.ts'), // loads a library
    import('../postgres/migrate.ts'),
  ]);
  await using opened = new AsyncDisposableStack();
  const log = createSilentLog();
  const onWait = () => undefined;
  // A comparison reads all rows: without limits.
  const engine = await openPostgresEngine({ server, log, onWait, waitMs: WAIT_MS, migrate: false, unlimited: true });
  const { db } = opened.use(engine);
  checkSchema(await schemaOf(db), 'The database');
  const rows = await openReadRows(server, db, opened);
  const isShared = (await readNodeNames(db)).length > 1;
  const owned = opened.move();
  return { db, rows, isShared, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

const REBUILD = 'oxbow doctor --rebuild makes it again from the recorded files.';

function checkSchema(version: number, file: string): void {
  if (version > migrations.length) {
    throw new OxbowError('data-newer', `${file} has schema ${version}; this oxbow knows up to ${migrations.length}.`);
  }
  if (version < migrations.length) {
    const hint = 'Start oxbow once: it upgrades the database.';
    throw new OxbowError('not-ready', `${file} has schema ${version}, which is older.`, { extra: { hint } });
  }
}

function unreadable(file: string, cause: unknown): OxbowError {
  const hint =
    'If it is corrupt: stop oxbow and run oxbow doctor --repair. A backup has what the files do not: oxbow restore';
  return new OxbowError('not-ready', `${file} cannot be read: ${messageOf(cause)}.`, { cause, extra: { hint } });
}

// As in sqlite.ts: integers are bound as INTEGER.
function toBound(value: Parameter): SQLInputValue {
  return typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : value;
}
