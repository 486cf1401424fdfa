/**
 * Cues as the frames of a text track between two instants: a frame for each stretch in which the same cues
 * are shown.
 * In: cues on the clock of the track. Out: frames of that stretch. Pure. ISO/IEC 14496-30, 6.4 to 6.6.
 */
import type { Frame } from '../frame.ts';
import { emptySample, printSample, type SampleCue } from './sample.ts';

/** A cue on the clock of a track, ticks. */
interface TickCue {
  readonly id: string;
  readonly settings: string;
  readonly text: string;
  readonly start: number;
  /** After `start`. */
  readonly end: number;
}

/** Duration of a frame of late cues: 1 ms of a clock of 90 kHz. */
const LATE_TICKS = 90;
/** Cues that are shown at a time; a reader may refuse more than 100. */
const MAX_SHOWN = 64;

/** A stretch of a track. */
interface TextStretch {
  readonly trackId: number;
  /** Ticks. */
  readonly from: number;
  readonly to: number;
  /** Stretches without cues are frames too, so that the track has no hole. */
  readonly gapless: boolean;
  /**
   * Cues that are known only after their end: in the first frame, which is short then; they keep their
   * times.
   */
  readonly late?: readonly TickCue[];
}

/** The frames of a stretch. A cue is in each frame in which it is shown, with its start and end. */
export function framesOfCues(
  cues: readonly TickCue[],
  { trackId, from, to, gapless, late = [] }: TextStretch,
): Frame[] {
  const shown = cues.filter(({ start, end }) => start < to && end > from);
  const cuts = shown.flatMap(({ start, end }) => [start, end]);
  if (late.length > 0) cuts.push(from + LATE_TICKS);
  const edges = [...new Set([from, ...cuts.filter((at) => at > from && at < to), to])].sort((a, b) => a - b);
  return edges.slice(0, -1).flatMap((at, i) => {
    const end = edges[i + 1]!;
    const sampleCues = [...(i === 0 ? late : []), ...shown.filter((cue) => cue.start < end && cue.end > at)]
      .slice(0, MAX_SHOWN)
      .map((cue): SampleCue => ({ ...cue, before: Math.max(0, at - cue.start), after: cue.end - end }));
    if (sampleCues.length === 0 && !gapless) return [];
    const data = sampleCues.length === 0 ? emptySample : printSample(sampleCues);
    return [{ trackId, dts: at, pts: at, duration: end - at, key: true, data }];
  });
}
