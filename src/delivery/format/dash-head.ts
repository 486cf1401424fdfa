/**
 * The attributes of an MPD, and the clock that its players use.
 * In: the kind of a presentation, and where its segments begin and end. Out: attributes and elements. ISO
 * 23009-1 5.3.1.2 and 5.8.4.11; docs/media.md 19. Pure.
 */
import type { LiveEdge, Rhythm } from '@oxbow/media/presentation';
import { type Attributes, element, printDateTime, printDuration } from './xml.ts';

/** suggestedPresentationDelay of a growing window, target durations. */
const DELAY_TARGETS = 3;

/** How often players look for an open segment, s: dash.js looks once a second at most. */
const UPDATE_S = 1;
/**
 * The manifest that states the duration is published later than the one before, µs; the static one this much
 * later again.
 */
const ENDED_US = 100_000;
/** Players round the end of the presentation, µs. */
const END_GRACE_US = 1000;
/**
 * Longer than the listed segments, target durations: Shaka Player takes the start of its buffer for that of
 * the manifest when a stream ends, and would move everything where its clock has passed the first segment
 * meanwhile.
 */
const DEPTH_TARGETS = 2;
/** Least latency, s: as long as players may not know of an open segment, and a reserve. */
const LEAST_LATENCY_S = 1.5;
/** More where there are derived qualities, which come later than the stream by their encoder, s. */
const ENCODER_S = 1;
/** Viewers may seek back as far as the manifest reaches: dash.js undoes each seek beyond the maximum, ms. */
const MAX_LATENCY_MS = 86_400_000;
/** Latency in parts, where they are long. */
const LATENCY_PARTS = 4;

/** A stretch of time. */
interface Extent {
  /** Start of the first segment, µs since 1970. */
  readonly startUs: number;
  /** End of the last segment, µs since 1970. */
  readonly endUs: number;
  /** No track of the last Period ends before it, µs since 1970. */
  readonly commonEndUs: number;
  /** Longest segment, µs. */
  readonly longestUs: number;
  /** How much later than `endUs` it is published, because of the open segment that it lists, µs. */
  readonly openUs: number;
}

/** The input of the head. */
interface Headed {
  readonly ended: boolean;
  /** Whole seconds. */
  readonly targetDurationS: number;
  readonly live?: HeadedLive;
  /** Derived qualities. */
  readonly beside?: readonly unknown[];
}

type HeadedLive = Pick<LiveEdge, 'holdBackS' | 'rhythm' | 'updateS' | 'isEnding'>;

/** UTC of time 0 of the presentation, µs since 1970: 1970 of a live stream, the first segment of a window. */
export function originOf({ live }: Headed, { startUs }: Extent): number {
  return live ? 0 : startUs;
}

/** The common members of windows and live manifests, then those of only one. */
export function headOf(presentation: Headed, extent: Extent): Attributes {
  const { targetDurationS } = presentation;
  return {
    ...(presentation.live ? liveHead(presentation, presentation.live, extent) : windowHead(presentation, extent)),
    minBufferTime: `PT${targetDurationS}S`,
    maxSegmentDuration: printDuration(extent.longestUs),
  };
}

function windowHead({ ended, targetDurationS }: Headed, { startUs, endUs }: Extent): Attributes {
  const availabilityStartTime = printDateTime(startUs);
  if (ended)
    return { type: 'static', availabilityStartTime, mediaPresentationDuration: printDuration(endUs - startUs) };
  return {
    type: 'dynamic',
    availabilityStartTime,
    publishTime: printDateTime(endUs),
    minimumUpdatePeriod: `PT${targetDurationS}S`,
    suggestedPresentationDelay: `PT${DELAY_TARGETS * targetDurationS}S`,
  };
}

/**
 * The times of a live presentation count from 1970, also after its end: a player that plays it continues
 * where it is.
 *
 * It ends in two steps (5.4): first it is dynamic with a duration, then it is static. Shaka Player takes a
 * static manifest that follows one without a duration for one whose times begin at 0, adds them up, and never
 * ends if it has loaded the last segment already.
 */
function liveHead(
  { ended, targetDurationS, beside = [] }: Headed,
  { holdBackS, rhythm, updateS = targetDurationS, isEnding = false }: HeadedLive,
  { startUs, endUs, commonEndUs, openUs }: Extent,
): Attributes {
  const isStatic = ended && !isEnding;
  const publishTime = printDateTime(endUs + openUs + ENDED_US * (Number(ended) + Number(isStatic)));
  const common = {
    type: isStatic ? 'static' : 'dynamic',
    availabilityStartTime: printDateTime(0),
    publishTime,
    mediaPresentationDuration: ended ? printDuration(commonEndUs - END_GRACE_US) : undefined,
  };
  if (isStatic) return common;
  return {
    ...common,
    minimumUpdatePeriod: `PT${rhythm ? Math.min(targetDurationS, UPDATE_S) : updateS}S`,
    timeShiftBufferDepth: `PT${Math.ceil((endUs - startUs) / 1e6) + DEPTH_TARGETS * targetDurationS}S`,
    suggestedPresentationDelay: `PT${rhythm ? lowLatencyS(rhythm, beside.length > 0) : holdBackS + updateS - targetDurationS}S`,
  };
}

/** Distance to the live edge that players should keep, s. */
function lowLatencyS({ partS }: Rhythm, isLate: boolean): number {
  return Math.max(LEAST_LATENCY_S, Math.ceil(LATENCY_PARTS * partS * 10) / 10) + (isLate ? ENCODER_S : 0);
}

/**
 * How far behind players should be, and how they may catch up (annex K.4).
 *
 * @param isLate there are derived qualities
 */
export function serviceDescription(rhythm: Rhythm, isLate: boolean): string {
  const targetMs = Math.round(lowLatencyS(rhythm, isLate) * 1000);
  return element('ServiceDescription', { id: 0 }, [
    element('Latency', { target: targetMs, max: MAX_LATENCY_MS }),
    element('PlaybackRate', { min: 0.96, max: 1.04 }),
  ]);
}

/**
 * Since when a segment can be requested before its end: from its first part on.
 *
 * @returns attributes of the addressing (5.3.9.2)
 */
export function availability(rhythm: Rhythm | undefined): Attributes {
  if (!rhythm) return {};
  const offset = Math.max(0, rhythm.segmentS - rhythm.partS);
  return { availabilityTimeOffset: Number(offset.toFixed(3)), availabilityTimeComplete: 'false' };
}

/**
 * Where players read the server's time: its text, otherwise the Date of a HEAD. The address is relative to
 * the BaseURL (5.6.4).
 */
export function utcTiming(): string[] {
  return ['http-iso', 'http-head'].map((scheme) =>
    element('UTCTiming', { schemeIdUri: `urn:mpeg:dash:utc:${scheme}:2014`, value: 'time.txt' }),
  );
}
