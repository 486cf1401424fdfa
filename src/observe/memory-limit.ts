/**
 * The memory limit of this process.
 * In: the limit of its control group (version 1 or 2), as Node reads it. Out: bytes.
 */
import { totalmem } from 'node:os';

/** The limit of the container, otherwise the memory of the machine; bytes. */
export function memoryLimit(): number {
  const total = totalmem();
  const limit = process.constrainedMemory();
  return limit > 0 && limit < total ? limit : total;
}
