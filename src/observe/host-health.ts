/**
 * Health checks of the process: memory, clock and event loop.
 * In: figures of the process. Out: checks for observe/health.
 */
import type { Clock } from '../lib/clock.ts';
import { memoryUsage } from '../lib/memory/memory-usage.ts';
import type { Check } from './health.ts';
import { memoryLimit } from './memory-limit.ts';

/** Share of the memory limit above which the system may kill the process at any time. */
const MOST_MEMORY = 0.95;
/**
 * Lag of the main thread above which live video cannot be served, seconds. A smaller lag is reported, but is
 * not a failure.
 */
const MOST_LAG_S = 5;
/** A smaller difference is slewing, ms. */
const STEP_MS = 500;
/** How long a clock step is reported, ms. */
const TOLD_MS = 3600 * 1000;

/** Memory in use compared with the limit. Fails above 95 %. */
export function memoryCheck(
  usage: () => Pick<NodeJS.MemoryUsage, 'rss' | 'heapUsed' | 'arrayBuffers'> = memoryUsage,
  limit: () => number = memoryLimit,
): Check {
  return () => {
    const { rss, heapUsed, arrayBuffers } = usage();
    const most = limit();
    const mb = (bytes: number) => `${(bytes / 1e6).toFixed(0)} MB`;
    const sentence = `${mb(rss)} of ${mb(most)} are in use, heap ${mb(heapUsed)}, buffers ${mb(arrayBuffers)}`;
    if (rss > most * MOST_MEMORY) throw new Error(`memory is short: ${sentence}`);
    return sentence;
  };
}

/** Lag of the main thread. Fails above 5 s. */
export function loopCheck(lagS: () => number): Check {
  return () => {
    const sentence = `the main thread is ${(lagS() * 1000).toFixed(0)} ms late in one case of a hundred`;
    if (lagS() > MOST_LAG_S) throw new Error(`oxbow has too much to do: ${sentence}`);
    return sentence;
  };
}

/** Detects steps of the system's clock by comparison with the monotonic clock. */
export class ClockWatch {
  readonly #clock: Clock;
  readonly #onStep: () => void;
  #offsetMs: number;
  #last: { readonly byMs: number; readonly atMs: number } | undefined;

  constructor(clock: Clock, onStep: () => void) {
    this.#clock = clock;
    this.#onStep = onStep;
    this.#offsetMs = clock.nowMs() - clock.monotonicMs();
  }

  /** Compares both clocks; called at each scrape and health check. */
  look(): void {
    const atMs = this.#clock.monotonicMs();
    const offsetMs = this.#clock.nowMs() - atMs;
    const byMs = offsetMs - this.#offsetMs;
    this.#offsetMs = offsetMs;
    if (Math.abs(byMs) < STEP_MS) return;
    this.#last = { byMs, atMs };
    this.#onStep();
  }

  /** The check. It never fails: a corrected clock does not prevent serving. */
  readonly check = (): string => {
    this.look();
    if (!this.#last || this.#clock.monotonicMs() - this.#last.atMs > TOLD_MS) return 'the clock has not stepped';
    const { byMs, atMs } = this.#last;
    const agoS = Math.round((this.#clock.monotonicMs() - atMs) / 1000);
    return `the clock stepped by ${(byMs / 1000).toFixed(1)} s, seen ${agoS} s ago`;
  };
}
