/**
 * The metadata store: one SQLite file in a thread of its own, asked through Kysely with typed tables.
 * In: `store.db` from repositories on higher floors. Out: rows. Nothing above imports node:sqlite or another engine.
 */
import { dirname } from 'node:path';
import { Kysely } from 'kysely';
import { makePrivate } from '../lib/platform.ts';
import type { Log } from '../observe/log.ts';
import { DatabaseThread } from './connection.ts';
import { createThreadDialect } from './dialect.ts';
import { lockDataFolder } from './lock.ts';
import { databaseFiles } from './private-files.ts';
import type { Tables } from './schema.ts';

/** An open metadata store. */
export interface Store {
  /** The tables. Statements of a transaction keep all others waiting, so nothing slow may be awaited within one. */
  readonly db: Kysely<Tables>;
  /** Where a corrupt database was moved to at opening; then the index is empty and wants rebuilding from the files. */
  readonly movedTo: string | undefined;
  /** Resolves when the database answers; for the health check. Throws what is wrong. */
  check(): Promise<void>;
}

/** How `openStore` is set up. */
export interface StoreOptions {
  /** Path of the database file; the folder that holds it is the data folder and is locked. */
  readonly file: string;
  readonly log: Log;
  /** Now, ms since 1970; names a file that is moved aside. */
  readonly nowMs?: number;
  /** Told how long each statement took, seconds, and its SQL without values. */
  readonly onWait?: (seconds: number, sql: string) => void;
}

/**
 * Locks the data folder, opens the database in its thread and brings it to the newest schema.
 * Disposing lets what was asked finish, closes the file and frees the lock.
 *
 * @throws OxbowError `data-in-use`, `folder-unwritable`, `data-newer`
 */
export async function openStore(options: StoreOptions): Promise<Store & AsyncDisposable> {
  const { file, log, nowMs = Date.now(), onWait = () => undefined } = options;
  const lock = lockDataFolder(dirname(file));
  for (const path of [dirname(file), ...databaseFiles(file)]) {
    if (makePrivate(path)) log.info({ path }, 'group and others could read this; now only its owner can');
  }
  const thread = new DatabaseThread({ file, nowMs });
  try {
    const { movedTo } = await thread.opened;
    if (movedTo !== undefined) {
      log.error({ file, movedTo }, 'the database was corrupt; it was moved aside and a new one begun');
    }
    const db = new Kysely<Tables>({ dialect: createThreadDialect(thread, onWait) });
    return {
      db,
      movedTo,
      async check() {
        await thread.run('SELECT 1', []);
      },
      async [Symbol.asyncDispose]() {
        await db.destroy();
        await thread[Symbol.asyncDispose]();
        lock[Symbol.dispose]();
      },
    };
  } catch (error) {
    await thread[Symbol.asyncDispose]();
    lock[Symbol.dispose]();
    throw error;
  }
}
