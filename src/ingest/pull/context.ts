/**
 * What all parts of a pull share: the way out, the clock, where to count and to log.
 * In: whoever starts the pull. Out: the files beside this one. Pure types but for the counters that count nothing.
 */

import type { LeftOutTrack } from '../../api/left-out.ts';
import type { Clock } from '../../lib/clock.ts';
import type { ParsedPlaylist } from '../../media/m3u8/parse.ts';
import type { LowLatency } from './playlist/low-latency.ts';
import type { SourceReturn } from './playlist/source-return.ts';
import type { PullCounters, PullLog } from './pull-log.ts';
import type { KeyStore } from './segment/key-store.ts';
import type { SourceAccess } from './source-access.ts';

/** How long a segment that fails is requested again before the stream continues without it (docs/media.md 23b). */
export interface FetchLimits {
  /** Of a live list, ms; three target durations where that is longer. */
  readonly minWaitMs: number;
  /** Of a list with EXT-X-ENDLIST, where nothing is urgent, ms; three target durations where that is longer. */
  readonly endedWaitMs: number;
  /** Give up after the same useless answer, a web page say, three times in a row. Default: request again as long as after any other failure. */
  readonly brief?: true;
}

/** What holds for the rendition that the stream is published from. */
export const mainLimits: FetchLimits = { minWaitMs: 30_000, endedWaitMs: 60_000 };
/** What holds for renditions beside it: the video waits for them no longer than a target duration or two, so they may not fall far behind. */
export const renditionLimits: FetchLimits = { minWaitMs: 0, endedWaitMs: 0, brief: true };

/** What all parts of a pull share. */
export interface PullContext {
  readonly access: SourceAccess;
  readonly keys: KeyStore;
  readonly clock: Clock;
  readonly log: PullLog;
  readonly counters: PullCounters;
  /** End of the media that the stream had when the pull began, ms since 1970. */
  readonly hadUntilMs: number | undefined;
  /** A live source that ends its playlist is awaited; otherwise the pull ends with it. */
  readonly awaitReturn: boolean;
  /** The source was live before this pull: a playlist that has ended already is not a film. Only with `awaitReturn`. */
  readonly wasLive: boolean;
  /** Addresses come from a page, which is not asked often. */
  readonly fromPage: boolean;
  readonly sourceReturn: SourceReturn;
  /** How far before the live edge to begin, ms; 0 is near the edge. */
  readonly fromMs: number;
  /** Longest segment, bytes; default 64 MiB. Several renditions are held at a time. */
  readonly maxSegmentBytes?: number;
  readonly limits: FetchLimits;
  /** Whether the source is followed by its parts; of one pull. */
  readonly lowLatency: LowLatency;
  /** Told of every playlist that was loaded, of the rendition whose context this is. */
  readonly onPlaylist?: ((parsed: ParsedPlaylist) => void) | undefined;
  /** Told of the tracks that cannot be taken of the rendition whose context this is: all of them, each time they change. */
  readonly onLeftOut?: ((tracks: readonly LeftOutTrack[]) => void) | undefined;
}
