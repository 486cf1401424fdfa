/**
 * Waits for datagrams that a publisher sent before the request that ends its session: they come over another socket, which a busy process
 * may read after the request.
 * In: a count that rises with each datagram. Out: a promise.
 */
import { setImmediate as endOfTurn } from 'node:timers/promises';

/** Longest wait, for a publisher that sends faster than this process reads, ms. */
const LONGEST_MS = 500;

/** Resolves after a turn of the event loop that has read no datagram: what had arrived is read. @param count datagrams up to now, or their bytes */
export async function lateDatagrams(count: () => number): Promise<void> {
  const untilMs = performance.now() + LONGEST_MS;
  await endOfTurn();
  for (let before = -1; before !== count() && performance.now() < untilMs; ) {
    before = count();
    await endOfTurn();
  }
}
