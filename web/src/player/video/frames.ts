/**
 * The exact programme time of the picture on the screen.
 *
 * Within one run the timestamps of the video are linear in UTC: UTC = UTC offset + timestamp. hls.js shifts
 * timestamps by one number for each discontinuity, the initial PTS, so UTC = UTC offset + initial PTS + media
 * time, exact to the frame. If the UTC offset is unknown or does not match the playlist, the
 * EXT-X-PROGRAM-DATE-TIME of the fragment is used, which is accurate to about 20 ms.
 * In: fragments and initial PTS of hls.js, frames of the video element. Out: unix milliseconds.
 */
import type { Facts } from '../source/facts.ts';
import { type TimedFragment, timeAt } from './media-time.ts';

/** The fields of an hls.js fragment that are used. */
export interface RunFragment extends TimedFragment {
  readonly sn: number | 'initSegment';
  /** Discontinuity sequence number. */
  readonly cc: number;
  readonly relurl?: string | undefined;
}

/**
 * If the UTC offset and the date of the playlist differ by more, the UTC offset belongs to another run,
 * milliseconds.
 */
const AGREE_MS = 100;
/**
 * A frame this shortly before a fragment belongs to it: fragments start with their first audio sample,
 * seconds.
 */
const BEFORE_S = 0.03;

/** Programme time of the pictures of one buffer. */
export class Frames {
  readonly #facts: Pick<Facts, 'utcOffsetOf' | 'missed' | 'found'>;
  readonly #initPts = new Map<number, number>();
  #fragments: readonly RunFragment[] = [];

  constructor(facts: Pick<Facts, 'utcOffsetOf' | 'missed' | 'found'>) {
    this.#facts = facts;
  }

  /** The current playlist, including the Media Segment that still grows at its end. */
  listed(fragments: readonly RunFragment[]): void {
    this.#fragments = fragments;
  }

  /** INIT_PTS_FOUND of hls.js: `seconds` is what it subtracts from timestamps since discontinuity `cc`. */
  rebased(cc: number, seconds: number): void {
    this.#initPts.set(cc, seconds);
  }

  /** Another playlist is loaded: forgets the last one. */
  clear(): void {
    this.#initPts.clear();
    this.#fragments = [];
  }

  /**
   * UTC of the frame at a media time.
   *
   * @param mediaSeconds from requestVideoFrameCallback, otherwise `currentTime`
   * @returns unix milliseconds with fractions; null before the first playlist
   */
  timeOf(mediaSeconds: number): number | null {
    const fragment = this.#fragmentAt(mediaSeconds);
    const listedMs = timeAt(fragment ? [fragment] : this.#fragments, mediaSeconds);
    if (!fragment) return listedMs;
    const exactMs = this.#exact(fragment, mediaSeconds);
    if (exactMs === null) return listedMs;
    if (listedMs !== null && Math.abs(exactMs - listedMs) > AGREE_MS) {
      this.#facts.missed(listedMs);
      return listedMs;
    }
    this.#facts.found();
    return exactMs;
  }

  #exact(fragment: RunFragment, mediaSeconds: number): number | null {
    const initPts = this.#initPts.get(fragment.cc);
    const msn = msnOf(fragment);
    if (initPts === undefined || msn === null) return null;
    const utcOffsetMs = this.#facts.utcOffsetOf(msn);
    if (utcOffsetMs !== null) return utcOffsetMs + (initPts + mediaSeconds) * 1000;
    if (fragment.programDateTime !== null) this.#facts.missed(fragment.programDateTime);
    return null;
  }

  #fragmentAt(mediaSeconds: number): RunFragment | undefined {
    let low = 0;
    let high = this.#fragments.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (this.#fragments[middle]!.start - BEFORE_S <= mediaSeconds) low = middle;
      else high = middle - 1;
    }
    const fragment = this.#fragments[low];
    const before = this.#fragments[low - 1];
    // The margin is only for a discontinuity: elsewhere it makes no difference, and dates are closer without
    // it.
    return fragment && before && mediaSeconds < fragment.start && before.cc === fragment.cc ? before : fragment;
  }
}

/**
 * The Media Sequence Number on the server: the address contains it, also in playlists of windows, which count
 * from another number.
 */
function msnOf(fragment: RunFragment): number | null {
  const named = /(?:^|\/)(\d+)(?:\.\d+)?\.m4s/.exec(fragment.relurl ?? '')?.[1];
  if (named) return Number(named);
  return typeof fragment.sn === 'number' ? fragment.sn : null;
}
