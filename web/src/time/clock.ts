/**
 * The server's time: a few requests in a row, of which the quickest counts, repeated regularly because clocks drift and a sleeping machine
 * loses its steady clock.
 * In: the time API. Out: unix milliseconds for everything that needs the current time.
 */
import { ApiError, getClockOffset } from '../api/client.ts';
import { pause } from '../api/poll.ts';

/** One measurement: how far the server's clock is ahead, and the round trip, both milliseconds. */
export interface ClockAnswer {
  readonly offsetMs: number;
  readonly roundTripMs: number;
}

/** What a clock is created with. */
export interface ClockParts {
  readonly ask: (signal: AbortSignal) => Promise<ClockAnswer>;
  /** This machine's clock, unix milliseconds. */
  readonly wallMs: () => number;
  /** A monotonic clock, milliseconds. */
  readonly steadyMs: () => number;
}

const ASKS_AT_ONCE = 5;
const AGAIN_MS = 120_000;
const AGAIN_FAILED_MS = 5_000;
/** A larger difference is applied at once: a clock was set, or the machine slept. Milliseconds. */
const JUMP_MS = 150;
/** Share of a small difference that is applied each time. */
const GAIN = 0.5;

async function askServer(signal: AbortSignal): Promise<ClockAnswer> {
  const before = performance.now();
  const offsetMs = await getClockOffset(signal);
  return { offsetMs, roundTripMs: performance.now() - before };
}

/** An estimate of the server's clock. */
export class Clock {
  readonly #parts: ClockParts;
  /** Server's time minus the steady clock. */
  #aheadMs: number | null = null;
  #roundTripMs: number | null = null;

  constructor(parts: Partial<ClockParts> = {}) {
    this.#parts = { ask: askServer, wallMs: Date.now, steadyMs: () => performance.now(), ...parts };
  }

  /** The server's time, unix milliseconds with fractions; local time before the first response. */
  now = (): number => {
    const { wallMs, steadyMs } = this.#parts;
    return this.#aheadMs === null ? wallMs() : steadyMs() + this.#aheadMs;
  };

  /** Best of the last round trips, seconds; null before the first answer. */
  get networkS(): number | null {
    return this.#roundTripMs === null ? null : this.#roundTripMs / 1000;
  }

  /** Measures a few times and applies the best measurement. Returns false if every request failed; throws only bugs. */
  async read(signal: AbortSignal): Promise<boolean> {
    let best: { aheadMs: number; roundTripMs: number } | null = null;
    for (let turn = 0; turn < ASKS_AT_ONCE && !signal.aborted; turn++) {
      try {
        const { offsetMs, roundTripMs } = await this.#parts.ask(signal);
        const { wallMs, steadyMs } = this.#parts;
        if (!best || roundTripMs < best.roundTripMs) {
          best = { aheadMs: offsetMs + wallMs() - steadyMs(), roundTripMs };
        }
      } catch (error) {
        if (signal.aborted) return false;
        if (!(error instanceof ApiError)) throw error;
        break; // no server: retried later
      }
    }
    if (!best) return false;
    const known = this.#aheadMs;
    const differs = known === null ? Number.POSITIVE_INFINITY : Math.abs(best.aheadMs - known);
    this.#aheadMs = known === null || differs > JUMP_MS ? best.aheadMs : known + GAIN * (best.aheadMs - known);
    this.#roundTripMs = best.roundTripMs;
    return true;
  }

  /** Keeps the estimate current until `signal` aborts: every two minutes, and at once after a sleep. */
  async keep(signal: AbortSignal): Promise<void> {
    const { wallMs, steadyMs } = this.#parts;
    while (!signal.aborted) {
      const good = await this.read(signal);
      let leftMs = good ? AGAIN_MS : AGAIN_FAILED_MS;
      let apartMs = wallMs() - steadyMs();
      while (leftMs > 0 && !signal.aborted) {
        const stepMs = Math.min(leftMs, 2_000);
        await pause(stepMs, signal);
        leftMs -= stepMs;
        // The steady clock stopped during a sleep, or the wall clock was set: both need a new measurement.
        if (Math.abs(wallMs() - steadyMs() - apartMs) > JUMP_MS) break;
        apartMs = wallMs() - steadyMs();
      }
    }
  }
}
