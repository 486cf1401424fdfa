/**
 * Unwraps the timestamps of a program, whose 33 bits wrap every 26.5 hours.
 * In: PTS and DTS of PES headers. Out: ticks of 90 kHz, on one timeline for all tracks. ISO/IEC 13818-1,
 * 2.4.3.7.
 */

/** Ticks per second of PTS and DTS. */
export const PES_TIMESCALE = 90_000;
/** Period of the 33-bit clock, ticks. */
export const TURN = 2 ** 33;

/** A larger jump counts only when a second timestamp confirms it, ticks: 10 minutes. */
const DOUBTFUL_JUMP = 600 * PES_TIMESCALE;
/** Times up to this far back are a repetition; further back, the source's clock was reset: 1 s. */
const MAX_STEP_BACK = PES_TIMESCALE;
/** A track follows the others' new clock only if it then continues within this, ticks: 10 s. */
const MAX_STEP_ON = 10 * PES_TIMESCALE;

/** The one reference of a program, so that tracks which wrap at different packets stay together. */
export class ProgramClock {
  #reference: number | undefined;
  #suspect: number | undefined;
  /** Added to the source's times since its clock was last reset, ticks. */
  offset = 0;
  /** The offset before the reset, for tracks that have not reached it. */
  previousOffset = 0;

  /**
   * Adds the number of wraps that brings the time nearest to the last one of any track.
   *
   * @param raw 0 to 2^33 - 1
   * @returns ticks; below 0 only for a track that begins before the first time
   */
  unwrap(raw: number): number {
    if (this.#reference === undefined) {
      this.#reference = raw;
      return raw;
    }
    const value = this.#reference + signedTurn(raw - this.#reference);
    if (Math.abs(value - this.#reference) < DOUBTFUL_JUMP) {
      this.#reference = value;
      this.#suspect = undefined;
    } else if (this.#suspect !== undefined && Math.abs(value - this.#suspect) < DOUBTFUL_JUMP) {
      this.#reference = value;
      this.#suspect = undefined;
    } else {
      this.#suspect = value; // one broken time must not move the reference by half a turn
    }
    return value;
  }

  /** The newest time of any track, ticks on the timeline. */
  get now(): number | undefined {
    return this.#reference === undefined ? undefined : this.#reference + this.offset;
  }

  /**
   * A time on the timeline, without an update of the clock.
   *
   * @param raw 0 to 2^33 - 1
   */
  near(raw: number): number {
    const reference = this.#reference ?? raw;
    return reference + signedTurn(raw - reference) + this.offset;
  }

  /** The source's clock was reset: its times get another offset from now on. */
  setBack(offset: number): void {
    this.previousOffset = this.offset;
    this.offset = offset;
  }

  /** Resets everything: a new timeline begins. */
  reset(): void {
    this.#reference = undefined;
    this.#suspect = undefined;
    this.offset = 0;
    this.previousOffset = 0;
  }
}

/**
 * Difference of two 33-bit times with the smaller magnitude, -2^32 to 2^32 - 1.
 */
export function signedTurn(difference: number): number {
  const turned = (((difference + TURN / 2) % TURN) + TURN) % TURN;
  return turned - TURN / 2;
}

function isNear(time: number, last: number): boolean {
  return time > last - MAX_STEP_BACK && time < last + MAX_STEP_ON;
}

/**
 * Places one track's times on the program's timeline; a reset of the source clock does not move the track
 * back.
 */
export class TrackClock {
  readonly #program: ProgramClock;
  #offset = 0;
  /** The last `place` detected a reset of the clock. */
  isSetBack = false;

  constructor(program: ProgramClock) {
    this.#program = program;
  }

  /**
   * @param raw 33 bits
   * @param last the track's newest time on the timeline, or undefined at its start
   * @param next expected next time if the clock was reset by more than 1 s
   * @returns ticks on the timeline
   */
  place(raw: number, last: number | undefined, next: number): number {
    const program = this.#program;
    const value = program.unwrap(raw);
    this.isSetBack = false;
    if (last === undefined) this.#offset = program.offset;
    else if (isNear(value + this.#offset, last)) return value + this.#offset;
    else if (isNear(value + program.offset, last)) this.#offset = program.offset;
    else if (isNear(value + program.previousOffset, last)) this.#offset = program.previousOffset;
    else if (value + this.#offset <= last) {
      program.setBack(next - value);
      this.#offset = program.offset;
      this.isSetBack = true;
      return next;
    }
    return value + this.#offset;
  }

  /**
   * The time with the current offset of the track, without any change of state.
   *
   * @param raw 33 bits
   * @param near a time on the timeline; selects the nearest period
   */
  peek(raw: number, near: number): number {
    return near + signedTurn(raw + this.#offset - near);
  }
}
