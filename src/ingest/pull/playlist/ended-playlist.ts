/**
 * Judges a playlist that follows one with EXT-X-ENDLIST: an old copy, the same playlist continued, or another
 * one at the same URL.
 * In: playlists in order of arrival. Out: a verdict. Pure. RFC 8216bis 4.4.3.4 and 6.2.2; docs/media.md 11.
 */
import type { QueuedSegment } from '../segment/queued-segment.ts';
import type { DescribedList } from './list-segments.ts';

/** Caches may serve a playlist from before its end for this many target durations. */
const STALE_TARGETS = 3;

/** Relation of a playlist to the one that ended. */
export type ReturnVerdict =
  /** The same playlist, an old copy, or the same media under other names: no new media. */
  | 'nothing'
  /** The same playlist with more segments at its end. */
  | 'continues'
  /** Its Media Sequence Numbers denote other segments. */
  | 'restarted';

/** A playlist to judge. */
interface JudgedList {
  readonly all: DescribedList;
  /** Number of its first segment. */
  readonly base: number;
  readonly ended: boolean;
  readonly targetDurationS: number;
  /** Media in the playlist, seconds. */
  readonly listedS: number;
  readonly arrivedMs: number;
  /** Number of the segment after the last one of the ended playlist. */
  readonly next: number;
  /** Whether a segment is the known one of the same number; undefined if that number is unknown. */
  readonly isKnown: (segment: QueuedSegment) => boolean | undefined;
}

/** Remembers when the playlist of one rendition ended. */
export class EndedPlaylist {
  #endedMs: number | undefined;
  /** A playlist without EXT-X-ENDLIST was loaded that is not longer than the ended one. */
  #wasShorter = false;

  /** When the playlist ended, ms since 1970; undefined while it is live. */
  get endedMs(): number | undefined {
    return this.#endedMs;
  }

  /** A playlist was accepted. */
  update(ended: boolean, arrivedMs: number): void {
    this.#endedMs = ended ? arrivedMs : undefined;
    this.#wasShorter = false;
  }

  /** Judges a playlist; called only while `endedMs` is set. */
  judge(list: JudgedList): ReturnVerdict {
    const { all, base, ended, targetDurationS, listedS, arrivedMs, next, isKnown } = list;
    const awayS = (arrivedMs - this.#endedMs!) / 1000;
    const slackS = STALE_TARGETS * targetDurationS;
    // An ended playlist with more media than the absence can have produced repeats the broadcast as VOD.
    const restarted: ReturnVerdict = ended && listedS > awayS + slackS ? 'nothing' : 'restarted';
    const ahead = base + all.count - next;
    if (base > next) return (base - next) * targetDurationS <= awayS + slackS ? 'continues' : restarted;
    const index = ahead > 0 ? next - 1 - base : all.count - 1;
    const isSeen = index < 0 ? undefined : isKnown(all.at(index).segment);
    if (isSeen === false || (isSeen === undefined && ahead <= 0)) return restarted;
    if (ahead > 0) {
      const seam = all.at(next - base).segment;
      if (seam.discontinuity) return 'continues';
      if (this.#wasShorter) return restarted;
      // An encoder that rewrites its files repeats names and durations; dates differ, and isKnown has
      // compared them.
      const mayBeAnother = seam.programDateTimeMs === undefined && listedS <= awayS;
      return mayBeAnother ? restarted : 'continues';
    }
    if (ended) return ahead === 0 ? 'nothing' : restarted;
    this.#wasShorter = true;
    return awayS <= slackS ? 'nothing' : 'restarted';
  }
}
