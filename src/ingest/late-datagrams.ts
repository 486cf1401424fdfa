/**
 * Waits for datagrams that a publisher sent before the request that ends its session: they come over another socket, which a busy process
 * may read after the request.
 * In: a count that rises with each datagram. Out: a promise.
 */
import { setTimeout as sleep } from 'node:timers/promises';

/** When so long nothing has come, all is read, ms. */
const QUIET_MS = 30;
/** Longest wait, for a publisher that still sends, ms. */
const LONGEST_MS = 500;

/** Resolves when no datagram has come for a moment. @param count datagrams, or their bytes, up to now */
export async function lateDatagrams(count: () => number): Promise<void> {
  const untilMs = performance.now() + LONGEST_MS;
  for (let before = -1; before !== count() && performance.now() < untilMs; ) {
    before = count();
    await sleep(QUIET_MS);
  }
}
