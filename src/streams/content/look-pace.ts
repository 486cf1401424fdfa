/**
 * When the next picture, or piece of sound, of a stream is decoded, so that they take a bounded share of a
 * core: the distance follows their processor time. Sizes of the encoded media decide how soon one is decoded,
 * and never that none is.
 * In: groups with their sizes, the processor time of what was decoded, whether it looks wrong. Out: whether a
 * group is due. Pure.
 */

/** What the sizes announce, and what looks wrong, is decoded this many times as often. */
const HASTE = 12;
/** Media time whose share may be spent ahead after a change of the sizes, µs. */
const MOST_AHEAD_US = 900_000_000;
/** The same while it looks wrong: a picture that always does must leave some for the next change, µs. */
const WRONG_AHEAD_US = MOST_AHEAD_US / 2;
/** Largest distance, µs: alarms have to know the media. What costs more than its share counts as that. */
const MOST_US = 60_000_000;
/** The first counts as this until it was measured, µs: groups may come at once. */
const FIRST_US = 20_000_000;
/** A change of the sizes is followed by this many more in haste: a frozen picture needs a second one. */
const MORE_LOOKS = 2;
/** A size that is this many times as large or small has changed. */
const CHANGED = 3;
/** Smaller sizes are equal, bytes. */
const SMALL_BYTES = 200;
/** After a failure the next try is this much later, µs. */
const AGAIN_US = 30_000_000;

/** A group that may be decoded. */
export interface Look {
  /** Its start, and its length, µs of the media. */
  readonly atUs: number;
  readonly durationUs: number;
  /** Sizes that differ between usual and black, frozen or silent media, bytes; empty if they are unknown. */
  readonly sizes: readonly number[];
}

/** The pace of one kind of content of one stream. */
export class LookPace {
  readonly #share: number;
  #last: Pick<Look, 'atUs' | 'sizes'> = { atUs: Number.NEGATIVE_INFINITY, sizes: [] };
  /** The media time whose share the newest has taken, µs. */
  #paidUs = FIRST_US;
  /** The share of the time until here is spent, µs of the media. */
  #spentToUs = Number.NEGATIVE_INFINITY;
  #isWrong = false;
  /** Looks in haste that are left. */
  #moreLooks = 0;

  /** @param share of a core that is taken at most, unless the distance is the largest */
  constructor(share: number) {
    this.#share = share;
  }

  /**
   * Whether a group is to be decoded.
   *
   * @param everyUs least distance
   * @param isBounded false: at the least distance, whatever it costs
   */
  isDue({ atUs, durationUs, sizes }: Look, everyUs: number, isBounded: boolean): boolean {
    const sinceUs = atUs - this.#last.atUs;
    if (sinceUs < -AGAIN_US) return true; // the media jumped back
    const reachUs = sinceUs + durationUs / 2; // the nearest group, where they do not fit evenly
    if (reachUs < everyUs) return false;
    if (!isBounded || reachUs >= MOST_US) return true;
    const aheadUs = this.#spentToUs - atUs;
    // Half of the share pays for what was spent ahead.
    if (aheadUs <= 0 || sinceUs >= 2 * this.#paidUs) return true;
    const isAnnounced = this.#moreLooks > 0 || haveChanged(sizes, this.#last.sizes);
    const mostAheadUs = isAnnounced ? MOST_AHEAD_US : this.#isWrong ? WRONG_AHEAD_US : 0;
    return reachUs >= this.#paidUs / HASTE && aheadUs <= mostAheadUs;
  }

  /**
   * A group is going to be decoded.
   *
   * @returns the media time that was counted for it, µs, for `measured`
   */
  begin({ atUs, sizes }: Look): number {
    this.#moreLooks = haveChanged(sizes, this.#last.sizes) ? MORE_LOOKS : Math.max(0, this.#moreLooks - 1);
    this.#last = { atUs, sizes };
    const ownUs = Math.min(this.#spentToUs, atUs + MOST_AHEAD_US); // less, where the media jumped back
    this.#spentToUs = Math.max(ownUs, atUs) + this.#paidUs;
    return this.#paidUs;
  }

  /** A group was decoded. @param countedUs as `begin` returned it */
  measured(cpuUs: number, countedUs: number, isWrong: boolean): void {
    this.#paidUs = Math.min(cpuUs / this.#share, MOST_US);
    this.#spentToUs += this.#paidUs - countedUs;
    if (isWrong !== this.#isWrong) this.#moreLooks = MORE_LOOKS;
    this.#isWrong = isWrong;
  }

  /** A group could not be decoded. */
  failed({ atUs }: Look): void {
    this.#last = { atUs: atUs + AGAIN_US, sizes: [] };
  }
}

function haveChanged(sizes: readonly number[], before: readonly number[]): boolean {
  return sizes.some((bytes, i) => {
    const [one, other] = [bytes + SMALL_BYTES, (before[i] ?? bytes) + SMALL_BYTES];
    return one >= CHANGED * other || other >= CHANGED * one;
  });
}
