/**
 * Cuts the frames of one encoded rendition into segments that begin exactly at the cuts of the asset, or
 * refuses them.
 * In: frames in decode order on the clock of the asset. Out: segments in order. docs/media.md 6;
 * docs/decisions/0030.
 */

import { assetTicks } from '@oxbow/media/asset-time';
import type { Frame, Track } from '@oxbow/media/frame';
import { OxbowError } from '../../lib/errors.ts';

/** The frames of one segment. */
export interface CutSegment {
  readonly msn: number;
  /** µs of the asset. */
  readonly startUs: number;
  readonly durationUs: number;
  readonly frames: readonly Frame[];
}

/** Options of {@link SegmentCutter}. */
interface SegmentCutterOptions {
  readonly track: Track;
  readonly rendition: string;
  readonly firstMsn: number;
  /** Time of the media clock when the asset begins, µs. */
  readonly clockStartUs: number;
  /** Starts of the segments, µs of the asset. */
  readonly cuts: readonly number[];
  /** Where the last of them ends, µs of the asset. */
  readonly endUs: number;
  /** More media follows at `endUs`, encoded apart. */
  readonly isContinued: boolean;
  readonly deliver: (segment: CutSegment) => void;
}

/** A picture this much before or after a cut is at it; more is another picture. s */
const TOLERANCE_S = 0.0002;

/** The cutter of one rendition. */
export class SegmentCutter {
  readonly #options: SegmentCutterOptions;
  #next = 0;
  #frames: Frame[] = [];

  constructor(options: SegmentCutterOptions) {
    this.#options = options;
  }

  /**
   * Takes the next frame.
   *
   * @throws OxbowError `engine-failed` if a segment would not begin at its cut
   */
  push(frame: Frame): void {
    if (this.#begins(frame)) {
      this.#deliver(frame.dts);
      this.#next = this.#after(frame);
    }
    if (this.#next === 0) throw this.#refusal('media comes before the first cut');
    this.#frames.push(frame);
  }

  /** @throws OxbowError `engine-failed` if segments are missing */
  finish(): void {
    const { cuts, track, endUs, isContinued } = this.#options;
    const [first] = this.#frames;
    if (this.#next < cuts.length || !first)
      throw this.#refusal(`segments are missing after ${this.#next} of ${cuts.length}`);
    const last = this.#frames.at(-1)!;
    const isVideo = track.kind === 'video';
    // The next piece begins as long before its first picture as this segment does.
    const endDts = this.#ticks(endUs) - (first.pts - first.dts);
    this.#deliver(isVideo && isContinued && endDts > last.dts ? endDts : undefined);
  }

  /**
   * Number of the cut after the segment that a frame begins; a cut closer than one audio frame to the next
   * has no segment.
   */
  #after({ pts }: Frame): number {
    const { cuts, track } = this.#options;
    let next = this.#next + 1;
    if (track.kind === 'audio') while (next < cuts.length && pts >= this.#ticks(cuts[next]!)) next++;
    return next;
  }

  #begins({ key, pts }: Frame): boolean {
    const { cuts, track } = this.#options;
    const at = cuts[this.#next];
    const tolerance = track.timescale * TOLERANCE_S;
    const isThere = at !== undefined && pts >= this.#ticks(at) - tolerance;
    if (track.kind !== 'video') return isThere;
    if (!key) {
      // Pictures of the segment in progress may come out after they are shown, but never those of the next.
      if (isThere && this.#frames.length === 0) throw this.#refusal(`no key frame at ${at} µs`);
      return false;
    }
    if (!isThere) throw this.#refusal(`a key frame at ${pts} ticks is at no cut`);
    const after = cuts[this.#next + 1];
    if (after !== undefined && pts >= this.#ticks(after) - tolerance) throw this.#refusal(`no picture at ${at} µs`);
    return true;
  }

  /** @param endDts where the segment ends; undefined for the nominal duration of its last frame */
  #deliver(endDts: number | undefined): void {
    const frames = this.#frames;
    if (frames.length === 0) return;
    this.#frames = [];
    const { deliver, cuts, endUs, firstMsn } = this.#options;
    const index = this.#next - 1;
    const startUs = cuts[index]!;
    const last = frames.at(-1)!;
    if (endDts !== undefined) frames[frames.length - 1] = { ...last, duration: endDts - last.dts };
    deliver({ msn: firstMsn + index, startUs, durationUs: (cuts[index + 1] ?? endUs) - startUs, frames });
  }

  #ticks(us: number): number {
    const { track, clockStartUs } = this.#options;
    return assetTicks(us, track.timescale, clockStartUs);
  }

  #refusal(why: string): OxbowError {
    return new OxbowError('engine-failed', `${this.#options.rendition} does not follow the cuts: ${why}.`);
  }
}
