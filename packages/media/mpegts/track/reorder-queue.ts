/**
 * Holds access units until the next timestamp, from which the durations and missing timestamps of the held
 * ones follow.
 * In: access units in decode order, the first with its times. Out: frames. ISO/IEC 13818-1, 2.7.4; picture
 * order count: ITU-T H.264, 8.2.1.
 */
import { concatBytes } from '../../bytes.ts';
import type { TrackFrame } from '../elementary.ts';
import { PES_TIMESCALE } from '../timestamps.ts';
import type { PictureHead } from './video-codec.ts';

/** A step longer than this and than 4 usual ones is a hole, not a long frame: 0.5 s. */
const MIN_HOLE = PES_TIMESCALE / 2;
const USUAL_STEP = PES_TIMESCALE / 30;
/**
 * After a wrong estimate of a duration, this many times more equal steps are needed for the next one, up to a
 * limit.
 */
const DISTRUST = 16;
const MAX_NEEDED = 4096;

/** Decode and presentation time of an access unit, ticks of 90 kHz. */
export interface PictureTime {
  dts: number;
  pts: number;
}

/** One access unit. */
interface Picture {
  key: boolean;
  /** Length-prefixed NAL units of its first PES packet. */
  readonly data: Uint8Array;
  /** Those of further ones. */
  rest: Uint8Array[] | undefined;
  /** Bytes of all of them. */
  bytes: number;
  /** First slice header, if it could be parsed. */
  head: PictureHead | undefined;
  /** A field whose second field may follow. */
  isHalf: boolean;
}

/** Scale of the picture order count. */
interface OrderScale {
  /** From one frame to the next. */
  readonly step: number;
  readonly bits: number;
}

/** The queue of one track. Holds the access units of one PES with a timestamp. */
export class ReorderQueue {
  readonly #out: (frame: TrackFrame) => void;
  #time: PictureTime | undefined;
  /** Usually one: `pop` keeps the room of the array for the next. */
  #pictures: Picture[] = [];
  /** Decode time of the last delivered frame, its composition delay, and the frame duration. */
  #lastDts: number | undefined;
  #lastDelay = 0;
  /** The highest presentation time so far. */
  #lastShown = Number.NEGATIVE_INFINITY;
  #step: number | undefined;
  /** The last step that counted as a hole, ticks. */
  #hole: number | undefined;
  /** Usual steps in a row, and how many are needed to rely on them. */
  #usual = 0;
  #needed = 1;
  /** The last frame was delivered with an estimated duration. */
  #expects = false;
  #nominal: number | undefined;

  constructor(out: (frame: TrackFrame) => void) {
    this.#out = out;
  }

  /** Waiting pictures. */
  get length(): number {
    return this.#pictures.length;
  }

  /** The last picture. */
  get newest(): Picture | undefined {
    return this.#pictures.at(-1);
  }

  /** Times of the first waiting picture. */
  get time(): PictureTime | undefined {
    return this.#time;
  }

  /** Decode time of the last delivered frame. */
  get lastDts(): number | undefined {
    return this.#lastDts;
  }

  /** Ticks from frame to frame, once known. */
  get step(): number | undefined {
    return this.#step;
  }

  /**
   * Whether the duration of a frame can be relied on before its successor comes: the frame rate is constant.
   */
  get isSteady(): boolean {
    return this.#usual >= this.#needed;
  }

  /**
   * The last frame was delivered before its successor began: the next timestamp shows whether its duration
   * was right.
   */
  expectNext(): void {
    this.#expects = true;
  }

  /**
   * Appends a picture; either the queue is empty, or `time` is undefined. Without any time it follows the
   * last delivered frame.
   */
  push(time: PictureTime | undefined, picture: Picture): void {
    if (this.#expects && time && this.#lastDts !== undefined) {
      this.#expects = false;
      this.#stepOf(time.dts - this.#lastDts, this.#nominal);
      // The successor is not where it was expected: a wrong duration is a hole for viewers.
      if (this.#usual === 0) this.#needed = Math.min(MAX_NEEDED, this.#needed * DISTRUST);
    }
    if (this.#pictures.length === 0) this.#time = time ?? this.#goOn();
    this.#pictures.push(picture);
  }

  /** Drops the waiting pictures. */
  drop(): void {
    this.#pictures = [];
    this.#time = undefined;
  }

  /** A new timeline begins. */
  restart(): void {
    this.drop();
    this.#expects = false;
    this.#usual = 0;
    this.#needed = 1;
    this.#lastDts = undefined;
    this.#lastShown = Number.NEGATIVE_INFINITY;
  }

  /**
   * Delivers the waiting pictures.
   *
   * @param nextDts decode time of the next picture; undefined while unknown
   * @param nominal frame duration of the parameter sets, ticks
   */
  deliver(nextDts: number | undefined, nominal: number | undefined, scale: OrderScale): void {
    const [pictures, first] = [this.#pictures, this.#time];
    if (pictures.length === 0 || !first) return;
    this.#nominal = nominal;
    const step = this.#stepOf(nextDts === undefined ? undefined : (nextDts - first.dts) / pictures.length, nominal);
    if (pictures.length === 1) {
      this.#time = undefined;
      this.#deliver(pictures.pop()!, first.dts, first.pts, Math.max(1, Math.round(step)));
      return;
    }
    const shown = this.#shownAt(pictures, first.pts, step, scale);
    this.drop();
    for (let i = 0; i < pictures.length; i++) {
      const dts = first.dts + Math.round(i * step);
      const duration = Math.max(1, first.dts + Math.round((i + 1) * step) - dts);
      // Times that were sent count also where they are before the decode time; those that were computed may
      // be inexact.
      const earliest = dts + Math.min(0, first.pts - first.dts);
      this.#deliver(pictures[i]!, dts, Math.max(earliest, shown?.[i] ?? first.pts + dts - first.dts), duration);
    }
  }

  #deliver({ key, data, rest }: Picture, dts: number, pts: number, duration: number): void {
    this.#lastDts = dts;
    this.#lastDelay = pts - dts;
    this.#lastShown = Math.max(this.#lastShown, pts);
    this.#out({ trackId: 0, dts, pts, duration, key, data: rest ? concatBytes([data, ...rest]) : data });
  }

  /** Presentation time of each picture from its picture order count; undefined without counts. */
  #shownAt(pictures: readonly Picture[], first: number, step: number, scale: OrderScale): number[] | undefined {
    const counts = countsOf(pictures, scale);
    if (!counts) return undefined;
    const each = step / leastGap(counts, scale.step);
    const shown: number[] = [];
    let origin = first;
    let newest = this.#lastShown;
    for (const [i, { head }] of pictures.entries()) {
      // The count restarts at an IDR picture, and all earlier pictures are shown before it.
      if (i > 0 && head?.idr) origin = newest + step;
      const pts = Math.round(origin + counts[i]! * each);
      newest = Math.max(newest, pts);
      shown.push(pts);
    }
    return shown;
  }

  #goOn(): PictureTime | undefined {
    if (this.#lastDts === undefined) return undefined;
    const dts = this.#lastDts + Math.max(1, Math.round(this.#step ?? USUAL_STEP));
    return { dts, pts: dts + this.#lastDelay };
  }

  /** Duration of each picture, ticks; `measured` may be a hole. */
  #stepOf(measured: number | undefined, nominal: number | undefined): number {
    const usual = this.#step ?? nominal;
    if (measured === undefined || measured < 1) return usual ?? USUAL_STEP;
    const isUsual = usual !== undefined && measured > usual / 2 && measured < 2 * usual;
    this.#usual = isUsual ? this.#usual + 1 : 0;
    const isWide = usual !== undefined && measured > MIN_HOLE && measured > 4 * usual;
    if (isWide && (this.#hole === undefined || measured > 2 * this.#hole)) {
      this.#hole = measured; // a second step of this size shows a lower frame rate
      return usual;
    }
    this.#step = measured;
    this.#hole = undefined;
    return measured;
  }
}

/** Picture order counts, 0 at the first picture and at each IDR picture; undefined if one is unknown. */
function countsOf(pictures: readonly Picture[], { bits }: OrderScale): number[] | undefined {
  const turn = 2 ** bits;
  const counts: number[] = [];
  let last = 0;
  for (const [i, { head }] of pictures.entries()) {
    if (head?.order === undefined) return undefined;
    const begins = i === 0 || head.idr;
    const turned = begins ? 0 : (head.order - last + turn * 1.5) % turn;
    counts.push(begins ? 0 : counts[i - 1]! + turned - turn / 2);
    last = head.order;
  }
  return counts;
}

/** Increment of the count per frame: some encoders count frames, not fields. */
function leastGap(counts: readonly number[], usual: number): number {
  const sorted = counts.toSorted((a, b) => a - b);
  const gaps = sorted.slice(1).map((count, i) => count - sorted[i]!);
  return Math.min(usual, ...gaps.filter((gap) => gap > 0));
}
