/**
 * Adapter from a live window to a presentation.
 * In: a view of packager/live-window. Out: delivery/format. RFC 8216bis 4.4.3.8, 6.2 and appendix B. Pure.
 */
import { sortDateRanges } from '@oxbow/media/m3u8/date-range';
import { PeakRate } from '@oxbow/media/peak-rate';
import type {
  Description,
  LiveEdge,
  PartEdge,
  PartName,
  Presentation,
  PresentationSegment,
} from '@oxbow/media/presentation';
import { isSubtitle, type Rendition } from '@oxbow/media/rendition-set';
import { type Generation, HEADROOM } from '../../packager/generation.ts';
import type { DerivedQuality, LiveSegment, LiveWindowView } from '../../packager/live-segment.ts';
import { nextPartOf, partsOf, positionOf } from '../../packager/rendition-view.ts';

/** Parts are listed for the last three target durations (RFC 8216bis 6.2.2 requires no less). */
const PARTS_FOR_TARGETS = 3;
/** Listed durations are rounded and slightly short: tolerance for the parts to list, µs. */
const PARTS_GRACE_US = 50_000;
/** Nothing younger than six target durations may be skipped (4.4.3.8). */
export const SKIP_AFTER_TARGETS = 6;
/** A BANDWIDTH of the first frames that is further off than this share of the measured one is replaced. */
const OFF_BY = 0.2;
/**
 * Measured values are listed in steps of this factor, so that a rate that wanders does not change the list
 * each time.
 */
const STEP = 1.2;
/**
 * Media after which a rate that is lower than announced is believed, target durations; less in a list that is
 * shorter.
 */
const LOWER_AFTER_TARGETS = 5;

/**
 * The presentation of a view.
 *
 * @param beside renditions of other windows, see `besideOf`
 */
export function livePresentation(view: LiveWindowView, beside?: LiveEdge['beside']): Presentation {
  const { generation, ended } = view;
  const { targetDurationS, holdBackS, parts } = generation;
  const sealed = view.segments.filter((segment) => segment.sealed);
  const open = parts && !ended ? view.segments.find((segment) => !segment.sealed) : undefined;
  const [first] = view.segments;
  return {
    describe: () => describe(view),
    segments: {
      *[Symbol.iterator]() {
        const afterUs = durationsAfter(sealed);
        const partsForUs = PARTS_FOR_TARGETS * targetDurationS * 1e6 + PARTS_GRACE_US;
        for (const [i, segment] of sealed.entries()) yield present(segment, afterUs[i]! < partsForUs);
        if (open) yield present(open, true);
      },
    },
    mediaSequence: first?.msn ?? 0,
    discontinuitySequence: first ? discontinuitiesBefore(first) : 0,
    targetDurationS,
    ended,
    dateRanges: view.dateRanges ? sortDateRanges(view.dateRanges) : [],
    live: {
      generation: generation.number,
      holdBackS,
      canBlockReload: parts !== undefined,
      canSkipUntilS: SKIP_AFTER_TARGETS * targetDurationS,
      skippable() {
        // By their ends, measured from the start of the last segment: none may end after the Skip Boundary.
        const fromUs = SKIP_AFTER_TARGETS * targetDurationS * 1e6 + (sealed.at(-1)?.sealed?.durationUs ?? 0);
        return durationsAfter(sealed).filter((us) => us >= fromUs).length;
      },
      ...(parts && { parts: partEdge(view) }),
      ...(beside && { beside }),
    },
  };
}

/** The renditions of a generation. */
export function describe({
  generation,
  tracks,
  captions,
}: Pick<LiveWindowView, 'generation' | 'tracks' | 'captions'>): Description {
  return {
    tracks,
    captions,
    bandwidthOf: (rendition) => rendition.tracks.reduce((sum, { id }) => sum + (generation.bandwidths[id] ?? 0), 0),
    frameRateOf: () => generation.frameRate,
    ...(generation.audioAlone && { audioAlone: true as const }),
  };
}

/** The renditions of a generation and its derived qualities. */
export function describeAll(view: LiveWindowView): Description {
  const description = describe(view);
  const { qualities = [] } = view;
  if (qualities.length === 0) return description;
  const byId = new Map(qualities.map((quality) => [quality.track.id, quality]));
  return {
    captions: description.captions,
    ...(description.audioAlone && { audioAlone: description.audioAlone }),
    tracks: [...description.tracks, ...qualities.map(({ track }) => track)],
    bandwidthOf: (rendition) =>
      rendition.tracks.reduce(
        (sum, { id }) => sum + (byId.get(id)?.bandwidth ?? 0),
        description.bandwidthOf(rendition),
      ),
    frameRateOf(rendition) {
      const quality = byId.get(rendition.tracks[0]!.id);
      return quality ? quality.frameRate : description.frameRateOf(rendition);
    },
  };
}

/**
 * As `describeAll`, with measured values: BANDWIDTH of a publisher is a guess from its first frames, and
 * players choose by it. For lists that are loaded once; a DASH manifest is loaded again and again, and its
 * representations stay as they were.
 */
export function describeMeasured(view: LiveWindowView): Description {
  const described = describeAll(view);
  const qualities = new Map((view.qualities ?? []).map((quality) => [quality.track.id, quality]));
  const peaks = new Map<string, Rate | undefined>();
  const peakFor = (rendition: Rendition) => {
    const { id, tracks } = rendition;
    if (peaks.has(id)) return peaks.get(id);
    const quality = tracks.map((track) => qualities.get(track.id)).find((each) => each !== undefined);
    const rate = quality
      ? rateOf(quality, peakOf(view, { id, tracks: tracks.filter((track) => track !== quality.track) }))
      : peakOf(view, rendition);
    peaks.set(id, rate);
    return rate;
  };
  const bandwidthOf = (rendition: Rendition) => {
    const announced = described.bandwidthOf(rendition);
    const peak = peakFor(rendition);
    return peak ? followed(announced, peak, view.generation) : announced;
  };
  return {
    ...described,
    bandwidthOf,
    averageBandwidthOf(rendition) {
      const { average = 0, durationUs = 0 } = peakFor(rendition) ?? {};
      const isKnown = durationUs >= view.generation.targetDurationS * 1e6 * LOWER_AFTER_TARGETS;
      return isKnown && average > 0 ? Math.min(bandwidthOf(rendition), twoDigits(average)) : undefined;
    },
  };
}

/** A measured bit rate. */
type Rate = Pick<PeakRate, 'rate' | 'average' | 'durationUs'>;

/**
 * The rate of a quality, whose segments are in another window, with that of the sound beside it; undefined
 * until it is known.
 */
function rateOf({ measured }: DerivedQuality, beside: Rate): Rate | undefined {
  if (!measured) return undefined;
  const rate = measured.peak + beside.rate;
  return { rate, average: measured.average + beside.average, durationUs: Number.POSITIVE_INFINITY };
}

/** Rounded up to two digits, so that an average that wanders seldom changes the list. */
function twoDigits(rate: number): number {
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(rate)) - 1);
  return Math.ceil(rate / unit) * unit;
}

/** Of what is listed. Once segments have left the list it is as long as it becomes: its rate is known. */
function peakOf({ segments, generation }: LiveWindowView, { tracks }: Rendition): Rate {
  const peak = new PeakRate(generation.targetDurationS);
  for (const { sealed } of segments) {
    if (!sealed) continue;
    const bytes = tracks.reduce((sum, { id }) => sum + (sealed.tracks.get(id)?.length ?? 0), 0);
    peak.add(sealed.durationUs, bytes);
  }
  const { rate, average, durationUs } = peak;
  const isFull = segments.length > 0 && segments[0]!.msn > generation.firstMsn;
  return { rate, average, durationUs: isFull ? Number.POSITIVE_INFINITY : durationUs };
}

function followed(announced: number, peak: Rate, { targetDurationS }: Generation): number {
  const measured = peak.rate * HEADROOM;
  const isKnown = peak.durationUs >= targetDurationS * 1e6 * (measured > announced ? 1 : LOWER_AFTER_TARGETS);
  if (!isKnown || measured === 0 || Math.abs(announced - measured) <= OFF_BY * measured) return announced;
  const from = announced || 1;
  return Math.ceil(from * STEP ** Math.ceil(Math.log(measured / from) / Math.log(STEP)));
}

/** The first segment's own DISCONTINUITY tag is counted when the segment leaves the list (4.4.3.3). */
export function discontinuitiesBefore({
  discontinuity,
  discontinuitySequence,
}: Pick<LiveSegment, 'discontinuity' | 'discontinuitySequence'>): number {
  return discontinuitySequence - (discontinuity ? 1 : 0);
}

/** A segment of the live window, with or without its parts. */
export function present(listed: LiveSegment, withParts: boolean): PresentationSegment {
  const { msn, init, run, startUs, runStartUs, discontinuity, sealed } = listed;
  return {
    msn,
    run: run.id,
    init,
    utcOffsetUs: run.utcOffsetUs,
    startUs,
    runStartUs,
    discontinuity,
    lost: false,
    durationUs: sealed?.durationUs ?? 0,
    tracks: sealed ? [...sealed.tracks.values()] : [],
    open: !sealed,
    ...(withParts && { partsOf: (rendition: Rendition) => partsOf(listed, rendition) }),
  };
}

function partEdge(view: LiveWindowView): PartEdge {
  const { partHoldBackS } = view.generation;
  return {
    ...(partHoldBackS !== undefined && { holdBackS: partHoldBackS }),
    targetOf: (rendition) => partTargetOf(view.generation, rendition),
    nextOf(rendition) {
      const next = nextPartOf(view, rendition);
      return next && { msn: next.msn, part: next.parts };
    },
    lastOf: (rendition) => lastPartOf(view, rendition),
  };
}

/** PART-TARGET of a rendition's list, seconds; undefined where it has no parts. */
export function partTargetOf({ parts, bandwidths }: Generation, rendition: Rendition): number | undefined {
  if (isSubtitle(rendition.id)) return undefined;
  const video = rendition.tracks.some((track) => track.kind === 'video');
  const audioOnly = Object.keys(bandwidths).length === 1;
  return video || audioOnly ? parts?.targetS : parts?.audioTargetS;
}

/** The last part of a rendition that is listed. */
export function lastPartOf(view: LiveWindowView, rendition: Rendition): PartName | undefined {
  const position = positionOf(view, rendition);
  if (!position) return undefined;
  if (position.parts > 0) return { msn: position.msn, part: position.parts - 1 };
  const before = view.segments.find((segment) => segment.msn === position.msn - 1);
  return before && { msn: before.msn, part: Math.max(0, partsOf(before, rendition).length - 1) };
}

/** Media after each segment, µs: holes are not counted (RFC 8216bis 4.4.3.8, 6.2.2). */
function durationsAfter(sealed: readonly LiveSegment[]): number[] {
  const after = new Array<number>(sealed.length);
  let us = 0;
  for (let i = sealed.length - 1; i >= 0; i--) {
    after[i] = us;
    us += sealed[i]!.sealed?.durationUs ?? 0;
  }
  return after;
}
