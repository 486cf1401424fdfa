/**
 * Gives free pages in the middle of the C library's heap back to the system. Large blocks take the free room
 * of the heap while there is load, then it grows for small ones, which stay: of 122 MB after a load, 58 were
 * free, and the C library gives back only what is free at its end.
 * In: memory and load of the process. Out: a smaller process after its start, and after each load. Linux with
 * glibc and Node 26 only: elsewhere nothing happens. docs/decisions/0143.
 *
 * It takes up to 140 ms, in which nothing else runs and which a busy process needs again for new pages. So it
 * waits until the process has little to do.
 */
import { performance } from 'node:perf_hooks';
import { openCLibrary } from '@oxbow/wire/c-library';
import { TIDY_AFTER_MS } from './heap.ts';

/** The first look follows the collection after the start. */
const FIRST_AFTER_MS = TIDY_AFTER_MS + 1000;
const LOOK_EVERY_MS = 60_000;
/** The event loop works for at most this share of the time between two looks. */
const LITTLE_LOAD = 0.1;
/** Growth since the last time that is worth it, bytes. */
const LEAST_GROWTH_BYTES = 24 * 1024 * 1024;

/** What is measured of the process; tests replace it. */
interface PageMeasures {
  /** Memory of the process, bytes. */
  readonly bytes: () => number;
  /** Share of the time since the last call in which the event loop worked. */
  readonly load: () => number;
}

/**
 * Does so from now on. It keeps no process alive.
 *
 * @returns ends it
 */
export function returnFreePages({ bytes, load }: PageMeasures = measureProcess()): Disposable {
  /** What remained the last time; at first everything counts as growth. */
  let leftBytes = 0;
  const look = () => {
    if (load() > LITTLE_LOAD || bytes() < leftBytes + LEAST_GROWTH_BYTES) return;
    // int malloc_trim(size_t pad)
    openCLibrary({ malloc_trim: { arguments: ['uint64'], return: 'int32' } })?.call.malloc_trim(0n);
    leftBytes = bytes();
  };
  const first = setTimeout(look, FIRST_AFTER_MS).unref();
  const timer = setInterval(look, LOOK_EVERY_MS).unref();
  return {
    [Symbol.dispose]() {
      clearTimeout(first);
      clearInterval(timer);
    },
  };
}

function measureProcess(): PageMeasures {
  let before = performance.eventLoopUtilization();
  return {
    bytes: process.memoryUsage.rss,
    load() {
      const now = performance.eventLoopUtilization();
      const { utilization } = performance.eventLoopUtilization(now, before);
      before = now;
      return utilization;
    },
  };
}
