/**
 * One clock for a file that was joined of several, e.g. captures with `cat a.ts b.ts`: each part continues
 * where the one before ended.
 * In: the parts, as the times of the picture show them; packets of one stream in the order of the file. Out:
 * the offsets of their times. Pure.
 */

/** Nothing of a file for longer than this is a jump ahead, µs. */
export const AHEAD_US = 10_000_000;
/**
 * Decode times rise; those of careless muxers are off by less than this. Sound may be so far from its picture
 * in a file. µs
 */
export const OFF_US = 1_000_000;

/** Times of one packet are rounded, µs. */
const ROUNDED_US = 2;

/** A stretch of a file whose times continue, µs. */
export interface JoinedPart {
  /** Decode times of its picture, in the file: the first, and the end of the last. */
  readonly fromUs: number;
  readonly toUs: number;
  /** Added to its times. */
  readonly shiftUs: number;
}

/** Places the packets of one stream. */
export class JoinedStream {
  readonly #parts: readonly JoinedPart[];
  readonly #kind: 'video' | 'audio' | 'text';
  #part = 0;
  #lastUs: number | undefined;
  #endUs = Number.NEGATIVE_INFINITY;
  /** Pictures of the part refer to pictures that were cut off before it. */
  #waitsForKey = false;
  #pictures = 0;
  #soundUs = 0;

  /** @param kind `video` is the stream whose times made the parts */
  constructor(parts: readonly JoinedPart[], kind: 'video' | 'audio' | 'text') {
    this.#parts = parts;
    this.#kind = kind;
  }

  /**
   * Pictures of a later part before its first key frame, and sound at a time for which the part before has
   * sound already, µs.
   */
  get leftOut(): { readonly pictures: number; readonly soundUs: number } {
    return { pictures: this.#pictures, soundUs: this.#soundUs };
  }

  /**
   * Takes a packet. Returns what to add to its times, µs; undefined: it is left out.
   *
   * @param us decode time; undefined where it has none
   */
  take(us: number | undefined, durationUs: number, isKey: boolean): number | undefined {
    // A damaged time is not counted for later ones.
    const isInPart = us !== undefined && this.#follow(us);
    const { shiftUs } = this.#parts[this.#part]!;
    if (this.#waitsForKey && !isKey) {
      this.#pictures++;
      return undefined;
    }
    this.#waitsForKey = false;
    if (!isInPart || this.#kind !== 'audio') return shiftUs;
    const atUs = us + shiftUs;
    if (atUs + durationUs / 2 < this.#endUs) {
      this.#soundUs += durationUs;
      return undefined;
    }
    this.#endUs = Math.max(this.#endUs, atUs + durationUs);
    return shiftUs;
  }

  /** Enters the next part where its times begin. Returns whether the time is in a part. */
  #follow(us: number): boolean {
    const lastUs = this.#lastUs ?? us;
    const isBack = us < lastUs - OFF_US;
    const isAhead = us > Math.max(lastUs + AHEAD_US, this.#parts[this.#part]!.toUs + OFF_US);
    if (isBack || isAhead) {
      const next = this.#parts.findIndex((part, i) => i > this.#part && this.#begins(part, us));
      if (next < 0) return false;
      this.#part = next;
      this.#waitsForKey = this.#kind === 'video';
    }
    this.#lastUs = us;
    return true;
  }

  /** The picture begins a part with its first time; others are somewhere in it. */
  #begins({ fromUs, toUs }: JoinedPart, us: number): boolean {
    if (this.#kind === 'video') return Math.abs(us - fromUs) <= ROUNDED_US;
    return us >= fromUs - OFF_US && us <= toUs + AHEAD_US;
  }
}
