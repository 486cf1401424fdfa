/**
 * A run whose publisher has left: one that returns within five seconds continues it where its media does.
 * In: the last frames of the run, the first frames of the publisher that returned. Out: whether they join,
 * and with which frame. A run continues if the tracks are the same, and the media either begins with a key
 * frame right after the last frame, or repeats the last frame, byte for byte, and continues after it. Then
 * every frame can be decoded and no DISCONTINUITY is needed.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Frame, Track } from '@oxbow/media/frame';
import { ticksToUs } from '@oxbow/media/run';
import { HOLE_US } from './continuity.ts';
import type { RunStart } from './input.ts';
import { hold, type PendingRun } from './pending-run.ts';
import { referenceOf } from './reference.ts';
import type { RunContext } from './sink.ts';

/** A publisher may return within this time, ms. */
const RETURN_WITHIN_MS = 5000;
/** A key frame may overlap the last frame by rounding and estimated durations, µs. */
const OVERLAP_US = 40_000;
/**
 * A publisher that returns repeats at most this much, µs, and sends it in a burst of at most this long, ms.
 */
const MAX_REPEATED_US = 10_000_000;
const REPEATS_FOR_MS = 1000;
/** Most frames that it repeats. */
const MAX_REPEATED = 1500;

/** What is known of the run that was suspended. */
interface SuspendedState {
  readonly context: RunContext;
  readonly start: RunStart;
  /** The last frame of the reference track. */
  readonly last: Frame;
  /** The last dts by track id, ticks. */
  readonly lastDts: ArrayLike<number>;
}

/** What comes of the frames that a publisher sent so far. */
interface ReturnDecision {
  /**
   * `continued`: the run continues with `frames`; `other`: they begin another run; `wait`: more frames are
   * needed.
   */
  readonly decision: 'continued' | 'other' | 'wait';
  readonly frames: readonly Frame[];
}

const WAIT: ReturnDecision = { decision: 'wait', frames: [] };

export class SuspendedRun {
  readonly state: SuspendedState;
  readonly #untilMs: number;
  readonly #reference: Track;
  #firstMs: number | undefined;
  #repeatsLast = false;

  /** @param nowMs monotonic ms */
  constructor(state: SuspendedState, nowMs: number) {
    this.state = state;
    this.#untilMs = nowMs + RETURN_WITHIN_MS;
    this.#reference = referenceOf(state.context.tracks);
  }

  /** Whether a publisher that begins now, monotonic ms, may continue the run. */
  mayContinue({ tracks, arrival }: RunStart, nowMs: number): boolean {
    return arrival !== undefined && nowMs <= this.#untilMs && isDeepStrictEqual(tracks, this.state.start.tracks);
  }

  /** The start of the run with the calls of the publisher that continues it. */
  continuedBy({ requestKeyFrame }: RunStart): RunStart {
    const { requestKeyFrame: _, ...start } = this.state.start;
    return requestKeyFrame ? { ...start, requestKeyFrame } : start;
  }

  /**
   * Takes the next frame of the publisher; frames that wait are kept in `pending`.
   *
   * @param nowMs monotonic ms
   */
  take(frame: Frame, pending: PendingRun, nowMs: number): ReturnDecision {
    hold(frame, pending);
    this.#firstMs ??= nowMs;
    const isLate = nowMs - this.#firstMs > REPEATS_FOR_MS || pending.waiting.length > MAX_REPEATED;
    const decision = frame.trackId === this.#reference.id ? this.#decide(frame) : 'wait';
    if (decision === 'wait' && !isLate) return WAIT;
    const frames = pending.waiting.splice(0);
    pending.waitingBytes = 0;
    if (decision !== 'continued') return { decision: 'other', frames };
    // Frames that the stream has already are dropped.
    return { decision, frames: frames.filter(({ trackId, dts }) => dts > this.state.lastDts[trackId]!) };
  }

  #decide(frame: Frame): ReturnDecision['decision'] {
    const { last } = this.state;
    const { timescale } = this.#reference;
    if (frame.dts < last.dts) {
      const isRepeated = !this.#repeatsLast && ticksToUs(last.dts - frame.dts, timescale) <= MAX_REPEATED_US;
      return isRepeated ? 'wait' : 'other';
    }
    if (frame.dts === last.dts) {
      this.#repeatsLast = Buffer.compare(frame.data, last.data) === 0;
      return this.#repeatsLast ? 'wait' : 'other';
    }
    const aheadUs = ticksToUs(frame.dts - last.dts - last.duration, timescale);
    const joins = this.#repeatsLast || (frame.key && aheadUs >= -OVERLAP_US);
    return joins && aheadUs <= HOLE_US ? 'continued' : 'other';
  }
}
