/**
 * The recorded qualities of a stream in its past: which of them a window, a DVR playlist or a file can have.
 * In: a stream with its qualities, a range. Out: presentations with variants; a quality in place of the
 * stream. docs/media.md 14, 15.
 */

import type { Description } from '@oxbow/media/presentation';
import { isDerived, replacesSource, rungOf } from '@oxbow/media/rendition-set';
import { printRfc3339 } from '../../api/instant.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { DerivedQuality, LiveWindowView } from '../../packager/live-segment.ts';
import type { ServedStream } from '../served-stream.ts';
import type { PastWindow } from './past-presentation.ts';

/**
 * A window lists a quality that has at least this share of its segments: players do not have to leave it
 * soon.
 */
const NEARLY = 0.9;
/**
 * One that takes the place of the source needs all of them: its gaps would be in every quality.
 */
const leastOf = (rung: string | undefined) => (replacesSource({ id: `v0-${rung}` }) ? 1 : NEARLY);
/** Segments by which a quality may be later than its stream. */
const LATE_SEGMENTS = 12;
/** This much of the index is read at once, µs: the event loop is free in between. */
const STEP_US = 3600 * 1_000_000;

/** Segments of a window with media, and all. */
function mediaIn({ segments }: PastWindow): { readonly some: number; readonly all: number } {
  let some = 0;
  let all = 0;
  for (const { tracks } of segments) {
    all++;
    if (tracks.length > 0) some++;
  }
  return { some, all };
}

/**
 * A window of a stream with those of its qualities that have nearly all segments. A DASH manifest has those
 * that have all.
 *
 * @param qualities windows of the same range
 */
export function joinQualities(window: PastWindow, qualities: readonly PastWindow[]): PastWindow {
  const counted = qualities.map((quality) => ({ quality, ...mediaIn(quality) }));
  const listed = counted.filter(({ quality, some, all }) => {
    return some >= NEARLY * all && some >= leastOf(quality.describe().tracks.find(isDerived)?.rung) * all;
  });
  if (listed.length === 0) return window;
  let description: Description | undefined;
  const describe = () => {
    description ??= describeAll(
      window.describe(),
      listed.map(({ quality }) => quality.describe()),
    );
    return description;
  };
  const beside = listed.filter(({ some, all }) => some === all).map(({ quality }) => quality);
  return { ...window, describe, beside };
}

/** The renditions of a window and its qualities; the best quality first. */
function describeAll(full: Description, qualities: readonly Description[]): Description {
  const byRung = new Map(
    qualities.flatMap((quality) => quality.tracks.filter(isDerived).map((track) => [track.rung, { quality, track }])),
  );
  const of = (renditionId: string) => byRung.get(rungOf(renditionId) ?? '')?.quality ?? full;
  const derived = [...byRung.values()].map(({ track }) => track);
  return {
    ...full,
    tracks: [...full.tracks, ...derived.sort((a, b) => b.config.height - a.config.height)],
    bandwidthOf: (rendition) => of(rendition.id).bandwidthOf(rendition),
    frameRateOf: (rendition) => of(rendition.id).frameRateOf(rendition),
  };
}

/**
 * The live qualities of a view that are recorded over nearly all of a DVR playlist.
 *
 * @param fromUs where it begins, µs since 1970
 */
export async function dvrQualities(
  stream: ServedStream,
  { qualities = [] }: Pick<LiveWindowView, 'qualities'>,
  fromUs: number,
): Promise<DerivedQuality[]> {
  if (qualities.length === 0) return [];
  const segmentCount = await stream.recording.countFrom(fromUs);
  const counts = qualities.map(({ track }) => stream.qualities?.get(track.rung)?.recording.countFrom(fromUs) ?? 0);
  const counted = await Promise.all(counts);
  return qualities.filter(({ track }, i) => counted[i]! + LATE_SEGMENTS >= leastOf(track.rung) * segmentCount);
}

/**
 * The quality of a stream that is recorded in a range without a hole, as a stream: for clips and exports of
 * it. Its segments are the video of the quality with the sound of the stream.
 *
 * @param rung its name in rendition ids, e.g. its height
 * @returns undefined if it is not recorded, or misses a segment that the stream has
 */
async function recordedQuality(
  stream: Pick<ServedStream, 'qualities'>,
  rung: string,
  { fromUs, toUs }: { readonly fromUs: number; readonly toUs: number },
): Promise<ServedStream | undefined> {
  const quality = stream.qualities?.get(rung);
  if (!quality) return undefined;
  let isComplete = false;
  for (let stepUs = fromUs; stepUs < toUs; stepUs += STEP_US) {
    for (const { tracks } of await quality.recording.walk(stepUs, Math.min(stepUs + STEP_US, toUs))) {
      if (tracks.length === 0) return undefined;
      isComplete = true;
    }
  }
  return isComplete && quality.settled(toUs) ? quality : undefined;
}

/**
 * The stream that a clip is made of.
 *
 * @param quality of the request, e.g. `480` or `480p`; null: the picture of the source
 * @throws OxbowError `no-media` if the quality is not recorded there
 */
export async function clipSource(
  stream: ServedStream,
  range: { readonly fromUs: number; readonly toUs: number },
  quality: string | null,
): Promise<ServedStream> {
  if (quality === null || quality === '') return stream;
  const rung = /^\d+p$/.test(quality) ? quality.slice(0, -1) : quality;
  const recorded = await recordedQuality(stream, rung, range);
  if (recorded) return recorded;
  const [from, to] = [range.fromUs, range.toUs].map((us) => printRfc3339(us / 1000));
  const which = `The quality ${quality.slice(0, 24)} of ${stream.name} is not recorded in all of ${from} to ${to}`;
  throw new OxbowError('no-media', `${which}: ${await describeStay(stream, rung)}.`);
}

/** From when to when a quality is recorded, as the end of a sentence. */
async function describeStay(stream: ServedStream, rung: string): Promise<string> {
  const quality = stream.qualities?.get(rung);
  const names = [...(stream.qualities?.keys() ?? [])];
  if (!quality) return names.length === 0 ? 'the stream has none' : `the stream has ${names.join(', ')}`;
  const count = (us: number) => quality.recording.countFrom(us);
  const segmentCount = await count(0);
  if (segmentCount === 0) return 'it is not recorded';
  const sinceUs = await lastWhere(stream.createdUs, async (us) => (await count(us)) === segmentCount);
  const untilUs = await lastWhere(sinceUs, async (us) => (await count(us)) > 0);
  const [since, until] = [sinceUs, untilUs].map((us) => printRfc3339(us / 1000));
  return `it is recorded from ${since} until ${until} or later`;
}

/** The last instant at which something holds that holds up to it, µs since 1970. */
async function lastWhere(fromUs: number, holds: (us: number) => Promise<boolean>): Promise<number> {
  let [trueUs, stepUs] = [fromUs, STEP_US];
  while (await holds(trueUs + stepUs)) {
    trueUs += stepUs;
    stepUs *= 2;
  }
  for (stepUs /= 2; stepUs >= 0.25; stepUs /= 2) if (await holds(trueUs + stepUs)) trueUs += stepUs;
  return Math.round(trueUs);
}
