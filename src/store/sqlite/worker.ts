/**
 * The database thread.
 * In: the settings of connection.ts, and its messages. Out: database-port.ts serves them in this thread.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { collectGarbage, TIDY_AFTER_MS } from '../../lib/memory/heap.ts';
import { lowerThreadPriority } from '../../lib/platform.ts';
import { type DatabaseSettings, serveDatabase } from './database-port.ts';

/**
 * On a core that both need, the main thread goes first: a transaction would delay everyone by
 * some milliseconds. Against one busy thread this one still gets a quarter of the core.
 */
const NICE = 5;

if (parentPort) {
  lowerThreadPriority(NICE);
  serveDatabase(parentPort, workerData as DatabaseSettings);
  setTimeout(collectGarbage, TIDY_AFTER_MS).unref();
}
