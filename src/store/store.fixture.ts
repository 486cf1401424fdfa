/**
 * A metadata store in a temporary folder, for tests.
 * In: nothing. Out: an open store; disposing closes it and removes the folder.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSilentLog } from '../observe/log.ts';
import { openStore, type Store } from './db.ts';

/** Opens an empty database with all tables; for the contract suites of tables. */
export type OpenDatabase = () => Promise<Pick<Store, 'db'> & AsyncDisposable>;

/** Opens an empty SQLite store. */
export async function openTemporaryStore(): Promise<Store & AsyncDisposable> {
  const folder = await mkdtemp(join(tmpdir(), 'oxbow-store-'));
  const store = await openStore({ file: join(folder, 'oxbow.db'), log: createSilentLog() });
  return {
    ...store,
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
