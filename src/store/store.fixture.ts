/**
 * A metadata store in a temporary folder, for tests. Its statements run without their own thread, which
 * takes a fifth of the CPU.
 * In: nothing. Out: an open store; disposing closes it and removes the folder.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MessageChannel } from 'node:worker_threads';
import { messagesOnTheWay } from '../../test/fixtures/virtual-time.ts';
import { createSilentLog } from '../observe/log.ts';
import { openStore, type Store } from './db.ts';
import { serveDatabase } from './sqlite/database-port.ts';
import type { StartDatabase } from './sqlite/database-thread.ts';

/** Opens an empty database with all tables; for the contract suites of tables. */
export type OpenDatabase = () => Promise<Pick<Store, 'db'> & AsyncDisposable>;

/** Opens an empty SQLite store. */
export async function openTemporaryStore(): Promise<Store & AsyncDisposable> {
  const folder = await mkdtemp(join(tmpdir(), 'oxbow-store-'));
  const store = await openStore({ file: join(folder, 'oxbow.db'), log: createSilentLog(), start: serveHere });
  return {
    ...store,
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/**
 * Runs the statements of a database in this thread; they arrive and are answered as messages, as with a
 * thread.
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
