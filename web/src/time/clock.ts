/**
 * The server's time: asked for a few times in a row, the quickest answer counts, and asked again from time to time, because the two
 * clocks drift and a machine that slept may have lost its own.
 * In: the API's time. Out: unix milliseconds for everything that must know now.
 */
import { ApiError, getClockOffset } from '../api/client.ts';
import { pause } from '../api/poll.ts';

/** One question: how far the server's clock is ahead, and how long the question took, both milliseconds. */
export interface ClockAnswer {
  readonly offsetMs: number;
  readonly roundTripMs: number;
}

/** What a clock is made of. */
export interface ClockParts {
  readonly ask: (signal: AbortSignal) => Promise<ClockAnswer>;
  /** This machine's clock, unix milliseconds. */
  readonly wallMs: () => number;
  /** A clock that nobody sets, milliseconds. */
  readonly steadyMs: () => number;
}

const ASKS_AT_ONCE = 5;
const AGAIN_MS = 120_000;
const AGAIN_FAILED_MS = 5_000;
/** A difference beyond this is a clock that was set or a sleep: taken over at once, milliseconds. */
const JUMP_MS = 150;
/** How much of a small difference is taken over each time. */
const GAIN = 0.5;

async function askServer(signal: AbortSignal): Promise<ClockAnswer> {
  const before = performance.now();
  const offsetMs = await getClockOffset(signal);
  return { offsetMs, roundTripMs: performance.now() - before };
}

/** The server's clock, as well as it is known. */
export class Clock {
  readonly #parts: ClockParts;
  /** Server's time less the steady clock. */
  #aheadMs: number | null = null;
  #roundTripMs: number | null = null;

  constructor(parts: Partial<ClockParts> = {}) {
    this.#parts = { ask: askServer, wallMs: Date.now, steadyMs: () => performance.now(), ...parts };
  }

  /** The server's time, unix milliseconds with fractions; this machine's until the first answer. */
  now = (): number => {
    const { wallMs, steadyMs } = this.#parts;
    return this.#aheadMs === null ? wallMs() : steadyMs() + this.#aheadMs;
  };

  /** Best of the last round trips, seconds; null before the first answer. */
  get networkS(): number | null {
    return this.#roundTripMs === null ? null : this.#roundTripMs / 1000;
  }

  /** Asks a few times and takes the best answer over. Returns false where none came; never throws but for our own bugs. */
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
        break; // no server: it is asked again later
      }
    }
    if (!best) return false;
    const known = this.#aheadMs;
    const differs = known === null ? Number.POSITIVE_INFINITY : Math.abs(best.aheadMs - known);
    this.#aheadMs = known === null || differs > JUMP_MS ? best.aheadMs : known + GAIN * (best.aheadMs - known);
    this.#roundTripMs = best.roundTripMs;
    return true;
  }

  /** Keeps it right until `signal` aborts: every two minutes, and at once after a sleep. */
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
        // The steady clock stands still in a sleep, or the wall clock was set: either way ask anew.
        if (Math.abs(wallMs() - steadyMs() - apartMs) > JUMP_MS) break;
        apartMs = wallMs() - steadyMs();
      }
    }
  }
}
