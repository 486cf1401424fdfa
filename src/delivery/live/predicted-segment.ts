/**
 * Predicts the end of the segment in progress, so that a DASH manifest can list it: only while the last
 * segments are equally long.
 * In: a view of the live window. Out: the open segment with the duration that it will have. ISO 23009-1
 * 5.3.9.6; docs/decisions/0031. Pure.
 */
import type { Track } from '@oxbow/media/frame';
import type { PresentationSegment, PresentationTrack, Rhythm } from '@oxbow/media/presentation';
import { isSparse } from '@oxbow/media/rendition-set';
import { usToTicks } from '@oxbow/media/run';
import type { LivePart, LiveSegment, LiveWindowView } from '../../packager/live-segment.ts';
import { present } from './live-presentation.ts';

/** Segments that must agree. */
const AGREEING = 10;
/** Rounding of times, s. */
const ROUNDING_S = 0.0015;
/** Rounding of a cut in another timescale, µs. */
const CUT_GRACE_US = 1500;

/** The live edge of a view with an open segment whose end is known in advance; undefined while it is not. */
export function predict(view: LiveWindowView): Prediction | undefined {
  const { segments, generation, ended } = view;
  const firstOpen = segments.findIndex(({ sealed }) => !sealed);
  const index = firstOpen < 0 ? segments.length : firstOpen;
  const last = segments.slice(Math.max(0, index - AGREEING), index);
  const newest = last.at(-1);
  if (!newest?.sealed || ended || !generation.parts || last.length < AGREEING) return undefined;
  const tracks = newest.init.tracks.filter((track) => !isSparse(track));
  const areOfOneRun = last.every((segment) => segment.run.id === newest.run.id && segment.init === newest.init);
  if (!areOfOneRun || !tracks.every((track) => agree(last, track))) return undefined;
  const segmentS = newest.sealed.durationUs / 1e6;
  const { targetS, audioTargetS } = generation.parts;
  const open = segments[index];
  const listed = open?.run.id === newest.run.id && open.init === newest.init ? openOf(open, newest, tracks) : undefined;
  return { rhythm: { segmentS, partS: Math.max(targetS, audioTargetS) }, ...(listed && { open: listed }) };
}

/** The prediction of segments to come. */
export interface Prediction {
  readonly rhythm: Rhythm;
  /** The open segment, with its tracks that have begun. */
  readonly open?: PresentationSegment;
}

/**
 * The open segment of a derived quality: its video has the cuts of the stream, so it lasts as long as the
 * segment of the stream with the same MSN.
 *
 * @param view of the quality
 * @param listed segments of the stream, with the predicted one
 * @returns undefined while it has no part, or where the quality has not kept to the cuts
 */
export function predictQuality(
  view: LiveWindowView,
  listed: readonly PresentationSegment[],
): PresentationSegment | undefined {
  const { segments } = view;
  const index = segments.findIndex(({ sealed }) => !sealed);
  const [before, open] = [segments[index - 1], segments[index]];
  const same = open && listed.findLast(({ msn }) => msn === open.msn);
  const track = open?.init.tracks.find(({ kind }) => kind === 'video');
  const parts = (track && open!.parts.get(track.id)) ?? [];
  const cutUs = before?.sealed && Math.abs(open!.startUs - before.startUs - before.sealed.durationUs);
  if (!same || !track || parts.length === 0 || same.run !== open!.run.id || !(cutUs! < CUT_GRACE_US)) return undefined;
  const media = {
    trackId: track.id,
    tfdt: parts[0]!.pts,
    firstPtsOffset: 0,
    duration: Math.max(usToTicks(same.durationUs, track.timescale), ticksOf(parts)),
    length: parts.reduce((sum, { length }) => sum + length, 0),
  };
  return { ...present(open!, false), durationUs: same.durationUs, tracks: [media] };
}

function openOf(open: LiveSegment, before: LiveSegment, tracks: readonly Track[]): PresentationSegment | undefined {
  const { durationUs } = before.sealed!;
  const endUs = open.startUs + durationUs - open.run.utcOffsetUs;
  const begun = tracks.flatMap((track) => predictTrack(open, track, endUs, before) ?? []);
  return begun.length === 0 ? undefined : { ...present(open, false), durationUs, tracks: begun };
}

/** Whether a track has the same duration in all segments, within a frame. */
function agree(segments: readonly LiveSegment[], { id, timescale }: Track): boolean {
  const media = segments.flatMap(({ sealed }) => sealed?.tracks.get(id) ?? []);
  const durations = media.map(({ duration }) => duration);
  const [first] = media;
  if (!first || media.length < segments.length) return false;
  const frame = first.duration / Math.max(1, first.samples);
  return Math.max(...durations) - Math.min(...durations) <= frame + ROUNDING_S * timescale;
}

/**
 * A track up to the end of the segment: of audio, up to the frame that begins there.
 *
 * @param endUs media time at which the segment ends, µs
 */
function predictTrack(
  open: LiveSegment,
  { id, kind, timescale }: Track,
  endUs: number,
  before: LiveSegment,
): PresentationTrack | undefined {
  const parts = open.parts.get(id) ?? [];
  const [first] = parts;
  const media = before.sealed?.tracks.get(id);
  if (!first || !media) return undefined;
  const frame = media.duration / media.samples;
  const toEnd = usToTicks(endUs, timescale) - first.pts;
  const frames = Math.ceil((toEnd - ROUNDING_S * timescale) / frame);
  const predicted = kind === 'audio' ? Math.round(frames * frame) : media.duration;
  return {
    trackId: id,
    tfdt: first.pts,
    firstPtsOffset: 0,
    // A segment that lasts longer than predicted is listed as long as it is.
    duration: Math.max(predicted, ticksOf(parts)),
    length: parts.reduce((sum, { length }) => sum + length, 0),
  };
}

function ticksOf(parts: readonly LivePart[]): number {
  return parts.reduce((sum, { duration }) => sum + duration, 0);
}
