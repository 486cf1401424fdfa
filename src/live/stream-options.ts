/**
 * What a live stream is created with.
 * In: the recording of a stream, its saved state and the settings. Out: live/stream. Pure types.
 */

import type { StreamGap } from '@oxbow/media/segment';
import type { Clock } from '../lib/clock.ts';
import type { GopBounds } from './gop-buffer.ts';
import type { StreamInput } from './input.ts';
import type { MemoryBudget } from './memory-budget.ts';

/** State from which a stream continues after a restart of the process. */
export interface StreamPast {
  /** End of the last media, µs since 1970; the stream's creation when there is none. */
  readonly endUs: number;
  /** There is media before `endUs`, which new media must not overlap. */
  readonly hasMedia: boolean;
  /** Highest run id ever used. */
  readonly lastRun: number;
  /** Known gaps from `endUs` until now. */
  readonly gaps: readonly StreamGap[];
}

/** What a stream is created with. */
export interface StreamOptions {
  readonly clock: Clock;
  readonly past: StreamPast;
  /** See StreamInput; always ready if not given. */
  readonly ready?: StreamInput['ready'];
  /** Bounds of the GOP buffer. */
  readonly gop?: GopBounds | undefined;
  /**
   * Ceiling of the frames that wait in its sinks and its GOP buffer, bytes, and the ceiling of all streams.
   */
  readonly memory?: { readonly streamBytes: number; readonly total: MemoryBudget } | undefined;
}
