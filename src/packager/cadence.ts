/**
 * Measures a run's frame rate and GOP length from its first frames, and derives PART-TARGET and
 * TARGETDURATION.
 * In: the frames up to the second key frame (or 4 s, or the first burst). Out: a Cadence. docs/media.md 8
 * to 10. Pure.
 */

import type { Frame, Track } from '@oxbow/media/frame';
import type { Pace } from '../live/input.ts';
import { audioFrameS } from './audio-frame.ts';

/** Frame rate, GOP length and bit rates of the first frames of a run. */
export interface Cadence {
  /** Seconds per reference frame; undefined if the rate is variable. */
  readonly frameS: number | undefined;
  /** Longest GOP, seconds; in a burst also from its last key frame to its end. Undefined while unknown. */
  readonly gopS: number | undefined;
  /** Bits per second by track id. */
  readonly bitrates: ReadonlyMap<number, number>;
}

/** Intervals of a constant frame rate differ by no more than this (RTMP rounds to milliseconds). */
const EVEN_WITHIN_S = 0.002;
/** Share of steps that may be multiples of the usual one: the encoder dropped frames. */
const MAX_WIDE_STEPS = 0.15;
/** Usual frame rates: a rate measured over half a second of RTMP milliseconds is off by a few hundredths. */
const USUAL_RATES = [
  ...[10, 12, 12.5, 15, 20, 24, 25, 30, 48, 50, 60, 100, 120],
  ...[12, 15, 24, 30, 48, 60, 120].map((rate) => (rate * 1000) / 1001),
];
/** The first and last timestamp are rounded to milliseconds. */
const MEASURED_WITHIN_S = 0.001;
/**
 * The interval of a pulled source is 1.5 times its target duration, which bounds the GOP of a burst with one
 * key frame.
 */
const INTERVAL_PER_BURST = 1.5;
/** GOP that streaming services request. */
const USUAL_GOP_S = 2;
/** Slower than this there are no parts: 0.2 s would hold one frame. */
const SLOWEST_FRAME_S = 0.15;

/**
 * Measures the first frames of a run.
 *
 * @param reference the track whose key frames are the cuts
 * @param tracks all tracks of the run
 * @param frames the run's first frames, in order of arrival; of a bursty source the first burst
 */
export function measureCadence(
  reference: Track,
  tracks: readonly Track[],
  frames: readonly Frame[],
  pace: Pace = { kind: 'continuous' },
): Cadence {
  const referenceFrames = frames.filter((frame) => frame.trackId === reference.id);
  const bitrates = new Map<number, number>();
  for (const track of tracks) {
    const ofTrack = frames.filter((frame) => frame.trackId === track.id);
    const first = ofTrack[0];
    const last = ofTrack.at(-1);
    if (!first || !last) continue;
    const seconds = (last.dts + last.duration - first.dts) / track.timescale;
    const bytes = ofTrack.reduce((sum, frame) => sum + frame.data.length, 0);
    if (seconds > 0) bitrates.set(track.id, (bytes * 8) / seconds);
  }
  return {
    frameS: evenInterval(referenceFrames, reference),
    gopS: longestGop(referenceFrames, reference.timescale, pace),
    bitrates,
  };
}

/**
 * Measures an encoder before its second key frame.
 *
 * @param reference the track whose key frames are the cuts
 * @param tracks all tracks of the run
 * @param frames the run's first frames, which begin with a key frame
 * @param gopS GOP of the encoder, seconds, if it is known; the bitrate counts one key frame in that time,
 *   otherwise in 2 s
 */
export function estimateCadence(
  reference: Track,
  tracks: readonly Track[],
  frames: readonly Frame[],
  gopS: number | undefined,
): Cadence {
  const { frameS, bitrates } = measureCadence(reference, tracks, frames);
  const referenceFrames = frames.filter(({ trackId }) => trackId === reference.id);
  const keyBytes = referenceFrames.reduce((sum, { key, data }) => sum + (key ? data.length : 0), 0);
  const otherBytes = referenceFrames.reduce((sum, { data }) => sum + data.length, 0) - keyBytes;
  const others = referenceFrames.filter(({ key }) => !key).length;
  if (!frameS || others === 0) return { frameS, gopS, bitrates };
  const bitrate = 8 * (keyBytes / (gopS ?? USUAL_GOP_S) + otherBytes / (others * frameS));
  return { frameS, gopS, bitrates: new Map(bitrates).set(reference.id, bitrate) };
}

/** Longest GOP in seconds, as far as it is known. */
function longestGop(frames: readonly Frame[], timescale: number, pace: Pace): number | undefined {
  const keys = frames.filter((frame) => frame.key);
  const lastKey = keys.at(-1);
  if (!lastKey) return undefined;
  let ticks = 0;
  for (let i = 1; i < keys.length; i++) ticks = Math.max(ticks, keys[i]!.dts - keys[i - 1]!.dts);
  if (pace.kind === 'continuous') return ticks > 0 ? ticks / timescale : undefined;
  // A burst ends where the next key frame begins.
  const last = frames.at(-1)!;
  const seenS = Math.max(ticks, last.dts + last.duration - lastKey.dts) / timescale;
  return ticks > 0 ? seenS : Math.max(seenS, pace.intervalS / INTERVAL_PER_BURST);
}

/**
 * Frame interval in seconds, snapped to a usual rate; undefined if it varies. A few frames may be missing: an
 * encoder that was delayed at its start still has a constant rate.
 */
function evenInterval(frames: readonly Frame[], reference: Track): number | undefined {
  const first = frames[0];
  const last = frames.at(-1);
  if (!first || !last || frames.length < 3) return undefined;
  const { timescale } = reference;
  const steps = frames.slice(1).map((frame, i) => frame.dts - frames[i]!.dts);
  const usualStep = steps.toSorted((a, b) => a - b)[steps.length >> 1]!;
  const intervals = steps.map((step) => Math.max(1, Math.round(step / usualStep)));
  const count = intervals.reduce((sum, interval) => sum + interval, 0);
  const wide = intervals.filter((interval) => interval > 1).length;
  if (wide > MAX_WIDE_STEPS * steps.length) return undefined;
  const mean = (last.dts - first.dts) / count;
  if (steps.some((step, i) => Math.abs(step - intervals[i]! * mean) > EVEN_WITHIN_S * timescale)) return undefined;
  const meanS = mean / timescale;
  const fits = (intervalS: number) => Math.abs(intervalS - meanS) <= MEASURED_WITHIN_S / count;
  // A few frames in milliseconds do not distinguish 30 from 29.97: the encoder states it.
  const stated = reference.kind === 'video' && reference.config.frameRate ? 1 / reference.config.frameRate : undefined;
  if (stated !== undefined && fits(stated)) return stated;
  const usual = [...USUAL_RATES.map((rate) => 1 / rate), ...audioIntervals(reference)];
  const nearest = usual.reduce((best, interval) =>
    Math.abs(interval - meanS) < Math.abs(best - meanS) ? interval : best,
  );
  return fits(nearest) ? nearest : meanS;
}

function audioIntervals(track: Track): number[] {
  return track.kind === 'audio' ? [audioFrameS(track.config)] : [];
}

/** Frames of a part, and the PART-TARGETs that follow. */
export interface PartPlan {
  /** Reference frames in a part. */
  readonly frames: number;
  /** PART-TARGET of playlists with the reference track, seconds, five decimals. */
  readonly targetS: number;
  /** PART-TARGET of an audio playlist next to video: one audio frame more, seconds, five decimals. */
  readonly audioTargetS: number;
}

/**
 * Plans the parts for a frame rate; undefined if it is too low or variable (docs/media.md 8).
 *
 * @param partS target duration of a part, seconds
 * @param audioFrameS longest audio frame next to the reference, seconds, 0 where there is none
 */
export function planParts(cadence: Cadence, partS: number, audioFrameS: number): PartPlan | undefined {
  const { frameS } = cadence;
  if (frameS === undefined || frameS > SLOWEST_FRAME_S) return undefined;
  const frames = Math.max(1, Math.round(partS / frameS));
  return {
    frames,
    targetS: fiveDecimals(frames * frameS + 0.001),
    audioTargetS: fiveDecimals(frames * frameS + audioFrameS + 0.001),
  };
}

/** Longest measurement: then the playlist starts, and longer GOPs are cut without a key frame. */
export const LEARN_AT_MOST_S = 4;
/** Shortest measurement of a frame rate. */
export const LEARN_AT_LEAST_S = 0.5;

/**
 * TARGETDURATION for a target segment duration: at least a GOP. A segment holds as many GOPs as fit, so
 * segments may be a little shorter than `targetS`.
 *
 * @param targetS seconds
 * @param currentTargetS TARGETDURATION of the generation that may continue: an upper bound if a GOP fits into
 *   it
 * @returns whole seconds; every EXTINF rounded to the nearest integer stays within it (RFC 8216bis 4.4.3.1)
 */
export function planTargetDuration(cadence: Cadence, targetS: number, currentTargetS?: number): number {
  const gopS = cadence.gopS ?? LEARN_AT_MOST_S;
  const plannedS = Math.max(1, Math.ceil(targetS - 0.5), Math.round(gopS));
  return currentTargetS !== undefined && Math.round(gopS) <= currentTargetS
    ? Math.min(plannedS, currentTargetS)
    : plannedS;
}

function fiveDecimals(seconds: number): number {
  return Math.round(seconds * 100_000) / 100_000;
}
