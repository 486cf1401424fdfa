/**
 * Reads which recorded files a database lists, without a lock, a migration or a new file.
 * In: a database that no oxbow uses. Out: paths.
 */
import { existsSync, statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import type { Kysely } from 'kysely';
import { isProcessName } from '../config/sections/cluster-section.ts';
import type { DatabaseServer } from '../config/sections/store-section.ts';
import { OxbowError, sentenceOf } from '../lib/errors.ts';
import { createSilentLog } from '../observe/log.ts';
import { migrations } from './migrations.ts';
import type { Tables } from './schema.ts';
import { openReadRows } from './shards/open-rows.ts';

/**
 * Reads the path of every chunk file that is in no object store, relative to the data folder.
 *
 * @param file path of an existing database
 * @returns undefined if the database has an older schema, which the next start of oxbow upgrades
 * @throws OxbowError `data-newer` for a schema of a newer oxbow, `not-ready` if the database cannot be read
 */
export function readIndexedFiles(file: string): readonly string[] | undefined {
  let db: DatabaseSync | undefined;
  try {
    const location = pathToFileURL(file);
    // SQLite creates -wal and -shm even for reading, except for an immutable database: possible if there is
    // no -wal.
    const wal = `${file}-wal`;
    if (!existsSync(wal) || statSync(wal).size === 0) location.searchParams.set('immutable', '1');
    db = new DatabaseSync(location, { readOnly: true });
    const version = db.prepare('PRAGMA user_version').get()!.user_version as number;
    if (version > migrations.length) {
      throw new OxbowError('data-newer', `${file} has schema ${version}; this oxbow knows up to ${migrations.length}.`);
    }
    if (version < migrations.length) return undefined;
    return db
      .prepare('SELECT path FROM chunk_file WHERE path NOT IN (SELECT location FROM stored_object)')
      .all()
      .map(({ path }) => path as string);
  } catch (error) {
    if (error instanceof OxbowError) throw error;
    throw new OxbowError('not-ready', `${file} cannot be read: ${sentenceOf(error)}`, { cause: error });
  } finally {
    db?.close();
  }
}

/** How long `doctor` waits for a database server, ms. */
const WAIT_MS = 5000;

/** As `readIndexedFiles`, of a database server. */
export async function readServerFiles(server: DatabaseServer): Promise<readonly string[] | undefined> {
  const [{ openPostgresEngine }, { schemaOf }] = await Promise.all([
    import('./postgres/engine.ts'), // loads a library
    import('./postgres/migrate.ts'),
  ]);
  const onWait = () => undefined;
  await using engine = await openPostgresEngine({
    server,
    log: createSilentLog(),
    onWait,
    waitMs: WAIT_MS,
    migrate: false,
  });
  if ((await schemaOf(engine.db)) < migrations.length) return undefined;
  await using opened = new AsyncDisposableStack();
  const rows = await openReadRows(server, engine.db, opened);
  const paths = await rows.each(async ({ db }, has) => {
    const files = await db
      .selectFrom('chunk_file')
      .leftJoin('stored_object', 'stored_object.location', 'chunk_file.path')
      .select(['chunk_file.stream_id', 'chunk_file.path'])
      .where('stored_object.location', 'is', null)
      .execute();
    return files.filter(({ stream_id }) => has(stream_id)).map(({ path }) => path);
  });
  return paths.flat();
}

/** Whether several nodes share the database of a server: each has its own files. */
export async function hasNodes(server: DatabaseServer): Promise<boolean> {
  const { openPostgresEngine } = await import('./postgres/engine.ts'); // loads a library
  const onWait = () => undefined;
  await using engine = await openPostgresEngine({
    server,
    log: createSilentLog(),
    onWait,
    waitMs: WAIT_MS,
    migrate: false,
  });
  return (await readNodeNames(engine.db)).length > 1;
}

/** Names of the nodes with separate data folders: not of the processes of a server, which share one. */
export async function readNodeNames(db: Kysely<Tables>): Promise<readonly string[]> {
  const nodes = await db.selectFrom('node').select('name').orderBy('name').execute();
  return nodes.map(({ name }) => name).filter((name) => !isProcessName(name));
}
