/**
 * Judges a list that comes after one with EXT-X-ENDLIST: an old copy, the same list continued, or another one under the same address.
 * In: lists in the order in which they arrive. Out: a verdict. Pure. RFC 8216bis 4.4.3.4 and 6.2.2; docs/media.md 11.
 */

import type { QueuedSegment } from '../segment/queued-segment.ts';
import type { DescribedList } from './list-segments.ts';

/** Caches may show a list from before its end for so many target durations. */
const STALE_TARGETS = 3;

/** What a list is in relation to the one that ended. */
export type ReturnVerdict =
  /** The same again, an old copy, or the same media under other names: nothing of it is new. */
  | 'nothing'
  /** The same list, with more segments at its end. */
  | 'continues'
  /** Its numbers count other segments. */
  | 'anew';

/** A list, as the queue sees it. */
export interface JudgedList {
  readonly all: DescribedList;
  /** Number of its first segment. */
  readonly base: number;
  readonly ended: boolean;
  readonly targetDurationS: number;
  /** Seconds of media in it. */
  readonly listedS: number;
  readonly arrivedMs: number;
  /** Number of the segment after the last one of the list that ended. */
  readonly next: number;
  /** Whether a segment is the one that was known by its number; undefined where none was. */
  readonly isKnown: (segment: QueuedSegment) => boolean | undefined;
}

/** Remembers when the list of one rendition ended. */
export class EndedPlaylist {
  #endedMs: number | undefined;
  /** A list without EXT-X-ENDLIST was seen that was not longer than the one that ended. */
  #wasShorter = false;

  /** When the list ended, ms since 1970; undefined while it is live. */
  get endedMs(): number | undefined {
    return this.#endedMs;
  }

  /** A list was taken. */
  took(ended: boolean, arrivedMs: number): void {
    this.#endedMs = ended ? arrivedMs : undefined;
    this.#wasShorter = false;
  }

  /** Judges a list; called only while `endedMs` is set. */
  judge(list: JudgedList): ReturnVerdict {
    const { all, base, ended, targetDurationS, listedS, arrivedMs, next, isKnown } = list;
    const awayS = (arrivedMs - this.#endedMs!) / 1000;
    const slackS = STALE_TARGETS * targetDurationS;
    // A list that has ended as well and holds more than can have been made meanwhile shows what was live once more, as a film.
    const anew: ReturnVerdict = ended && listedS > awayS + slackS ? 'nothing' : 'anew';
    const ahead = base + all.count - next;
    if (base > next) return (base - next) * targetDurationS <= awayS + slackS ? 'continues' : anew;
    const index = ahead > 0 ? next - 1 - base : all.count - 1;
    const known = index < 0 ? undefined : isKnown(all.at(index).segment);
    if (known === false || (known === undefined && ahead <= 0)) return anew;
    if (ahead > 0) {
      const seam = all.at(next - base).segment;
      if (seam.discontinuity) return 'continues';
      if (this.#wasShorter) return anew;
      // Names and durations are the same where an encoder writes the same files again; dates are not, and were compared.
      const mayBeAnother = seam.programDateTimeMs === undefined && listedS <= awayS;
      return mayBeAnother ? anew : 'continues';
    }
    if (ended) return ahead === 0 ? 'nothing' : anew;
    this.#wasShorter = true;
    return awayS <= slackS ? 'nothing' : 'anew';
  }
}
