/**
 * The input of a ladder plan, from the facts of an import.
 * In: AssetFacts. Out: LadderSource. Pure.
 */
import type { AssetFacts, AssetTrackFacts } from '../../api/library/asset-facts.ts';
import { isPlayablePicture } from '../../transcode/import/playable.ts';
import type { LadderSource, LadderSourceAudio, LadderSourceVideo } from '../../transcode/ladder/plan-shapes.ts';

/** Names of FFmpeg by code point (ISO/IEC 23091-2, 8.2 and 8.3). */
const TRANSFERS: Readonly<Record<string, string>> = { pq: 'smpte2084', hlg: 'arib-std-b67' };
const MATRICES: Readonly<Record<number, string>> = {
  1: 'bt709',
  4: 'fcc',
  5: 'bt470bg',
  6: 'smpte170m',
  9: 'bt2020nc',
  10: 'bt2020c',
};
/** Aspects of pixels are given with this denominator. */
const ASPECT_SCALE = 10_000;

function videoOf(track: AssetTrackFacts): LadderSourceVideo {
  const {
    stream,
    codec,
    width = 0,
    height = 0,
    rotation = 0,
    frameRate = 0,
    interlaced = false,
    transfer,
    matrix,
    pixelAspect = 1,
  } = track;
  const quarter = ((Math.round(rotation / 90) % 4) * 90) as 0 | 90 | 180 | 270;
  return {
    stream,
    codec,
    width,
    height,
    frameRate,
    rotation: quarter,
    interlaced,
    // A source that browsers do not decode, e.g. H.264 in 4:4:4 or 10 bits, is no quality of the ladder.
    passesThrough: track.trackId !== undefined && isPlayablePicture(codec, track.pixelFormat ?? ''),
    ...(pixelAspect !== 1 && { sampleAspect: { num: Math.round(pixelAspect * ASPECT_SCALE), den: ASPECT_SCALE } }),
    ...(transfer !== undefined && TRANSFERS[transfer] !== undefined && { transfer: TRANSFERS[transfer]! }),
    ...(matrix !== undefined && MATRICES[matrix] !== undefined && { matrix: MATRICES[matrix]! }),
    ...(track.dolbyVision !== undefined && { dolbyVision: { profile: track.dolbyVision } }),
    ...(track.bitRate !== undefined && { bitRate: track.bitRate }),
  };
}

function audioOf({ stream, codec, channels = 2, sampleRate = 48_000, ...track }: AssetTrackFacts): LadderSourceAudio {
  const { language, title, trackId } = track;
  return { stream, codec, channels, sampleRate, language, label: title, passesThrough: trackId !== undefined };
}

/** The first picture and every sound of an original. */
export function ladderSourceOf({ tracks }: AssetFacts): LadderSource {
  const video = tracks.find(({ kind }) => kind === 'video');
  return { ...(video && { video: videoOf(video) }), audio: tracks.filter(({ kind }) => kind === 'audio').map(audioOf) };
}
