/**
 * The exact programme time of the picture on the screen.
 *
 * Within one run the video's own timestamps are linear in UTC: UTC = UTC offset + timestamp. hls.js moves timestamps by one number for each
 * discontinuity, the initial PTS, so UTC = UTC offset + initial PTS + media time, exact to the frame. Where the UTC offset is not known yet, or does not
 * agree with the playlist, the EXT-X-PROGRAM-DATE-TIME of the fragment stands in, which is right to about 20 ms.
 * In: fragments and initial PTS of hls.js, frames of the video element. Out: unix milliseconds.
 */
import type { Facts } from '../source/facts.ts';
import { type TimedFragment, timeAt } from './media-time.ts';

/** What is needed of a fragment of hls.js. */
export interface RunFragment extends TimedFragment {
  readonly sn: number | 'initSegment';
  /** Discontinuity sequence number. */
  readonly cc: number;
  readonly relurl?: string | undefined;
}

/** A difference between the UTC offset and the playlist's date beyond which the UTC offset belongs to another run, milliseconds. */
const AGREE_MS = 100;
/** A frame this little before a fragment belongs to it: fragments start with their first sound, seconds. */
const BEFORE_S = 0.03;

/** Programme time of one buffer's pictures. */
export class Frames {
  readonly #facts: Pick<Facts, 'utcOffsetOf' | 'missed' | 'found'>;
  readonly #initPts = new Map<number, number>();
  #fragments: readonly RunFragment[] = [];

  constructor(facts: Pick<Facts, 'utcOffsetOf' | 'missed' | 'found'>) {
    this.#facts = facts;
  }

  /** The list as it is now, the Media Segment that is still growing at its end included. */
  listed(fragments: readonly RunFragment[]): void {
    this.#fragments = fragments;
  }

  /** INIT_PTS_FOUND of hls.js: `seconds` is what it takes off the timestamps from discontinuity `cc` on. */
  rebased(cc: number, seconds: number): void {
    this.#initPts.set(cc, seconds);
  }

  /** Another list is loaded: nothing of the last one counts. */
  clear(): void {
    this.#initPts.clear();
    this.#fragments = [];
  }

  /**
   * UTC of the frame at a media time.
   *
   * @param mediaSeconds as requestVideoFrameCallback tells it, or else `currentTime`
   * @returns unix milliseconds with fractions; null before the first list
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
    const found = this.#fragments[low];
    const before = this.#fragments[low - 1];
    // The margin is for the seam of two continuities alone: within one it makes no difference, and dates are nearer without it.
    return found && before && mediaSeconds < found.start && before.cc === found.cc ? before : found;
  }
}

/** The Media Sequence Number under which the server knows a segment: its address names it, also where a window's list counts anew. */
function msnOf(fragment: RunFragment): number | null {
  const named = /(?:^|\/)(\d+)(?:\.\d+)?\.m4s/.exec(fragment.relurl ?? '')?.[1];
  if (named) return Number(named);
  return typeof fragment.sn === 'number' ? fragment.sn : null;
}
