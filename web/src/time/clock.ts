/**
 * The server's time: a few requests in a row, of which the quickest counts, repeated regularly because clocks
 * drift and a sleeping machine loses its steady clock.
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
  /** One question to the server; null without an answer. May throw ApiError. */
  readonly ask: (signal: AbortSignal) => Promise<ClockAnswer | null>;
  /** This machine's clock, unix milliseconds. */
  readonly wallMs: () => number;
  /** A monotonic clock, milliseconds. */
  readonly steadyMs: () => number;
  /** Between two measurements, milliseconds. */
  readonly againMs: number;
}

const ASKS_AT_ONCE = 5;
const AGAIN_MS = 120_000;
const AGAIN_FAILED_MS = 5_000;
/** A larger difference is applied at once: a clock was set, or the machine slept. Milliseconds. */
const JUMP_MS = 150;
/** Share of a small difference that is applied where a clock has moved. */
const GAIN = 0.5;
/** How far the clocks of two machines drift apart at most, a share. */
const DRIFT = 1e-4;

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
  /** How wrong that may have been when it was measured, and when that was. */
  #errorMs = Number.POSITIVE_INFINITY;
  #measuredAt = 0;
  #roundTripMs: number | null = null;
  #again = new AbortController();

  constructor(parts: Partial<ClockParts> = {}) {
    const machine = { wallMs: Date.now, steadyMs: () => performance.now() };
    this.#parts = { ask: askServer, againMs: AGAIN_MS, ...machine, ...parts };
  }

  /** By how much the viewer sees everything later, milliseconds: its `now` is as late. */
  delayMs = 0;

  /** The server's time, unix milliseconds with fractions; local time before the first response. */
  now = (): number => {
    const { wallMs, steadyMs } = this.#parts;
    return (this.#aheadMs === null ? wallMs() : steadyMs() + this.#aheadMs) - this.delayMs;
  };

  /** Best of the last round trips, seconds; null before the first answer. */
  get networkS(): number | null {
    return this.#roundTripMs === null ? null : this.#roundTripMs / 1000;
  }

  /** The server has answered. */
  get isKnown(): boolean {
    return this.#aheadMs !== null;
  }

  /**
   * A message of the server has its time: it counts until the first measurement.
   *
   * @param serverMs when the server sent it, unix ms
   * @param askedMs time since the request for it, ms
   */
  hint(serverMs: number, askedMs: number): void {
    if (this.#aheadMs !== null) return;
    this.#measuredAt = this.#parts.steadyMs();
    this.#aheadMs = serverMs + askedMs / 2 - this.#measuredAt;
    this.#errorMs = askedMs / 2;
  }

  /** Measures again now: the page is shown again, or has another connection. */
  again(): void {
    this.#again.abort();
    this.#again = new AbortController();
  }

  /**
   * Measures a few times and applies the best measurement. Returns false if every request failed; throws only
   * bugs.
   */
  async read(signal: AbortSignal): Promise<boolean> {
    let best: { aheadMs: number; roundTripMs: number } | null = null;
    const previousMs = this.#aheadMs;
    for (let turn = 0; turn < ASKS_AT_ONCE && !signal.aborted; turn++) {
      try {
        const answer = await this.#parts.ask(signal);
        if (!answer) break; // no server: retried later
        const { offsetMs, roundTripMs } = answer;
        const { wallMs, steadyMs } = this.#parts;
        if (!best || roundTripMs < best.roundTripMs) {
          best = { aheadMs: offsetMs + wallMs() - steadyMs(), roundTripMs };
        }
        if (previousMs === null) this.#aheadMs = best.aheadMs; // better than the local clock, even if it was slow
      } catch (error) {
        if (signal.aborted) return false;
        if (!(error instanceof ApiError)) throw error;
        break;
      }
    }
    if (!best) return false;
    this.#apply(best, previousMs);
    return true;
  }

  /**
   * An answer is wrong by at most half of its round trip: one that a busy page or network has delayed must
   * not replace a better one.
   */
  #apply({ aheadMs, roundTripMs }: { aheadMs: number; roundTripMs: number }, previousMs: number | null): void {
    const atMs = this.#parts.steadyMs();
    const errorMs = roundTripMs / 2;
    const knownErrorMs = this.#errorMs + DRIFT * (atMs - this.#measuredAt);
    this.#roundTripMs = roundTripMs;
    this.#measuredAt = atMs;
    const beyondMs =
      previousMs === null ? Number.POSITIVE_INFINITY : Math.abs(aheadMs - previousMs) - errorMs - knownErrorMs;
    if (previousMs === null || beyondMs > JUMP_MS) {
      this.#aheadMs = aheadMs;
      this.#errorMs = errorMs;
      return;
    }
    const share = knownErrorMs ** 2 / Math.max(Number.EPSILON, knownErrorMs ** 2 + errorMs ** 2);
    const gain = beyondMs > 0 ? GAIN : share;
    this.#aheadMs = previousMs + gain * (aheadMs - previousMs);
    this.#errorMs = (1 - gain) * knownErrorMs + gain * errorMs;
  }

  /** Keeps the estimate current until `signal` aborts: every two minutes, and at once after a sleep. */
  async keep(signal: AbortSignal): Promise<void> {
    const { wallMs, steadyMs } = this.#parts;
    while (!signal.aborted) {
      const soon = AbortSignal.any([signal, this.#again.signal]);
      const good = await this.read(signal);
      let leftMs = good ? this.#parts.againMs : Math.min(this.#parts.againMs, AGAIN_FAILED_MS);
      let apartMs = wallMs() - steadyMs();
      while (leftMs > 0 && !soon.aborted) {
        const stepMs = Math.min(leftMs, 2_000);
        await pause(stepMs, soon);
        leftMs -= stepMs;
        // The steady clock stopped during a sleep, or the wall clock was set: both need a new measurement.
        if (Math.abs(wallMs() - steadyMs() - apartMs) > JUMP_MS) break;
        apartMs = wallMs() - steadyMs();
      }
    }
  }
}
