/**
 * A metadata store in a temporary folder, for tests. Its statements run without their own thread, which
 * takes a fifth of the CPU.
 * In: nothing. Out: an open store; disposing closes it and removes the folder.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { MessageChannel } from 'node:worker_threads';
import { messagesOnTheWay } from '../../test/fixtures/virtual-time.ts';
import { createSilentLog } from '../observe/log.ts';
import { openStore, type Store } from './db.ts';
import { RESERVE_BYTES } from './disk-reserve.ts';
import { RESERVE_FILE } from './file-names.ts';
import { serveDatabase } from './sqlite/database-port.ts';
import type { StartDatabase } from './sqlite/database-thread.ts';
import { openSqlite } from './sqlite/sqlite.ts';

/** Opens an empty database with all tables; for the contract suites of tables. */
export type OpenDatabase = () => Promise<Pick<Store, 'db'> & AsyncDisposable>;

/**
 * Tests of virtual days renew the lease of the folder three times in this long, ms: every ten seconds would
 * be most of their work.
 */
export const LEASE_TTL_MS = 3_600_000;

/** Opens an empty SQLite store. */
export async function openTemporaryStore(): Promise<Store & AsyncDisposable> {
  const folder = await mkdtemp(join(tmpdir(), 'oxbow-store-'));
  await writeFile(join(folder, RESERVE_FILE), '');
  await truncate(join(folder, RESERVE_FILE), RESERVE_BYTES); // of zeros: no test fills this disk
  const file = join(folder, 'oxbow.db');
  const store = await openStore({ file, log: createSilentLog(), start: serveHere, leaseTtlMs: LEASE_TTL_MS });
  return {
    ...store,
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** A database with all tables and no rows, once it was made. */
let emptyDatabase: Uint8Array | undefined;

/**
 * Writes a database that no statement has reached yet, unless there is one: every step of every schema would
 * take 30 ms of CPU, which the tests of upgrades take on purpose.
 */
function writeEmptyDatabase(file: string): void {
  if (existsSync(file) || !existsSync(dirname(file))) return;
  emptyDatabase ??= makeEmptyDatabase();
  writeFileSync(file, emptyDatabase, { mode: 0o600 });
}

function makeEmptyDatabase(): Uint8Array {
  const folder = mkdtempSync(join(tmpdir(), 'oxbow-store-'));
  try {
    const file = join(folder, 'oxbow.db');
    openSqlite(file, 0)[Symbol.dispose]();
    return readFileSync(file);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * Runs the statements of a database in this thread; they arrive and are answered as messages, as with a
 * thread. A new database has all tables from the start.
 */
export const serveHere: StartDatabase = (settings) => {
  const { port1: ours, port2: theirs } = new MessageChannel();
  let onTheWay = 0;
  const areOnTheWay = () => onTheWay > 0;
  messagesOnTheWay.add(areOnTheWay);
  const answer = theirs.postMessage.bind(theirs);
  theirs.postMessage = (...message) => {
    onTheWay++;
    answer(...message);
  };
  theirs.on('message', () => onTheWay--);
  writeEmptyDatabase(settings.file);
  serveDatabase(theirs, settings);
  return {
    post(request) {
      onTheWay++;
      ours.postMessage(request);
    },
    receive: (listener) =>
      ours.on('message', (response) => {
        onTheWay--;
        listener(response);
      }),
    ended: new Promise((resolve) =>
      ours.once('close', () => {
        messagesOnTheWay.delete(areOnTheWay);
        resolve(undefined);
      }),
    ),
    end: () => ours.close(),
  };
};
