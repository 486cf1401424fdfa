/**
 * What all parts of a pull share: access to the source, clock, counters, log.
 * In: hls.ts, which creates it. Out: types for the files of this folder, and the limits of requests.
 */
import type { LeftOutTrack } from '@oxbow/media/left-out';
import type { ParsedPlaylist } from '@oxbow/media/m3u8/parse';
import type { Clock } from '../../lib/clock.ts';
import type { LowLatency } from './playlist/low-latency.ts';
import type { SourceReturn } from './playlist/source-return.ts';
import type { PullCounters, PullLog } from './pull-log.ts';
import type { KeyStore } from './segment/key-store.ts';
import type { SegmentMemory } from './segment/segment-memory.ts';
import type { SourceAccess } from './source-access.ts';

/**
 * How long a segment that fails is requested again before the stream continues without it (docs/media.md
 * 23b).
 */
export interface FetchLimits {
  /** Of a live list, ms; three target durations where that is longer. */
  readonly minWaitMs: number;
  /**
   * Of a list with EXT-X-ENDLIST, where nothing is urgent, ms; three target durations where that is longer.
   */
  readonly endedWaitMs: number;
  /**
   * Give up after the same useless reply (a web page, for example) three times in a row. Default: retry as
   * after any other failure.
   */
  readonly brief?: true;
}

/** Limits of the main rendition. */
export const mainLimits: FetchLimits = { minWaitMs: 30_000, endedWaitMs: 60_000 };
/**
 * Limits of alternative Renditions: the video waits for them no longer than a target duration or two, so they
 * must not lag far.
 */
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
  /** When a live source ends its playlist, the pull waits for its return; otherwise it ends. */
  readonly awaitReturn: boolean;
  /**
   * The source was live before this pull: an ended playlist is the rest of a broadcast, not VOD. Only with
   * `awaitReturn`.
   */
  readonly wasLive: boolean;
  /** URLs come from a web page, which is requested rarely. */
  readonly fromPage: boolean;
  readonly sourceReturn: SourceReturn;
  /** Distance of the start before the live edge, ms; 0 is near the edge. */
  readonly fromMs: number;
  /** Largest segment, bytes; default 64 MiB. */
  readonly maxSegmentBytes?: number;
  readonly limits: FetchLimits;
  /** Decides for all renditions whether the pull follows Partial Segments. */
  readonly lowLatency: LowLatency;
  /** MPEG-2 video of this rendition is taken, because it is converted; default: it is left out. */
  readonly mpeg2?: boolean | undefined;
  /** Memory of the frames of this rendition, whose reader frees it; default: new buffers. */
  readonly memory?: SegmentMemory | undefined;
  /** Called with every playlist of this rendition that is loaded. */
  readonly onPlaylist?: ((parsed: ParsedPlaylist) => void) | undefined;
  /** Called with all tracks of this rendition that oxbow cannot take, each time they change. */
  readonly onLeftOut?: ((tracks: readonly LeftOutTrack[]) => void) | undefined;
}
