/**
 * Where the media of a stream ends, and why there is none after it.
 * In: runs as they begin and advance, causes of missing media. Out: the end, gaps, ids of runs.
 * docs/media.md 2 and 5.
 */

import type { StreamGap } from '@oxbow/media/segment';
import type { Clock } from '../../lib/clock.ts';
import type { StreamPast } from '../stream-options.ts';
import { GapLog } from './gap-log.ts';

/** The end of a stream. */
export class StreamEdge {
  /**
   * The live playlist shows a picture up to here while the publisher is away, µs since 1970: no run begins
   * before it.
   */
  filledUs = Number.NEGATIVE_INFINITY;
  /** Causes of the hole that is open now. */
  readonly gaps = new GapLog();
  readonly #clock: Clock;
  #endUs: number;
  #hasMedia: boolean;
  #lastRun: number;

  constructor(clock: Clock, { endUs, hasMedia, lastRun, gaps }: StreamPast) {
    this.#clock = clock;
    this.#endUs = endUs;
    this.#hasMedia = hasMedia;
    this.#lastRun = lastRun;
    this.gaps.seed(gaps);
  }

  /** End of the published media, or the creation of the stream while it has none; µs since 1970. */
  get endUs(): number {
    return this.#endUs;
  }

  /** End of the published media, µs since 1970; undefined while there is none. */
  get mediaEndUs(): number | undefined {
    return this.#hasMedia ? this.#endUs : undefined;
  }

  /** Why media is missing now, or undefined while it flows. */
  get gap(): Pick<StreamGap, 'cause' | 'detail'> | undefined {
    return this.gaps.current;
  }

  /** The gaps from `fromUs`, µs since 1970, until now; empty while media flows. */
  gapsSince(fromUs: number): StreamGap[] {
    return this.gaps.open ? this.gaps.cover(fromUs, Math.round(this.#clock.nowMs() * 1000)) : [];
  }

  /** The id of a run that begins now. */
  nextRun(): number {
    return ++this.#lastRun;
  }

  /** A run begins, µs since 1970. The first one may be before the creation of the stream. */
  begin(startUs: number): void {
    if (!this.#hasMedia) this.#endUs = startUs;
    this.#hasMedia = true;
  }

  /** There is media up to `untilUs`, µs since 1970. */
  extend(untilUs: number): void {
    if (untilUs > this.#endUs) this.#endUs = untilUs;
  }

  /** The media of the current run is earlier than it seemed, µs. */
  moveBack(byUs: number): void {
    this.#endUs -= byUs;
  }
}
