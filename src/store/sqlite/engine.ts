/**
 * The embedded engine: one SQLite file in a separate thread.
 * In: a file. Out: Engine.
 */
import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import { Kysely } from 'kysely';
import { makePrivate } from '../../lib/platform.ts';
import type { Log } from '../../observe/log.ts';
import type { Engine, OnWait } from '../engine.ts';
import { databaseFiles } from '../private-files.ts';
import type { Tables } from '../schema.ts';
import { DatabaseThread, type StartDatabase } from './database-thread.ts';
import { createThreadDialect } from './dialect.ts';

/** Options of `openSqliteEngine`. */
interface SqliteEngineOptions {
  /** Path of the database file. */
  readonly file: string;
  readonly log: Log;
  /** Current time, ms since 1970; part of the name of a file that is moved aside. */
  readonly nowMs: number;
  readonly onWait: OnWait;
  /** Where the statements run; default a thread. */
  readonly start?: StartDatabase | undefined;
}

/**
 * Opens the database and brings it to the newest schema.
 *
 * @throws OxbowError `folder-unwritable`, `data-newer`
 */
export async function openSqliteEngine({ file, log, nowMs, onWait, start }: SqliteEngineOptions): Promise<Engine> {
  for (const path of [dirname(file), ...databaseFiles(file)]) {
    if (makePrivate(path)) log.info({ path }, 'read access of group and others was removed');
  }
  const thread = new DatabaseThread({ file, nowMs }, start);
  try {
    const { movedTo } = await thread.opened;
    if (movedTo !== undefined) {
      log.error({ file, movedTo }, 'the database was corrupt; it was moved aside and a new one created');
    }
    const db = new Kysely<Tables>({ dialect: createThreadDialect(thread, onWait) });
    return {
      name: 'sqlite',
      db,
      identity: String(statSync(file, { bigint: true }).ino),
      movedTo,
      read: (query) => query(db),
      waiting: 0, // one connection, and its messages are in memory already
      async check() {
        await thread.run('SELECT 1', []);
      },
      async [Symbol.asyncDispose]() {
        await db.destroy();
        await thread[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await thread[Symbol.asyncDispose]();
    throw error;
  }
}
