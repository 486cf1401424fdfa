/**
 * What takes a stream's frames: packager, relay, transcoder.
 * In: live/stream. Out: whatever the sink makes of them. Calls are synchronous and must not wait.
 */
import type { Frame, Track } from '../media/frame.ts';
import type { Run } from '../media/run.ts';
import type { Absence } from '../media/segment.ts';
import type { Pace } from './input.ts';

/** All that a sink needs to know of a run before its first frame. */
export interface RunContext {
  readonly run: Run;
  readonly tracks: readonly Track[];
  /** The track whose key frames are the places to cut: the first video track, else the first audio track. */
  readonly reference: Track;
  readonly pace: Pace;
  /** UTC of the run's first reference frame, µs since 1970. */
  readonly startUs: number;
  /** What was missing between the previous run's end and this start; empty when they touch. */
  readonly absences: readonly Absence[];
  /** Only E is new: tracks and timestamps go on where they were, and what was begun need not end (MEDIA.md, Time 1). */
  readonly soft?: true;
}

/** Takes the frames of one stream. */
export interface Sink {
  /** A run begins; its first frame is a key frame of the reference track. The previous run is over, or goes on if `soft`. */
  startRun(context: RunContext): void;
  write(frame: Frame): void;
  /** A burst ended; see StreamInput.flush. */
  flush(): void;
  /** Media stopped; what is held back may be given out. A run may follow. */
  endRun(): void;
  /** The segment in the making has a fault inside. */
  damage(): void;
}
