/**
 * Events of a live stream.
 * In: live/stream and its sinks. Out: the owner of the stream, for logs, metrics and events. Pure types.
 */
import type { GapCause } from '../api/gap.ts';
import type { SinkLoss } from './loss-report.ts';
import type { RunContext } from './sink.ts';

/** Events of the sinks of a stream. `sink` is the name that a sink was attached with. */
export type SinkEvent =
  /** A sink threw, which is a bug, and was detached. */
  | { readonly type: 'sink-failed'; readonly sink: string; readonly error: unknown }
  /** Sinks were too slow and dropped GOPs; at most once a second for each name. */
  | ({ readonly type: 'sink-lost'; readonly sink: string } & SinkLoss)
  /** A GOP is too large for the GOP buffer: sinks that come now have to wait for the next key frame. */
  | { readonly type: 'gop-too-large' };

/** Events of a stream. */
export type StreamEvent =
  | { readonly type: 'run'; readonly context: RunContext }
  | { readonly type: 'absent'; readonly cause: GapCause | 'offline'; readonly detail: string; readonly atUs: number }
  | { readonly type: 'damage'; readonly reason: string }
  /** Dropped media that the source offered again after a (re)connect, µs. */
  | { readonly type: 'clipped'; readonly durationUs: number }
  /** No key frame of the reference track for ten seconds: no viewer can start there. */
  | { readonly type: 'keyless' }
  | SinkEvent;
