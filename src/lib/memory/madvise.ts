/**
 * Advice to the system about the memory of this process, madvise(2).
 * In: ranges of addresses. Out: what the system makes of them. Linux with Node 26 only.
 */
import { lazyCLibrary } from '@oxbow/wire/c-library';

/** Pages of a file are read from it again when they are needed; others lose what they hold. */
export const MADV_DONTNEED = 4;
/** Large pages are preferred. */
export const MADV_HUGEPAGE = 14;

/** `madvise` takes an address, bytes and an advice as above, and returns 0 where the system took note. */
export const memoryAdvice = lazyCLibrary({
  // int madvise(void *addr, size_t length, int advice)
  madvise: { arguments: ['pointer', 'uint64', 'int32'], return: 'int32' },
});
