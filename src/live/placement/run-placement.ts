/**
 * Decides where a run begins in UTC: where its publisher says, but never before the end of what the stream
 * has (docs/media.md 2).
 * In: the offset of the publisher, the end of the stream's media. Out: the start of the run. Pure.
 */
import assert from 'node:assert/strict';
import type { StreamGap } from '@oxbow/media/segment';
import { HOLE_US } from '../continuity.ts';
import type { ArrivalMeasure, SourceSegment } from '../input.ts';
import type { RunContext } from '../sink.ts';

/** Frames further before a run's first key frame than this do not move the UTC offset. */
const MAX_KEYLESS_US = 60_000_000;

/** The UTC of a run moves forward by at most this much for a picture that was shown in its place, µs. */
const MAX_FILLED_US = 5_000_000;

/** What the start of a run depends on; µs. */
interface RunOpening {
  /** Media time of its first key frame. */
  readonly ptsUs: number;
  /** UTC offset of the publisher. */
  readonly offsetUs: number;
  /** End of the stream's media, µs since 1970; of a stream without media its creation. */
  readonly endUs: number;
  readonly hasMedia: boolean;
  /** See Stream; before any time if not given. */
  readonly filledUs?: number;
  /** Media time of the first frame without a preceding key frame, if there was one. */
  readonly keylessUs: number | undefined;
  /** The segment that the run begins with, if the source has playlists. */
  readonly segment: SourceSegment | undefined;
}

/** Where a run begins; µs since 1970. */
interface RunPlacement {
  readonly wantedUs: number;
  /** The earliest start. */
  readonly leastUs: number;
  readonly startUs: number;
  /** The publisher would begin before the end of the stream's media. */
  readonly overlaps: boolean;
  /** The run does not join the previous one. */
  readonly isHole: boolean;
}

export function placeRun({
  ptsUs,
  offsetUs,
  endUs,
  hasMedia,
  filledUs = Number.NEGATIVE_INFINITY,
  keylessUs,
  segment,
}: RunOpening): RunPlacement {
  const wantedUs = offsetUs + ptsUs;
  const overlaps = hasMedia && wantedUs < endUs;
  // If the UTC offset moves forward, frames without a preceding key frame keep their time, as a gap.
  const keyless = overlaps && keylessUs !== undefined ? Math.max(0, ptsUs - keylessUs) : 0;
  // The first run may be before the stream's creation: a source offers some of its past.
  const joinedUs = hasMedia
    ? endUs + Math.min(keyless, MAX_KEYLESS_US) + missingBefore(wantedUs, ptsUs, endUs, segment)
    : Number.NEGATIVE_INFINITY;
  const leastUs = Math.max(joinedUs, Math.min(filledUs, wantedUs + MAX_FILLED_US));
  const startUs = Math.max(leastUs, wantedUs);
  return { wantedUs, leastUs, startUs, overlaps, isHole: startUs - endUs > HOLE_US };
}

/**
 * The context of a soft re-anchor: the UTC offset of a run moves forward, and its timestamps continue
 * (docs/media.md 1).
 *
 * @param change.dueUs by how much
 * @param change.startUs UTC of the next key frame, with the new offset, µs since 1970
 * @param change.endUs end of the media before it
 * @param change.detail why
 */
export function reanchored(
  context: RunContext,
  { id, dueUs, startUs, endUs, detail }: Record<'id' | 'dueUs' | 'startUs' | 'endUs', number> & { detail: string },
): RunContext {
  const gap = { fromUs: endUs, toUs: startUs, cause: 'clock', detail } as const;
  const run = { ...context.run, id, utcOffsetUs: context.run.utcOffsetUs + dueUs };
  return { ...context, run, startUs, gaps: startUs - endUs > HOLE_US ? [gap] : [], soft: true };
}

/** What an open placement is created with; µs. */
interface OpenPlacementSetup {
  readonly arrival: ArrivalMeasure;
  /** Media time of the first key frame of the run. */
  readonly ptsUs: number;
  /** The earliest start of the run, and the end of the media before it, since 1970. */
  readonly leastUs: number;
  readonly endUs: number;
  /** Has the owner call `fix`. */
  readonly fix: () => void;
}

/**
 * A run whose UTC offset may still move back, because the arrival of its publisher's frames is still being
 * measured.
 */
export class OpenPlacement implements NonNullable<RunContext['opening']> {
  readonly #setup: OpenPlacementSetup;
  #settled: RunContext | undefined;

  constructor(setup: OpenPlacementSetup) {
    this.#setup = setup;
  }

  /** The measurement has ended. */
  get isOver(): boolean {
    return this.#setup.arrival.isOver;
  }

  get isSettled(): boolean {
    return this.#settled !== undefined || this.#setup.arrival.isSettled;
  }

  settle(): RunContext {
    if (!this.#settled) this.#setup.fix();
    assert(this.#settled);
    return this.#settled;
  }

  /**
   * The run with the offset that was found; `behindUs`: by how much it is later than measured, so that UTC
   * does not run back.
   */
  fix({ opening: _, ...context }: RunContext): { readonly settled: RunContext; readonly behindUs: number } {
    const { arrival, ptsUs, leastUs, endUs } = this.#setup;
    const wantedUs = arrival.offsetUs + ptsUs;
    const startUs = Math.min(context.startUs, Math.max(leastUs, wantedUs));
    const run = { ...context.run, utcOffsetUs: context.run.utcOffsetUs - (context.startUs - startUs) };
    const gaps = startUs - endUs > HOLE_US ? gapsUpTo(context.gaps, startUs) : [];
    const settled = { ...context, run, startUs, gaps };
    this.#settled = settled;
    return { settled, behindUs: Math.max(0, startUs - wantedUs) };
  }
}

/**
 * Time to leave free for missing segments, µs: 0 if the UTC offset already does, or if the source offers them
 * again.
 */
function missingBefore(wantedUs: number, ptsUs: number, endUs: number, segment: SourceSegment | undefined): number {
  const { utcOffsetUs, missingUs } = segment ?? { utcOffsetUs: 0, missingUs: 0 };
  const leastUs = endUs + missingUs / 2;
  return utcOffsetUs + ptsUs >= leastUs && wantedUs < leastUs ? missingUs : 0;
}

function gapsUpTo(gaps: readonly StreamGap[], untilUs: number): StreamGap[] {
  return gaps.filter(({ fromUs }) => fromUs < untilUs).map((gap) => ({ ...gap, toUs: Math.min(gap.toUs, untilUs) }));
}
