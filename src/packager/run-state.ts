/**
 * State of a run that the packager cuts, and what follows from it.
 * In: packager/packager. Out: the same. Pure apart from the state itself.
 */

import type { Frame, Track } from '@oxbow/media/frame';
import type { FragmentSlot } from '@oxbow/media/isobmff/fragment';
import { isSparse } from '@oxbow/media/rendition-set';
import { ticksToUs } from '@oxbow/media/run';
import type { Init, StreamGap } from '@oxbow/media/segment';
import type { RunContext } from '../live/sink.ts';
import type { AlignedTrack, LatenessLimits } from './aligned-track.ts';
import type { Generation } from './generation.ts';
import type { PresentationOrder } from './presentation-order.ts';
import type { SparseTracks } from './sparse-tracks.ts';
import type { TrackWriter } from './track-writer.ts';

/**
 * Limits of a continuous source: half a second ahead; a frame or two more, and the delay by B-frames, behind.
 */
const LATENESS: LatenessLimits = { aheadUs: 500_000, behindUs: 600_000 };
/**
 * Limit of a bursty source, in intervals: a burst delivers one track after the other, so tracks are a burst
 * apart.
 */
const LATENESS_BURSTS = 2;
/** Smallest lateness limit of a source with short bursts, µs. */
const MIN_BURST_LATENESS_US = 12_000_000;

/** State of a run; a soft re-anchor changes only its context. */
export interface RunState {
  context: RunContext;
  /** Context from the next segment on. */
  next: RunContext | undefined;
  readonly generation: Generation;
  /** Most reference frames of a part, and its longest duration in ticks; undefined without parts. */
  readonly part: { readonly frames: number; readonly ticks: number } | undefined;
  /** Longest segment, seconds: aligned tracks may be a frame longer. */
  readonly limitS: number;
  /** Expected distance of the next key frame from the last one, seconds. */
  gopS: number;
  /** dts of the last key frame, ticks. */
  lastKey: number | undefined;
  readonly init: Init;
  readonly writer: TrackWriter;
  readonly alignedTracks: ReadonlyMap<number, AlignedTrack>;
  readonly sparse: SparseTracks;
  readonly order: PresentationOrder;
  /** Media time T at which the open segment, otherwise the next one, starts, µs. */
  cutUs: number;
  /**
   * Media time of the first frame of the open segment, µs; not `cutUs` if frames are missing, or a burst was
   * cut before it.
   */
  firstUs: number;
  /** Gaps before the next group. */
  gaps: readonly StreamGap[];
  /** It began before its second key frame. */
  readonly isEarly: boolean;
  /** The next group begins the run. */
  first: boolean;
}

/** Fragment numbering by track id, in the track order of a muxed response: video first (`renditionsOf`). */
export function slotsOf(tracks: readonly Track[]): ReadonlyMap<number, FragmentSlot> {
  const isVideo = ({ kind }: Track) => kind === 'video';
  const muxed = tracks.filter((track) => !isSparse(track));
  const inOrder = [...muxed.filter(isVideo), ...muxed.filter((track) => !isVideo(track))];
  return new Map(inOrder.map(({ id }, index) => [id, { index, count: muxed.length }]));
}

/** Media time up to which the reference is known, µs: no later cut is before it. */
export function edgeOf({ writer, firstUs, cutUs }: RunState): number {
  return writer.first ? firstUs + ticksToUs(writer.end - writer.first.dts, writer.track.timescale) : cutUs;
}

/** Seconds of the open segment. */
export function elapsedS(run: RunState): number {
  return (edgeOf(run) - run.cutUs) / 1e6;
}

/**
 * Expected GOP, seconds: of a live encoder the last one, of bursts, which begin with key frames, the longest
 * one.
 */
export function nextGopS({ context, gopS, lastKey, writer }: RunState, key: Frame): number {
  if (lastKey === undefined) return gopS;
  const seenS = (key.dts - lastKey) / writer.track.timescale;
  return context.pace.kind === 'continuous' ? seenS : Math.max(gopS, seenS);
}

/** How long the tracks of a run wait for each other. @param delayUs delay of the reference by B-frames, µs */
export function latenessOf({ pace }: RunContext, delayUs: number): LatenessLimits {
  if (pace.kind === 'continuous') {
    const { apartUs = 0 } = pace;
    return { aheadUs: LATENESS.aheadUs + apartUs, behindUs: LATENESS.behindUs + delayUs + apartUs };
  }
  const us = Math.max(MIN_BURST_LATENESS_US, LATENESS_BURSTS * pace.intervalS * 1e6);
  return { aheadUs: us, behindUs: us };
}
