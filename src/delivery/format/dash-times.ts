/**
 * The times of a Representation's segments as a SegmentTimeline.
 * In: segments in order. Out: XML. ISO 23009-1 5.3.9.6. Pure.
 */
import { element } from './xml.ts';

/** Equal segments in a row. Ticks. */
interface Row {
  readonly t: number;
  readonly d: number;
  /** How many follow the first. */
  r: number;
}

/** Each segment of a row. */
function repeated({ t, d, r }: Row): Row[] {
  return Array.from({ length: r + 1 }, (_, i) => ({ t: t + i * d, d, r: 0 }));
}

/** Where a file has the bytes of a segment. */
export interface SegmentPlace {
  /** First byte. */
  readonly offset: number;
  /** Bytes. */
  readonly length: number;
}

/** Builds the timeline, segment by segment. */
export class SegmentTimes {
  readonly #msns: number[] = [];
  readonly #rows: Row[] = [];
  readonly #places = new Map<number, SegmentPlace>();

  /** Whether no segment was added. */
  get isEmpty(): boolean {
    return this.#msns.length === 0;
  }

  /** Whether the MSNs have no holes. */
  get isContiguous(): boolean {
    return this.isEmpty || this.#msns.at(-1)! - this.firstMsn === this.#msns.length - 1;
  }

  /** MSN of the first segment. */
  get firstMsn(): number {
    return this.#msns[0] ?? 0;
  }

  /** MSN of the last segment. */
  get lastMsn(): number {
    return this.#msns.at(-1) ?? 0;
  }

  /** Whether segments are listed as ranges of files. */
  get hasPlaces(): boolean {
    return this.#places.size > 0;
  }

  /** Where a file has a segment; undefined: it has its usual address. */
  placeOf(msn: number): SegmentPlace | undefined {
    return this.#places.get(msn);
  }

  /** MSNs in order. */
  get msns(): readonly number[] {
    return this.#msns;
  }

  /** End of the last segment, ticks; NaN without one. */
  get end(): number {
    const last = this.#rows.at(-1);
    return last ? last.t + (last.r + 1) * last.d : Number.NaN;
  }

  /**
   * Appends a segment.
   *
   * @param t first presentation time, ticks
   * @param d duration, ticks
   * @param place where a file has it; undefined: it is requested as a whole
   */
  add(msn: number, t: number, d: number, place?: SegmentPlace): void {
    this.#msns.push(msn);
    if (place) this.#places.set(msn, { offset: place.offset, length: place.length });
    const last = this.#rows.at(-1);
    if (last && last.d === d && last.t + (last.r + 1) * d === t) last.r++;
    else this.#rows.push({ t, d, r: 0 });
  }

  /**
   * The SegmentTimeline. Each S has its time: after a hole the next segment is later than the sum of the
   * durations.
   *
   * @param options.isRepeated equal segments in a row are one S. In a list each has its own: dash.js finds
   *   the address of a segment by the number of its S
   */
  print({ isRepeated }: { readonly isRepeated: boolean }): string {
    const all = isRepeated ? this.#rows : this.#rows.flatMap(repeated);
    // Without `element`: a day has tens of thousands.
    const rows = all.map(({ t, d, r }) => `<S t="${t}" d="${d}"${r > 0 ? ` r="${r}"` : ''}/>`);
    return element('SegmentTimeline', {}, rows);
  }
}
