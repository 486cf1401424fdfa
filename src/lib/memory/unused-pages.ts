/**
 * Gives pages that the process does not use back to the system. Two kinds of them stay otherwise:
 *
 * - Free pages in the middle of the C library's heap. Large blocks take the free room of the heap while
 *   there is load, then it grows for small ones, which stay: of 122 MB after a load, 58 were free, and the C
 *   library gives back only what is free at its end.
 * - Pages of the program file which only the start needed: most of 59 MB.
 *
 * In: memory and load of the process. Out: a smaller process after its start, and after each load. Linux with
 * glibc and Node 26 only: elsewhere nothing happens. docs/decisions/0143.
 *
 * After a load it takes up to 140 ms, in which nothing else runs and which a busy process needs again for new
 * pages. So it waits until the process has little to do.
 */
import { performance } from 'node:perf_hooks';
import { lazyCLibrary } from '@oxbow/wire/c-library';
import { readProcess } from '../platform.ts';
import { collectGarbage, TIDY_AFTER_MS } from './heap.ts';
import { MADV_DONTNEED, memoryAdvice } from './madvise.ts';
import { programPages } from './program-pages.ts';

/** The first time follows the collection after the start. It takes 20 ms. */
const FIRST_AFTER_MS = TIDY_AFTER_MS + 1000;
const LOOK_EVERY_MS = 60_000;
/** The event loop works for at most this share of the time between two looks. */
const LITTLE_LOAD = 0.1;
/** Growth since the last time that is worth it, bytes. */
const LEAST_GROWTH_BYTES = 24 * 1024 * 1024;

const heap = lazyCLibrary({
  // int malloc_trim(size_t pad)
  malloc_trim: { arguments: ['uint64'], return: 'int32' },
});

/** What is measured of the process; tests replace it. */
interface PageMeasures {
  /** Memory of the process that no file has, bytes: pages of the program come back as they are needed. */
  readonly bytes: () => number;
  /** Share of the time since the last call in which the event loop worked. */
  readonly load: () => number;
}

/**
 * Does so from now on. It keeps no process alive.
 *
 * @returns ends it
 */
export function returnUnusedPages({ bytes, load }: PageMeasures = measureProcess()): Disposable {
  /** What remained the last time. At first nothing: parts of the start come after the first time. */
  let leftBytes = 0;
  const look = () => {
    if (!heap() || load() > LITTLE_LOAD || bytes() < leftBytes + LEAST_GROWTH_BYTES) return;
    if (leftBytes === 0) collectGarbage();
    giveBack();
    leftBytes = bytes();
  };
  const first = setTimeout(giveBack, FIRST_AFTER_MS).unref();
  const timer = setInterval(look, LOOK_EVERY_MS).unref();
  return {
    [Symbol.dispose]() {
      clearTimeout(first);
      clearInterval(timer);
    },
  };
}

function giveBack(): void {
  const library = heap();
  if (!library) return;
  library.call.malloc_trim(0n);
  for (const { start, length } of programPages(process.execPath, readProcess('smaps')))
    memoryAdvice()?.call.madvise(start, length, MADV_DONTNEED);
}

function measureProcess(): PageMeasures {
  let before = performance.eventLoopUtilization();
  return {
    bytes: () => 1024 * Number(/^RssAnon:\s*(\d+) kB$/m.exec(readProcess('status'))?.[1] ?? 0),
    load() {
      const now = performance.eventLoopUtilization();
      const { utilization } = performance.eventLoopUtilization(now, before);
      before = now;
      return utilization;
    },
  };
}
