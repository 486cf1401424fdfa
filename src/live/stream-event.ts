/**
 * Events of a live stream.
 * In: live/stream and its sinks. Out: the owner of the stream, for logs, metrics and events. Pure types.
 */
import type { GapCause } from '@oxbow/media/gap';
import type { Loss, LossCause, PressureLevel } from './pressure.ts';
import type { RunContext } from './sink.ts';

/** A change of the level of a buffer: of a sink's queue, or of the memory of the stream. */
export interface PressureChange {
  /** Name of the sink; undefined for the memory of the stream. */
  readonly sink: string | undefined;
  readonly level: PressureLevel;
  readonly bytes: number;
  readonly maxBytes: number;
}

/** Events of the sinks of a stream. `sink` is the name that a sink was attached with. */
export type SinkEvent =
  /** A sink threw, which is a bug, and was detached. */
  | { readonly type: 'sink-failed'; readonly sink: string; readonly error: unknown }
  /** Sinks dropped GOPs; at most once a second for each name and cause. */
  | ({ readonly type: 'sink-lost'; readonly sink: string; readonly cause: LossCause } & Loss)
  /** The level of a buffer has changed. */
  | ({ readonly type: 'pressure' } & PressureChange)
  /** A GOP is too large for the GOP buffer: sinks that come now have to wait for the next key frame. */
  | { readonly type: 'gop-too-large' };

export type StreamEvent =
  | { readonly type: 'run'; readonly context: RunContext }
  /** Media is missing. `mayContinue`: the publisher may return within seconds and continue the run. */
  | {
      readonly type: 'absent';
      readonly cause: GapCause | 'offline';
      readonly detail: string;
      readonly atUs: number;
      readonly mayContinue: boolean;
    }
  /** The publisher has returned, and the run continues. */
  | { readonly type: 'continued'; readonly context: RunContext }
  | { readonly type: 'damage'; readonly reason: string }
  /** Dropped media that the source offered again after a (re)connect, µs. */
  | { readonly type: 'clipped'; readonly durationUs: number }
  /** No key frame of the reference track for ten seconds: no viewer can start there. */
  | { readonly type: 'keyless' }
  | SinkEvent;
