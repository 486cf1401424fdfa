/**
 * Where the sound of a file is, for a file of which only times are read.
 * In: times of packets of sound. Out: its first time, and the end of the sound that belongs to the picture.
 * Pure.
 */

/** A track of which nothing is within this of the others has another clock, µs. */
export const APART_US = 60_000_000;
/** Stretches that are kept: more are jumps of a broken clock. */
const MAX_SPANS = 1000;

interface Span {
  fromUs: number;
  toUs: number;
}

/** The sound of one file. */
export class SoundSpan {
  #spans: Span[] = [];

  /** Takes a packet. */
  add(startUs: number, durationUs: number): void {
    const endUs = startUs + durationUs;
    const near = this.#spans.findLast(({ fromUs, toUs }) => startUs <= toUs + APART_US && endUs >= fromUs - APART_US);
    if (near) {
      near.fromUs = Math.min(near.fromUs, startUs);
      near.toUs = Math.max(near.toUs, endUs);
    } else if (this.#spans.length < MAX_SPANS) this.#spans.push({ fromUs: startUs, toUs: endUs });
  }

  /** First time of the sound that is not apart from `firstUs` and later. */
  startOf(firstUs: number): number {
    const spans = this.#spans.filter(({ fromUs, toUs }) => fromUs < firstUs && toUs >= firstUs - APART_US);
    return Math.min(firstUs, ...spans.map(({ fromUs }) => fromUs));
  }

  /** End of the sound that begins before `endUs` or soon after it, directly or through other sound. */
  endOf(endUs: number): number {
    let end = endUs;
    for (const { fromUs, toUs } of this.#spans.toSorted((a, b) => a.fromUs - b.fromUs)) {
      if (fromUs <= end + APART_US) end = Math.max(end, toUs);
    }
    return end;
  }

  /** Sound behind a picture that ends at `pictureUs` which has another clock, µs. */
  lostUs(pictureUs: number): number {
    const endUs = this.endOf(pictureUs);
    const lost = this.#spans.filter(({ fromUs }) => fromUs > endUs + APART_US);
    return lost.reduce((sum, { fromUs, toUs }) => sum + toUs - fromUs, 0);
  }
}
