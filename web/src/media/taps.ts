/**
 * The meaning of clicks and taps on the picture.
 * In: taps in order. Out: what to do now, and whether to wait for a second tap. Pure.
 */

/** A click or tap on the picture. */
export interface Tap {
  /** A monotonic clock, milliseconds. */
  readonly atMs: number;
  /** Position, 0 at the left edge of the picture, 1 at the right. */
  readonly x: number;
  /** By a finger, not by a mouse or pen. */
  readonly touch: boolean;
}

/** `single`: do it unless another tap follows within `DOUBLE_TAP_MS`. */
type TapMeaning = 'single' | 'back' | 'forward' | 'fullscreen';

/** Two taps within this time are a double tap, milliseconds; a single tap is certain only after it. */
export const DOUBLE_TAP_MS = 260;
/** After a seek each further tap on the same side within this time seeks again, milliseconds. */
const AGAIN_MS = 700;
/** Width of a side, as a fraction of the picture. */
const SIDE = 0.36;

const sideOf = ({ x }: Tap): 'back' | 'forward' | 'fullscreen' => {
  if (x < SIDE) return 'back';
  return x > 1 - SIDE ? 'forward' : 'fullscreen';
};

/** Interprets the taps on one picture. */
export class TapReader {
  #last: { readonly tap: Tap; readonly meaning: TapMeaning } | null = null;

  /** The meaning of a tap after the previous ones. */
  read(tap: Tap): TapMeaning {
    const meaning = this.#meaning(tap);
    // A third click does not complete another double click.
    this.#last = meaning === 'fullscreen' ? null : { tap, meaning };
    return meaning;
  }

  #meaning(tap: Tap): TapMeaning {
    const last = this.#last;
    if (!last || last.tap.touch !== tap.touch) return 'single';
    const side = tap.touch ? sideOf(tap) : 'fullscreen';
    if (last.meaning === 'single') {
      const same = tap.atMs - last.tap.atMs <= DOUBLE_TAP_MS && (!tap.touch || sideOf(last.tap) === side);
      return same ? side : 'single';
    }
    return tap.atMs - last.tap.atMs <= AGAIN_MS && last.meaning === side ? side : 'single';
  }
}
