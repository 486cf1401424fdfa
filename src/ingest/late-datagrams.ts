/**
 * Waits for datagrams that a publisher sent before the request that ends its session: they come over another
 * socket, which a busy process may read after the request.
 * In: a count that rises with each datagram. Out: a promise.
 */
import { setImmediate as endOfTurn } from 'node:timers/promises';

/**
 * Most turns, for a publisher that sends faster than this process reads. A turn reads up to 32 datagrams of a
 * socket, and sockets hold a few thousand. No time: a process that is suspended meanwhile would lose them.
 */
const MOST_TURNS = 500;

/**
 * Resolves after a turn of the event loop that has read no datagram: what had arrived is read.
 * @param count datagrams up to now, or their bytes
 */
export async function lateDatagrams(count: () => number): Promise<void> {
  await endOfTurn();
  let before = -1;
  for (let turn = 0; turn < MOST_TURNS; turn++) {
    const now = count();
    if (now === before) return;
    before = now;
    await endOfTurn();
  }
}
