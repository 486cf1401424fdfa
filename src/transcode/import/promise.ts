/**
 * Compares the times that a file states with the imported media, so that no loss goes unreported.
 * In: FFmpeg's description, the result of reading. Out: the streams that belong together; warnings. Pure.
 */

import type { FileMovie } from '@oxbow/media/isobmff/movie/progressive';
import type { DemuxInfo, DemuxStream } from '../../ffmpeg/demux.ts';
import { APART_US } from './sound-span.ts';

/**
 * Less than this is no loss: containers round, and tracks end at different times. µs, and a share of the
 * whole.
 */
const TOLERANCE_US = 2_000_000;
const TOLERANCE = 0.02;
/** Fewer hidden pictures are a matter of rounding, s. */
const LEAST_HIDDEN_S = 0.1;
/** Containers whose duration is that of their packets; FFmpeg guesses that of others from their bit rate. */
const TIMED: ReadonlySet<string> = new Set(['mov', 'matroska', 'mpegts', 'flv', 'ogg', 'wav']);

/** The streams of a file that have the clock of its reference. */
interface ClockChoice {
  readonly streams: readonly DemuxStream[];
  readonly warnings: readonly string[];
}

/**
 * Leaves out the streams that share no time with the reference: a capture of a multiplex has programmes with
 * separate clocks, and the distance between two clocks is no silence (ISO/IEC 13818-1, 2.4.2.1).
 */
export function onOneClock({ streams, durationUs }: DemuxInfo, reference: DemuxStream): ClockChoice {
  const { startUs: firstUs } = reference;
  if (firstUs === undefined) return { streams, warnings: [] };
  const lastUs = firstUs + Math.max(reference.durationMs * 1000, durationUs);
  const isApart = ({ startUs, durationMs, isAttachment }: DemuxStream) => {
    if (startUs === undefined || isAttachment) return false;
    const endUs = durationMs > 0 ? startUs + durationMs * 1000 : Number.POSITIVE_INFINITY;
    return startUs > lastUs + APART_US || endUs < firstUs - APART_US;
  };
  const apart = streams.filter(isApart);
  if (apart.length === 0) return { streams, warnings: [] };
  const names = apart.map(({ index, codec }) => `${index} (${codec || 'unknown'})`).join(', ');
  const reason = `Of several clocks, as programmes of a capture have, only that of stream ${reference.index} is taken`;
  return {
    streams: streams.filter((stream) => !apart.includes(stream)),
    warnings: [`${reason}: streams left out are ${names}.`],
  };
}

/**
 * Why no track of a file can be stored as it is, although its codecs can: its edit list hides pictures that
 * the first one it shows is decoded from, or joins several stretches (ISO/IEC 14496-12, 8.6.6). Players of
 * HLS would show the pictures that were cut off.
 */
export function encodeAllBecause({ tracks }: FileMovie): string | undefined {
  const video = tracks.find(({ track }) => track.kind === 'video');
  const hiddenS = video?.hiddenS ?? 0;
  if (hiddenS >= LEAST_HIDDEN_S)
    return `The file hides ${hiddenS.toFixed(1)} s before its start (edit list): they are left out, and the picture is encoded for playing.`;
  const hasMany = tracks.some(({ source, track }) => source.manyEdits && (track.kind === 'video' || !video));
  return hasMany ? 'The file joins several stretches (edit list): it is encoded for playing.' : undefined;
}

/** What reading a file has taken. */
interface Taken {
  /** µs */
  readonly endUs: number;
  /** Time of the container at which the asset begins, µs. */
  readonly originUs: number;
  /** The losses so far, for a person. */
  readonly warnings: readonly string[];
}

/** Warns where a file says that it lasts longer than its media. */
export function shortfall(
  info: DemuxInfo,
  streams: readonly DemuxStream[],
  { endUs, originUs, warnings }: Taken,
): readonly string[] {
  if (
    !TIMED.has(info.container.split(',')[0]!) ||
    warnings.some((warning) => warning.startsWith('The file ends early'))
  )
    return [];
  const ends = streams.flatMap(({ kind, isAttachment, startUs, durationMs }) =>
    kind === 'text' || kind === 'data' || isAttachment || startUs === undefined || durationMs === 0
      ? []
      : [startUs + durationMs * 1000],
  );
  // Where no track has a duration, as in Matroska, that of the file may be that of its subtitles.
  const hasTexts = streams.some(({ kind }) => kind === 'text');
  const lastUs = ends.length > 0 ? Math.max(...ends) : hasTexts ? 0 : info.startUs + info.durationUs;
  const saidUs = lastUs - originUs;
  if (saidUs - endUs <= Math.max(TOLERANCE_US, saidUs * TOLERANCE)) return [];
  const seconds = (us: number) => (us / 1_000_000).toFixed(1);
  return [`The file says that it lasts ${seconds(saidUs)} s; ${seconds(endUs)} s were found in it.`];
}

/**
 * Sound that is in no quality.
 * @param earlyUs before the first picture
 * @param apartUs behind everything, with another clock
 */
export function lostSound(earlyUs: number, apartUs: number): readonly string[] {
  const seconds = (us: number) => `${(us / 1_000_000).toFixed(1)} s of sound`;
  return [
    ...(earlyUs > 0 ? [`${seconds(earlyUs)} before the first picture were left out.`] : []),
    ...(apartUs > 0
      ? [`${seconds(apartUs)} long after the end of the picture were left out: they have another clock.`]
      : []),
  ];
}
