/**
 * Adapter from a window of a recording, complete or growing, to a presentation.
 * In: recorded groups in order, init sections. Out: delivery/format. docs/media.md 15 to 17. Pure.
 */

import { type CaptionChannel, mergeCaptions } from '@oxbow/media/captions/caption-channel';
import type { Track } from '@oxbow/media/frame';
import { longestTargetS, PeakRate } from '@oxbow/media/peak-rate';
import type { Description, Presentation, PresentationSegment } from '@oxbow/media/presentation';
import { type Rendition, renditionsOf } from '@oxbow/media/rendition-set';
import type { Init } from '@oxbow/media/segment';
import type { SegmentLocation } from '../../archive/segment-store.ts';
import { HOLE_US } from '../../live/continuity.ts';
import { HEADROOM } from '../../packager/generation.ts';
import { liveMsnOf } from '../../recording/healed/healed-numbers.ts';
import type { RecordedGroup, RecordedTrack } from '../../recording/recording-reader.ts';

/** The recorded groups of a range. */
interface RecordedRange {
  /**
   * In order of time, at least one. Can be iterated repeatedly; like `Presentation.segments`, it may yield
   * one object for all.
   */
  readonly groups: Iterable<RecordedGroup>;
  readonly initOf: (number: number) => Init | undefined;
  /** Closed captions of a run; absent where they are not known. */
  readonly captionsOf?: ((run: number) => Description['captions']) | undefined;
}

/** A recorded segment, and where its media is stored. */
export interface StoredSegment extends PresentationSegment {
  readonly location: SegmentLocation;
  /** Each one range of the stored object, or of another object. */
  readonly tracks: readonly RecordedTrack[];
}

/** A window of a recording. */
export type PastWindow = Presentation<StoredSegment>;

/** The presentation of a window. */
export function pastPresentation(
  range: RecordedRange,
  window: Omit<PastWindow, 'describe' | 'segments' | 'mediaSequence' | 'discontinuitySequence'>,
): PastWindow {
  const { msn, discontinuitySequence } = firstOf(range.groups)!;
  const mediaSequence = liveMsnOf(msn);
  const segments = { [Symbol.iterator]: () => present(range) };
  let description: Description | undefined;
  const describeOnce = () => {
    description ??= describe(segments, window, range.captionsOf);
    return description;
  };
  return { ...window, segments, mediaSequence, discontinuitySequence, describe: describeOnce };
}

/**
 * Reuses one object, without a generator: a day has 43,200 segments, and a generator would take a third of
 * the time.
 */
function present({ groups, initOf }: RecordedRange): Iterator<StoredSegment> {
  const source = groups[Symbol.iterator]();
  const segment = {
    msn: -1,
    run: 0,
    init: undefined as Init | undefined,
    utcOffsetUs: 0,
    startUs: 0,
    durationUs: 0,
    discontinuity: false,
    tracks: [] as readonly RecordedTrack[],
    location: '' as SegmentLocation,
    lost: false,
    open: false,
    initNumber: -1,
    sourceInit: -1,
  };
  const result: IteratorResult<StoredSegment> = { done: false, value: segment };
  return {
    next() {
      const step = source.next();
      if (step.done) return step;
      const group = step.value;
      segment.discontinuity = segment.msn >= 0 && !joins(segment, group);
      if (segment.initNumber !== group.initNumber) segment.init = initOf(group.initNumber);
      segment.run = group.run;
      segment.initNumber = group.initNumber;
      segment.sourceInit = sourceInitOf(group);
      segment.utcOffsetUs = group.utcOffsetUs;
      segment.tracks = group.tracks;
      segment.location = group.location;
      segment.msn = group.msn;
      segment.startUs = group.startUs;
      segment.durationUs = group.durationUs;
      return result;
    },
    return() {
      source.return?.();
      return { done: true, value: undefined };
    },
  };
}

/** The segments of a range, as separate objects. */
export function listStored(range: RecordedRange): StoredSegment[] {
  const segments = { [Symbol.iterator]: () => present(range) };
  return Array.from(segments, (segment) => ({ ...segment, tracks: segment.tracks.map((track) => ({ ...track })) }));
}

/** The newest tracks, and for each rendition the peak of its segments. */
function describe(
  segments: Iterable<StoredSegment>,
  { ended, targetDurationS }: Pick<PastWindow, 'ended' | 'targetDurationS'>,
  captionsOf: RecordedRange['captionsOf'],
): Description {
  const targetS = longestTargetS(segments, targetDurationS);
  const peaks = new Map<string, PeakRate>();
  let tracks: readonly Track[] = [];
  const runs = new Set<number>();
  for (const { init, run, durationUs, tracks: media } of segments) {
    runs.add(run);
    tracks = init?.tracks ?? [];
    if (durationUs <= 0) continue;
    for (const rendition of renditionsOf(tracks).all) {
      let bytes = 0;
      for (const { id } of rendition.tracks)
        bytes += media.find((trackMedia) => trackMedia.trackId === id)?.length ?? 0;
      const peak = peaks.get(rendition.id) ?? new PeakRate(targetS);
      peaks.set(rendition.id, peak);
      peak.add(durationUs, bytes);
    }
  }
  const headroom = ended ? 1 : HEADROOM;
  return {
    tracks,
    captions: captionsOf && captionsIn([...runs].map(captionsOf), ended),
    bandwidthOf: ({ id }) => (peaks.get(id)?.rate ?? 0) * headroom,
    frameRateOf: (rendition) => frameRateOf(segments, rendition),
  };
}

/** Those of any run. There are none if no run has any, and none can be added. */
function captionsIn(byRun: readonly Description['captions'][], ended: boolean): Description['captions'] {
  const captions = byRun.reduce<readonly CaptionChannel[]>((sum, channels) => mergeCaptions(sum, channels ?? []), []);
  if (captions.length > 0) return captions;
  return ended && byRun.every((channels) => channels !== undefined) ? [] : undefined;
}

/** Frames of the first segment that has the video, divided by their duration. */
function frameRateOf(segments: Iterable<StoredSegment>, rendition: Rendition): number | undefined {
  const video = rendition.tracks.find((track) => track.kind === 'video');
  if (!video) return undefined;
  for (const { tracks } of segments) {
    const media = tracks.find((track) => track.trackId === video.id);
    if (media) return Math.round((media.samples * video.timescale * 1000) / media.duration) / 1000;
  }
  return undefined;
}

/** The first of a sequence. */
export function firstOf<T>(sequence: Iterable<T>): T | undefined {
  for (const item of sequence) return item;
  return undefined;
}

/**
 * Whether `group` continues where `before` ended: same run, same configuration of the stream, nothing between
 * them.
 */
export function joins(
  before: Pick<RecordedGroup, 'run' | 'initNumber' | 'sourceInit' | 'msn' | 'startUs' | 'durationUs'>,
  group: RecordedGroup,
): boolean {
  if (before.run !== group.run || sourceInitOf(before) !== sourceInitOf(group) || group.msn !== before.msn + 1)
    return false;
  return Math.abs(group.startUs - before.startUs - before.durationUs) < HOLE_US;
}

/** The renditions of a stream have the same discontinuities: those of the configuration. */
function sourceInitOf({ sourceInit, initNumber }: Pick<RecordedGroup, 'sourceInit' | 'initNumber'>): number {
  return sourceInit ?? initNumber;
}
