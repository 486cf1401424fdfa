/**
 * Measures the event loop lag of the current thread.
 * In: Node's histogram of the event loop. Out: seconds.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';

/**
 * Time between two measurements, subtracted from each delay, ms. Each is a turn of the loop, also of a server
 * at rest.
 */
const LOOK_EVERY_MS = 250;

/** Lag since the last reset. */
export interface LoopLag extends Disposable {
  /** @param percentile 0 to 100 @returns seconds */
  at(percentile: number): number;
  reset(): void;
}

/** Starts measuring; dispose it to stop. */
export function watchLoop(): LoopLag {
  const delay = monitorEventLoopDelay({ resolution: LOOK_EVERY_MS });
  delay.enable();
  return {
    at: (percentile) => Math.max(0, delay.percentile(percentile) / 1e9 - LOOK_EVERY_MS / 1000),
    reset: () => delay.reset(),
    [Symbol.dispose]: () => void delay.disable(),
  };
}
