/**
 * Limits how many bytes are read or moved in a second.
 * In: bytes that are about to be read, or were moved. Out: a wait. The rate is read at each call, so a
 * changed setting applies at once.
 */
import { sleep } from './abort.ts';
import type { Clock } from './clock.ts';

/** Time that may be made up for after a pause, ms. */
const BURST_MS = 100;

/**
 * Creates a limit.
 *
 * @param rate bytes a second; 0: no limit
 * @returns resolves when this many bytes may be read; rejects with the reason of `signal`
 */
export function createPace(
  rate: () => number,
  { clock, signal }: { readonly clock: Pick<Clock, 'monotonicMs'>; readonly signal: AbortSignal },
): (bytes: number) => Promise<void> {
  let freeAtMs = Number.NEGATIVE_INFINITY;
  return async (bytes) => {
    signal.throwIfAborted();
    const perSecond = rate();
    if (perSecond === 0) return;
    const nowMs = clock.monotonicMs();
    const startMs = Math.max(freeAtMs, nowMs - BURST_MS);
    freeAtMs = startMs + (bytes / perSecond) * 1000;
    if (startMs > nowMs) await sleep(startMs - nowMs, { signal });
  };
}
