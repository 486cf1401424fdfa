/**
 * The packets that a receiver misses, as ranges in order.
 * In: indexes of missing, arrived and dropped packets. Out: the first missing one, and ranges to report.
 * Pure. draft-sharabayko-srt-01 4.8.2.
 */

/** Missing packets `[from, to)`. */
export interface LossRange {
  from: number;
  to: number;
  /** When it is reported again, µs. */
  reportAtUs: number;
  /** When it was noticed, µs. */
  readonly sinceUs: number;
}

/** Missing packets in order of their indexes. */
export class LossRanges {
  readonly #ranges: LossRange[] = [];

  /** Ranges in order. */
  get ranges(): readonly LossRange[] {
    return this.#ranges;
  }

  /** The first missing packet's range; undefined if none is missing. */
  get first(): LossRange | undefined {
    return this.#ranges[0];
  }

  /** Adds `[from, to)`, which is after all others. */
  append(from: number, to: number, reportAtUs: number, sinceUs = 0): void {
    this.#ranges.push({ from, to, reportAtUs, sinceUs });
  }

  /** Removes one packet that arrived; returns when it was noticed to be missing, µs, or undefined. */
  remove(index: number): number | undefined {
    const ranges = this.#ranges;
    // Retransmissions repair the oldest losses, so the search begins there.
    for (let at = 0; at < ranges.length; at++) {
      const range = ranges[at]!;
      if (index < range.from) return undefined;
      if (index >= range.to) continue;
      if (range.to - range.from === 1) ranges.splice(at, 1);
      else if (index === range.from) range.from++;
      else if (index === range.to - 1) range.to--;
      else {
        const { to, reportAtUs, sinceUs } = range;
        ranges.splice(at + 1, 0, { from: index + 1, to, reportAtUs, sinceUs });
        range.to = index;
      }
      return range.sinceUs;
    }
    return undefined;
  }

  /** Removes all missing packets in `[from, to)`; returns how many there were. */
  removeRange(from: number, to: number): number {
    let removed = 0;
    const ranges = this.#ranges;
    for (let at = 0; at < ranges.length; ) {
      const range = ranges[at]!;
      if (range.from >= to) break;
      const start = Math.max(range.from, from);
      const end = Math.min(range.to, to);
      if (end <= start) {
        at++;
        continue;
      }
      removed += end - start;
      const pieces: LossRange[] = [];
      if (range.from < start) pieces.push({ ...range, to: start });
      if (range.to > end) pieces.push({ ...range, from: end });
      ranges.splice(at, 1, ...pieces);
      at += pieces.length;
    }
    return removed;
  }
}
