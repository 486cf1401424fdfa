/**
 * The one clock (docs/media.md 3): wall time that steps only when the system's clock really did.
 * In: the system's monotonic and wall clocks. Out: milliseconds since 1970.
 */

/** Where time comes from; handed to whatever needs it, so that tests can move it. */
export interface Clock {
  /** UTC, ms since 1970, with a fraction. Does not jitter with the system's slewing between samples. */
  nowMs(): number;
  /** Milliseconds of a clock that never steps; its zero means nothing. */
  monotonicMs(): number;
}

const SAMPLE_EVERY_MS = 1000;
/** Differences below this are slewed away silently; above it the wall clock really moved. */
const STEP_MS = 20;
/** Two clocks that are read further apart than this tell nothing of each other: the process was held up in between. */
const APART_MS = 1;
/** Looks at the start; the last one counts, however it is. */
const FIRST_LOOKS = 50;

/** The system's clock: monotonic time plus an offset that is looked at once a second. */
export function createSystemClock(): Clock {
  let look = lookAtBoth();
  for (let i = 1; i < FIRST_LOOKS && !look.isOne; i++) look = lookAtBoth();
  let offsetMs = look.offsetMs;
  let sampledAt = performance.now();
  return {
    nowMs() {
      const mono = performance.now();
      if (mono - sampledAt >= SAMPLE_EVERY_MS) {
        const { offsetMs: fresh, isOne } = lookAtBoth();
        // Else on a busy machine UTC would jump ahead, and back a second later.
        if (!isOne) return mono + offsetMs;
        sampledAt = mono;
        // Small differences are taken up by a sixteenth, so that UTC stays smooth to well under a millisecond.
        offsetMs = Math.abs(fresh - offsetMs) >= STEP_MS ? fresh : offsetMs + (fresh - offsetMs) / 16;
      }
      return mono + offsetMs;
    },
    monotonicMs: () => performance.now(),
  };
}

/** How far the wall clock is ahead of the monotonic one, ms, and whether both were read in one go. */
function lookAtBoth(): { readonly offsetMs: number; readonly isOne: boolean } {
  const before = performance.now();
  const wallMs = Date.now();
  const after = performance.now();
  return { offsetMs: wallMs - before, isOne: after - before < APART_MS };
}

/** A clock that a test moves by hand. */
export interface ManualClock extends Clock {
  /** Moves both clocks forward by `ms`. */
  advance(ms: number): void;
  /** Moves only the wall clock, as an operator or NTP would. */
  step(ms: number): void;
}

/**
 * @param startMs UTC at which it starts, ms since 1970
 */
export function createManualClock(startMs = 1_795_000_000_000): ManualClock {
  let wallMs = startMs;
  let monoMs = 0;
  return {
    nowMs: () => wallMs,
    monotonicMs: () => monoMs,
    advance(ms) {
      wallMs += ms;
      monoMs += ms;
    },
    step(ms) {
      wallMs += ms;
    },
  };
}
