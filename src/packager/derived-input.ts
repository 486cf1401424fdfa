/**
 * What a derived quality of a stream takes and gives: the frames of an encoder or a pulled variant, and
 * complete segments.
 * In: packager/follower. Out: encoders, recorders. Types.
 */
import type { Frame, Track, VideoTrack } from '@oxbow/media/frame';
import type { Init, SegmentGroup } from '@oxbow/media/segment';
import type { CutList } from './cut-list.ts';
import type { DerivedQuality, SegmentOpening } from './live-segment.ts';
import type { LiveWindow } from './live-window.ts';
import type { LiveWindowWriter } from './live-window-writer.ts';

/** Takes the frames of a derived quality. Calls are synchronous and never affect the stream. */
export interface DerivedInput {
  /**
   * Frames of a run follow; called again when the configuration changes.
   *
   * @param run id of the run of the stream (`RunContext.run`) that their timestamps belong to
   * @param track its id and rung are replaced by those of the quality
   * @param bandwidth peak, bits per second, if it is known
   */
  startRun(run: number, track: VideoTrack, bandwidth?: number): void;
  /**
   * The next frame in decode order, with the media time of the stream; key frames where the stream has them.
   */
  write(frame: Frame): void;
  /** Frames were lost: what follows is used from a key frame at a cut on. */
  damage(): void;
  /** No frame of the run follows: the open segment need not wait. */
  endRun(): void;
  /** No frame will come until `startRun`: segments without media are GAPs at once. */
  stop(): void;
}

/**
 * Why a quality has no media of a segment: it did not come in time; it was lost or not decodable; its encoder
 * had stopped.
 */
export type MissingCause = 'late' | 'damaged' | 'stopped';

/** A segment of a quality that is complete. */
export interface SealedQuality {
  readonly opening: SegmentOpening;
  /** Only its video; undefined if it is a GAP, or has only parts at its beginning: that is not recorded. */
  readonly group: SegmentGroup | undefined;
}

/** What a follower needs. */
export interface FollowerOptions {
  /** Id of the track, unique in the stream, and its name in rendition ids. */
  readonly trackId: number;
  readonly rung: string;
  /** Of the stream. */
  readonly cuts: CutList;
  readonly source: LiveWindow;
  /** Of the window of the quality. */
  readonly listWriter: LiveWindowWriter;
  /** How much later than the stream its frames may come, µs of media. */
  readonly lateUs: number;
  /** Segments are in shared memory. */
  readonly shared: boolean;
  /** Returns the init of a set of codec configurations, with its number. */
  readonly initOf: (tracks: readonly Track[]) => Init;
  /** It is live in the current generation, or has left it; called on changes. */
  readonly offered: (quality: DerivedQuality | undefined) => void;
  /** A bug has ended it. */
  readonly failed: (error: unknown) => void;
  /** A segment has no media of it. */
  readonly missed?: (msn: number, cause: MissingCause) => void;
}
