/**
 * Decode times of encoded pictures, from only presentation times: pieces that are encoded separately join
 * without overlap or hole.
 * In: presentation times, in presentation order when pictures enter the encoder and in decode order when they
 * leave. Out: decode times. Pure.
 *
 * The n-th picture in decode order gets the time of the n-th in presentation order, minus a constant delay:
 * so a piece begins exactly `delay` before its first picture, and the piece before ends there. Where pictures
 * are far apart, the delay would put a decode time after its picture: then it is earlier.
 */

/** More pictures than any encoder reorders: room for strictly increasing times before one picture. */
const ROOM = 16;

/** The decode times of one piece of one rendition. */
export class DecodeTimes {
  readonly #delay: number;
  /** Presentation times that entered and have no decode time yet, increasing. */
  readonly #entered: number[] = [];
  /** Presentation times of pictures that have not left, increasing. */
  readonly #inside: number[] = [];
  #last = -1;

  /** @param delay ticks; 0 for encoders that do not reorder */
  constructor(delay: number) {
    this.#delay = delay;
  }

  /** A picture enters the encoder. */
  enter(pts: number): void {
    this.#entered.push(pts);
    this.#inside.push(pts);
  }

  /** A picture leaves the encoder; returns its decode time: 0 or more, at most `pts`, strictly increasing. */
  leave(pts: number): number {
    const bound = this.#inside[0]! === pts ? pts : this.#inside[0]! - ROOM;
    const nth = this.#entered.shift()! - this.#delay;
    const dts = Math.max(this.#last + 1, Math.min(nth, this.#delay === 0 ? nth : bound));
    this.#inside.splice(this.#inside.indexOf(pts), 1);
    this.#last = Math.min(dts, pts);
    return this.#last;
  }
}
