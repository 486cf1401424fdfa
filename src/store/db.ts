/**
 * The metadata store: one SQLite file in its own thread, queried through Kysely with typed tables.
 * In: queries of repositories in higher layers. Out: rows. No higher layer imports node:sqlite.
 */
import { dirname } from 'node:path';
import { Kysely } from 'kysely';
import { createSystemClock } from '../lib/clock.ts';
import { makePrivate } from '../lib/platform.ts';
import type { Log } from '../observe/log.ts';
import { DatabaseThread, type StartDatabase } from './connection.ts';
import { leaseDataFolder } from './data-folder-lease.ts';
import { createThreadDialect } from './dialect.ts';
import type { Fence } from './lease-table.ts';
import { lockDataFolder } from './lock.ts';
import { databaseFiles } from './private-files.ts';
import type { Tables } from './schema.ts';

/** An open metadata store. */
export interface Store {
  /** The tables. A transaction blocks all other statements, so await nothing slow within one. */
  readonly db: Kysely<Tables>;
  /** Token checked by writes that only the owner of the data folder may do. */
  readonly fence: Fence;
  /** Path that a corrupt database was moved to when the store opened; the index must then be rebuilt from the files. */
  readonly movedTo: string | undefined;
  /** Resolves when the database responds; for the health check. Throws its error. */
  check(): Promise<void>;
}

/** Options of `openStore`. */
export interface StoreOptions {
  /** Path of the database file; its folder is the data folder and is locked. */
  readonly file: string;
  readonly log: Log;
  /** Current time, ms since 1970; part of the name of a file that is moved aside. */
  readonly nowMs?: number;
  /** Called with the duration of each statement, seconds, and its SQL without values. */
  readonly onWait?: (seconds: number, sql: string) => void;
  /** Called if another process takes the data folder. */
  readonly onTaken?: () => void;
  /** Time to live of the lease on the folder, ms; for tests. */
  readonly leaseTtlMs?: number;
  /** Where the statements run; default a thread. For tests. */
  readonly start?: StartDatabase;
}

/**
 * Locks the data folder, opens the database in its thread, brings it to the newest schema and takes the lease of the folder.
 * Disposing waits for statements, releases the lease, closes the file and frees the lock.
 *
 * @throws OxbowError `data-in-use`, `folder-unwritable`, `data-newer`
 */
export async function openStore(options: StoreOptions): Promise<Store & AsyncDisposable> {
  const { file, log, nowMs = Date.now(), onWait = () => undefined, onTaken = () => undefined } = options;
  const lock = lockDataFolder(dirname(file));
  for (const path of [dirname(file), ...databaseFiles(file)]) {
    if (makePrivate(path)) log.info({ path }, 'removed read access of group and others');
  }
  const thread = new DatabaseThread({ file, nowMs }, options.start);
  try {
    const { movedTo } = await thread.opened;
    if (movedTo !== undefined) {
      log.error({ file, movedTo }, 'the database was corrupt; it was moved aside and a new one created');
    }
    const db = new Kysely<Tables>({ dialect: createThreadDialect(thread, onWait) });
    const clock = createSystemClock();
    const lease = await leaseDataFolder({ db, file, clock, log, ttlMs: options.leaseTtlMs, taken: onTaken });
    return {
      db,
      get fence() {
        return lease.fence;
      },
      movedTo,
      async check() {
        await thread.run('SELECT 1', []);
      },
      async [Symbol.asyncDispose]() {
        await lease[Symbol.asyncDispose]();
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
