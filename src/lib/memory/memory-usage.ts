/**
 * The memory of this thread and of the process.
 * In: the system. Out: bytes. Node opens a file for the resident size, which fails while there are no
 * descriptors.
 */
let last: NodeJS.MemoryUsage = { rss: 0, heapTotal: 0, heapUsed: 0, external: 0, arrayBuffers: 0 };

/**
 * As `process.memoryUsage`, bytes; the figures of the last call, or zeros, while the system has no file
 * descriptor for it.
 */
export function memoryUsage(): NodeJS.MemoryUsage {
  try {
    last = process.memoryUsage();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EMFILE' && code !== 'ENFILE') throw error;
  }
  return last;
}
