/**
 * The interface through which every publisher feeds a stream.
 * In: ingest/*. Out: live/stream.
 */

import type { Frame, Track } from '@oxbow/media/frame';
import type { GapCause } from '@oxbow/media/gap';
import type { RunClock } from '@oxbow/media/run';

/** How media arrives; decides whether a live list has parts (docs/media.md 9). */
export type Pace =
  /** Frames come one by one, as they were captured. */
  | {
      readonly kind: 'continuous';
      /**
       * Frames of the same media time arrive up to this much further apart than usual, because audio was
       * moved; µs.
       */
      readonly apartUs?: number;
    }
  /** Whole segments come at once; `intervalS` is the longest usual time without new media, seconds. */
  | { readonly kind: 'bursty'; readonly intervalS: number };

/** The UTC offset of a publisher without a clock while it is being measured, see ArrivalClock. */
export interface ArrivalMeasure {
  /** UTC of pts 0, µs since 1970; only moves back. */
  readonly offsetUs: number;
  /** Waiting longer would not change it. */
  readonly isSettled: boolean;
  /** The measurement has ended. */
  readonly isOver: boolean;
}

/** Parameters of a run. */
export interface RunStart {
  /** All tracks, ids unique, constant for the run. */
  readonly tracks: readonly Track[];
  /**
   * The UTC offset in µs since 1970: UTC = offset + pts. live/stream moves it forward where it would overlap
   * the past.
   */
  readonly utcOffsetUs: number;
  readonly clock: RunClock;
  /** Replaces `utcOffsetUs`, which may still move back until the first segment of the run is complete. */
  readonly arrival?: ArrivalMeasure;
  readonly pace: Pace;
  /**
   * Requests a key frame from the encoder, without waiting; absent if the source has no such request. Called
   * at most once a second.
   */
  readonly requestKeyFrame?: () => void;
}

/** Properties, from the source's playlist, of the segment whose frames come next. */
export interface SourceSegment {
  /** The UTC offset by the segment's date, or by its distance to the live edge; µs since 1970. */
  readonly utcOffsetUs: number;
  readonly clock: RunClock;
  /** When the first playlist that lists it came, by the wall clock of that moment, µs since 1970. */
  readonly listedUs: number;
  /** It was in the first playlist after a (re)connect, so the stream may have it already. */
  readonly mayRepeat: boolean;
  /**
   * Known length of the segments missing before it, µs. Their time stays free if the UTC offset moves
   * forward.
   */
  readonly missingUs: number;
}

/** Where the media of a stream is in UTC, for its publisher. */
export interface InputPlacement {
  /**
   * End of the stream's media, µs since 1970; undefined while it has none. A source that still offers later
   * media may begin there.
   */
  readonly mediaEndUs: number | undefined;
  /** The UTC offset that the stream uses for the current run, µs since 1970; undefined without a run. */
  readonly utcOffsetUs: number | undefined;
}

/**
 * The feeding side of a stream, held by one publisher at a time. Every call is synchronous and does not wait.
 */
export interface StreamInput {
  /** Where the media of the stream is; absent if the stream keeps none. */
  readonly placement?: InputPlacement | undefined;
  /**
   * Resolves when there is memory and disk space for more media; usually at once. For sources that can be
   * delayed, such as files and recorded segments. Rejects with the signal's reason when aborted.
   */
  ready?(options: { signal: AbortSignal }): Promise<void>;
  /** Begins a run; called before the first frame and whenever tracks or the relation of pts to UTC change. */
  startRun(start: RunStart): void;
  /**
   * Called before the frames of each segment, by sources with playlists. Only then can the stream recognize
   * repeated media.
   */
  nextSegment?(segment: SourceSegment): void;
  publish(frame: Frame): void;
  /**
   * Whether the timestamps jump before this frame, so that a run begins with it. If so, media is reported as
   * missing or damaged, and the caller has to call `startRun` before it publishes the frame. For publishers
   * that know the UTC of what follows, or that have frames of other tracks to publish first. For all others,
   * `publish` begins the run.
   */
  jumps?(frame: Frame): boolean;
  /**
   * A burst ended: its frames may be packaged without waiting for a successor. Never needed by
   * continuous sources.
   *
   * @param unused called at once if no frame that was published, nor its bytes, can be in use any more: their
   *   memory may be used again. Code that does not know calls nothing
   */
  flush(unused?: () => void): void;
  /**
   * Reports that media is missing until the next frame; the first cause of a hole applies. `offline`: the
   * source ended in order, and no media is expected until it returns. `detail` is readable text.
   */
  absent(cause: GapCause | 'offline', detail: string): void;
  /**
   * The publisher has left: no media is expected. The run is kept open for five seconds, in which a publisher
   * may return and continue it; the caller ends it with `offline` then. For publishers without a clock of
   * their own.
   */
  suspend?(detail: string): void;
  /** Reports damaged media that was skipped; counted, and flagged on the segment. */
  damage(reason: string): void;
}
