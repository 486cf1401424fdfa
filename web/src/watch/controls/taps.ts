/**
 * What clicks and taps on the picture mean.
 * In: one tap after another. Out: what to do now, and whether to wait for a second one. Pure.
 */

/** A click or tap on the picture. */
export interface Tap {
  /** Any clock that only goes forward, milliseconds. */
  readonly atMs: number;
  /** Where, 0 at the left edge of the picture, 1 at the right. */
  readonly x: number;
  /** By a finger, not by a mouse or pen. */
  readonly touch: boolean;
}

/** `single`: do it unless another tap follows within `DOUBLE_TAP_MS`. */
export type TapMeaning = 'single' | 'back' | 'forward' | 'fullscreen';

/** Two taps this near to each other are one double tap, milliseconds; a single one is certain only after it. */
export const DOUBLE_TAP_MS = 260;
/** After a step each further tap on the same side within this time steps again, milliseconds. */
const AGAIN_MS = 700;
/** How much of the picture is a side, from each edge. */
const SIDE = 0.36;

const sideOf = ({ x }: Tap): 'back' | 'forward' | 'fullscreen' => {
  if (x < SIDE) return 'back';
  return x > 1 - SIDE ? 'forward' : 'fullscreen';
};

/** Reads the taps on one picture. */
export class TapReader {
  #last: { readonly tap: Tap; readonly meaning: TapMeaning } | null = null;

  /** What a tap means after those before it. */
  read(tap: Tap): TapMeaning {
    const meaning = this.#meaning(tap);
    // A third click is not the second half of another double click.
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
