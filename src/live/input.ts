/**
 * What a publisher may do with the stream it feeds. Every source ends in these calls.
 * In: ingest/*. Out: live/stream.
 */
import type { GapCause } from '../api/gap.ts';
import type { Frame, Track } from '../media/frame.ts';
import type { RunClock } from '../media/run.ts';

/** How media arrives; decides whether a live list has parts (docs/media.md 9). */
export type Pace =
  /** Frames come one by one, as they were captured. */
  | { readonly kind: 'continuous' }
  /** Whole segments come at once; `intervalS` is the longest usual time without new media, seconds. */
  | { readonly kind: 'bursty'; readonly intervalS: number };

/** What begins a run. */
export interface RunStart {
  /** All tracks, ids unique, constant for the run. */
  readonly tracks: readonly Track[];
  /** The UTC offset in µs since 1970: UTC = offset + pts. live/stream moves it forward where it would overlap the past. */
  readonly utcOffsetUs: number;
  readonly clock: RunClock;
  readonly pace: Pace;
  /** Asks the encoder for a key frame soon, without waiting; absent where the source cannot be asked. Called at most once a second. */
  readonly requestKeyFrame?: () => void;
}

/** What the source's playlist says of the segment whose frames come next. */
export interface SourceSegment {
  /** The UTC offset by the segment's date, or by its distance to the live edge; µs since 1970. */
  readonly utcOffsetUs: number;
  readonly clock: RunClock;
  /** It was in the playlist when that was first loaded after a (re)connect, so the stream may have it already. Later ones are new. */
  readonly mayRepeat: boolean;
  /** Length of the segments that are missing before it, as far as that is known; µs. Their time stays free where the UTC offset moves forward. */
  readonly missingUs: number;
}

/** The feeding side of a stream, held by one publisher at a time. Every call is synchronous and does not wait. */
export interface StreamInput {
  /**
   * End of the stream's media, µs since 1970; undefined while it has none. A source that still offers the media after it may begin there.
   */
  readonly mediaEndUs?: number | undefined;
  /** The UTC offset of the run that flows, as the stream fixed it: µs since 1970; undefined while none flows. */
  readonly utcOffsetUs?: number | undefined;
  /**
   * Resolves when what is published next need not be lost for want of memory or disk; at once where that is so. For sources that have
   * time: nobody waits for what they have not sent yet. Rejects with the signal's reason when aborted.
   */
  ready?(options: { signal: AbortSignal }): Promise<void>;
  /** Begins a run; called before the first frame and whenever tracks or the relation of pts to UTC change. */
  startRun(start: RunStart): void;
  /** Called before the frames of each segment, by sources that have playlists. Without it nothing is ever taken for a repetition. */
  nextSegment?(segment: SourceSegment): void;
  publish(frame: Frame): void;
  /**
   * Whether the timestamps jump before this frame, so that a run begins with it. If so, media is reported as missing or damaged, and the
   * caller has to call `startRun` before it publishes the frame. For publishers that know the UTC of what follows, or that have frames of
   * other tracks to publish first. For all others, `publish` begins the run.
   */
  jumps?(frame: Frame): boolean;
  /** A burst ended: what was published may be packaged without waiting for a successor. Never needed by continuous sources. */
  flush(): void;
  /**
   * From now on media is missing, until the next frame; the first cause of a hole stands. `offline`: the source ended in order, nothing is
   * meant to flow until it returns. `detail` is for a person.
   */
  absent(cause: GapCause | 'offline', detail: string): void;
  /** Something inside the media was wrong and was stepped over; counted and marked on the segment. */
  damage(reason: string): void;
}
