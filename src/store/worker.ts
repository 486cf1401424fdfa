/**
 * The database thread.
 * In: the settings of connection.ts, and its messages. Out: database-port.ts serves them in this thread.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { collectGarbage, TIDY_AFTER_MS } from '../lib/memory/heap.ts';
import { type DatabaseSettings, serveDatabase } from './database-port.ts';

if (parentPort) {
  serveDatabase(parentPort, workerData as DatabaseSettings);
  setTimeout(collectGarbage, TIDY_AFTER_MS).unref();
}
