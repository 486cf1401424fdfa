/**
 * The one clock (docs/media.md 3): wall time that steps only when the system's clock really did.
 * In: the system's monotonic and wall clocks. Out: milliseconds since 1970.
 */

/** The source of time; passed to all code that needs it, so that tests can control it. */
export interface Clock {
  /** UTC, ms since 1970, with a fraction. Does not jitter with the system's slewing between samples. */
  nowMs(): number;
  /** Milliseconds of a clock that never steps, from an arbitrary origin. */
  monotonicMs(): number;
}

const SAMPLE_EVERY_MS = 1000;
/** Differences below this are slewed; above it the wall clock has stepped. */
const STEP_MS = 20;
/**
 * If the two clocks are read further apart than this, the sample is invalid: the process was interrupted in
 * between.
 */
const APART_MS = 1;
/** Samples at the start; the last one is used in any case. */
const FIRST_LOOKS = 50;

/** The system's clock: monotonic time plus an offset that is sampled once a second. */
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
        // Otherwise UTC would jump ahead on a busy machine, and back a second later.
        if (!isOne) return mono + offsetMs;
        sampledAt = mono;
        // Small differences are corrected by a sixteenth, so that UTC is smooth to well under a millisecond.
        offsetMs = Math.abs(fresh - offsetMs) >= STEP_MS ? fresh : offsetMs + (fresh - offsetMs) / 16;
      }
      return mono + offsetMs;
    },
    monotonicMs: () => performance.now(),
  };
}

/** Offset of the wall clock to the monotonic one, ms, and whether the sample is valid. */
function lookAtBoth(): { readonly offsetMs: number; readonly isOne: boolean } {
  const before = performance.now();
  const wallMs = Date.now();
  const after = performance.now();
  return { offsetMs: wallMs - before, isOne: after - before < APART_MS };
}

/** A manual clock for tests. */
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
