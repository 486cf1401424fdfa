/**
 * Settings of V8's heap: how much it grows between collections, and one full collection after the start. V8
 * does not collect while little memory is allocated, so an idle server would keep the garbage of its start
 * for hours.
 * In: nothing. Out: a process that is 16 MB smaller, for one pause of 70 ms.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { getEnvironmentData, setEnvironmentData } from 'node:worker_threads';

/** How much memory may grow until all of the heap is marked again, percent. */
const MOST_GROWTH_PERCENT = 100;
const LEAST_GROWTH_PERCENT = 10;
/** Garbage that may wait for that, bytes: with much media in memory a percentage would be too much. */
const MOST_GARBAGE_BYTES = 256 * 1024 * 1024;
const LOOK_EVERY_MS = 10_000;
/** Buffers count as growth of the whole. Flags are of the process, and nothing can read them. */
const COUNT_BUFFERS = 'external-memory-accounted-in-global-limit';

/**
 * Lets memory grow more between two collections. V8 counts the buffers of passing segments apart from the
 * heap, and marks all of the heap again after each 64 MB of them: three times a second with 100 streams, a
 * third of all CPU time. Here they count as growth of the whole. A V8 without these flags prints a warning.
 */
export function letHeapGrow(): Disposable {
  setFlagsFromString(`--${COUNT_BUFFERS}`);
  setEnvironmentData(COUNT_BUFFERS, true); // for threads that start later
  const grow = () => {
    const { heapUsed, external } = process.memoryUsage();
    setFlagsFromString(`--heap-growing-percent=${growthPercent(heapUsed + external)}`);
  };
  grow();
  const timer = setInterval(grow, LOOK_EVERY_MS).unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

/** Runs `allocate` while V8 counts buffers apart from the heap, so that 64 MiB of them start a collection. */
export function whileBuffersCountApart(allocate: () => void): void {
  if (getEnvironmentData(COUNT_BUFFERS) !== true) {
    allocate();
    return;
  }
  setFlagsFromString(`--no-${COUNT_BUFFERS}`);
  try {
    allocate();
  } finally {
    setFlagsFromString(`--${COUNT_BUFFERS}`);
  }
}

/** How much memory that is in use may grow, percent. @param bytes in use */
export function growthPercent(bytes: number): number {
  const percent = Math.floor((100 * MOST_GARBAGE_BYTES) / Math.max(bytes, 1));
  return Math.min(MOST_GROWTH_PERCENT, Math.max(LEAST_GROWTH_PERCENT, percent));
}

/** Time of the collection after a start: everything is loaded, and there are few viewers yet, ms. */
export const TIDY_AFTER_MS = 5000;

/**
 * Collects all garbage of this thread and returns memory to the system. Blocks the thread for some ten
 * milliseconds.
 */
export function collectGarbage(): void {
  // The only access to V8's collector: contexts that begin while the flag is set have `gc`. All threads share
  // the flag, so it stays set: a thread that removed it could do so between these two steps of another.
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as (options: { type: 'major'; flavor: 'last-resort' }) => void;
  collect({ type: 'major', flavor: 'last-resort' });
}
