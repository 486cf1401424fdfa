/**
 * The contract of a sink, which takes the frames of a stream: the packager, meters, inboxes.
 * In: live/stream. Out: depends on the sink.
 */
import type { Frame, Track } from '@oxbow/media/frame';
import type { Run } from '@oxbow/media/run';
import type { StreamGap } from '@oxbow/media/segment';
import type { Pace } from './input.ts';
import type { Loss, LossCause, PressureLevel } from './pressure.ts';

/** Properties of a run, given to sinks before its first frame. */
export interface RunContext {
  readonly run: Run;
  readonly tracks: readonly Track[];
  /** The track whose key frames are the cuts: the first video track, otherwise the first audio track. */
  readonly reference: Track;
  readonly pace: Pace;
  /** UTC of the run's first reference frame, µs since 1970. */
  readonly startUs: number;
  /** Gaps between the previous run's end and this start; empty when they touch. */
  readonly gaps: readonly StreamGap[];
  /**
   * Present while the UTC offset may still move back. A sink that needs the final one waits until `isSettled`
   * while that does not delay it, and calls `settle`, which returns the final context and fixes the offset.
   * The other sinks get it as a `soft` run.
   */
  readonly opening?: { readonly isSettled: boolean; settle(): RunContext };
  /**
   * Only the UTC offset is new: tracks and timestamps continue, and open segments need not end (docs/media.md
   * 1).
   */
  readonly soft?: true;
}

/**
 * Takes the frames of one stream. Calls are synchronous and must not wait; a sink that has to wait uses
 * live/inbox.
 */
export interface Sink {
  /** Bytes of frames that wait in the sink, and their bound, for metrics; absent where nothing waits. */
  readonly queuedBytes?: number;
  readonly maxQueuedBytes?: number;
  readonly pressure?: PressureLevel;
  /** What it dropped, by cause; absent where nothing is dropped. */
  readonly losses?: Readonly<Record<LossCause, Loss>>;
  /** Frames that were written, or their bytes, may still be in use; absent where that is not known. */
  readonly holdsFrames?: boolean;
  /** It dropped the current GOP. */
  readonly waitsForKeyFrame?: boolean;
  /**
   * A run begins; its first frame is a key frame of the reference track. The previous run is over, or
   * continues if `soft`.
   */
  startRun(context: RunContext): void;
  write(frame: Frame): void;
  /** A burst ended; see StreamInput.flush. */
  flush(): void;
  /** Media stopped: the sink outputs its held frames. A run may follow. */
  endRun(): void;
  /** The open segment is damaged. */
  damage(): void;
  /** The stream detached the sink: it is closed, or a call of the sink threw. No call follows. */
  detached?(): void;
}
