/**
 * The ladder that would be made of a file or an address, without an import.
 * In: bytes of a file, or the tracks of a probed source. Out: a plan.
 */
import type { ProbeView } from '../../api/probe.ts';
import { type DemuxInfo, type DemuxStream, openDemuxer } from '../../ffmpeg/demux.ts';
import type { StreamInput } from '../../ffmpeg/stream-input.ts';
import { isPlayablePicture } from '../import/playable.ts';
import { noLadder, planLadder } from './plan.ts';
import type { LadderPlan, LadderSettings, LadderSource, LadderSourceVideo } from './plan-shapes.ts';

const OPEN_MS = 20_000;
/** Code points of ISO/IEC 23091-2, 8.2 and 8.3, as names of FFmpeg. */
const TRANSFERS: Readonly<Record<number, string>> = { 16: 'smpte2084', 18: 'arib-std-b67' };
const MATRICES: Readonly<Record<number, string>> = { 1: 'bt709', 5: 'bt470bg', 6: 'smpte170m' };
const ASPECT_SCALE = 10_000;
/** The codecs that players play without conversion. */
const PLAYABLE = new Set(['h264', 'aac', 'ac3', 'eac3']);
/** Profiles of H.264 with 10 bits, 4:2:2 or 4:4:4: no browser decodes them (RFC 6381, 3.3). */
const DEEP = /^avc[13]\.(6e|7a|f4|2c)/i;

/**
 * The ladder of a file.
 *
 * @param options.always encodes a rung that the file itself has, too
 * @throws OxbowError `unsupported-media`, `engine-failed`
 */
export async function ladderOfFile(
  input: StreamInput,
  settings: LadderSettings | undefined,
  { signal, always = false }: { readonly signal: AbortSignal; readonly always?: boolean },
): Promise<LadderPlan> {
  if (!settings) return noLadder;
  await using demuxer = await openDemuxer(input, { openMs: OPEN_MS, signal });
  const { video, audio } = sourceOf(demuxer.info);
  return planLadder({ audio, ...(video && { video: always ? { ...video, passesThrough: false } : video }) }, settings);
}

/** The ladder of a source whose tracks are known. */
export function ladderOfTracks(
  { tracks }: Pick<ProbeView, 'tracks'>,
  settings: LadderSettings | undefined,
): LadderPlan {
  if (!settings) return noLadder;
  const picture = tracks.find(({ kind }) => kind === 'video');
  const codecOf = (codecs: string) =>
    /^avc/.test(codecs) ? 'h264' : /^mp4a/.test(codecs) ? 'aac' : codecs.split('.')[0]!;
  const audio = tracks
    .filter(({ kind }) => kind === 'audio')
    .map(({ id, codecs, channels = 2, sampleRate = 48_000, language }) => {
      const codec = codecOf(codecs);
      return { stream: id, codec, channels, sampleRate, language, passesThrough: PLAYABLE.has(codec) };
    });
  if (!picture?.width || !picture.height) return planLadder({ audio }, settings);
  const { id, codecs, width, height, frameRate = 0 } = picture;
  const codec = codecOf(codecs);
  return planLadder(
    {
      video: { stream: id, codec, width, height, frameRate, passesThrough: PLAYABLE.has(codec) && !DEEP.test(codecs) },
      audio,
    },
    settings,
  );
}

function sourceOf({ streams, bitRate }: DemuxInfo): LadderSource {
  const video = streams.find(({ kind, isAttachment }) => kind === 'video' && !isAttachment);
  const audio = streams.filter(({ kind }) => kind === 'audio');
  return {
    ...(video && { video: videoOf(video, bitRate) }),
    audio: audio.map(({ index, codec, channels, sampleRate, language, title }) => ({
      stream: index,
      codec,
      channels,
      sampleRate,
      language,
      label: title,
      passesThrough: PLAYABLE.has(codec),
    })),
  };
}

/** @param fileBitRate where the stream has none */
function videoOf(stream: DemuxStream, fileBitRate: number): LadderSourceVideo {
  const { index, codec, width, height, pixelAspect, frameRate, transfer, matrix, dolbyVision } = stream;
  const transferName = TRANSFERS[transfer];
  const matrixName = MATRICES[matrix];
  return {
    stream: index,
    codec,
    width,
    height,
    frameRate,
    passesThrough: PLAYABLE.has(codec) && isPlayablePicture(codec, stream.format),
    bitRate: stream.bitRate || fileBitRate,
    rotation: ((Math.round(stream.rotation / 90) % 4) * 90) as 0 | 90 | 180 | 270,
    ...(pixelAspect !== 1 && { sampleAspect: { num: Math.round(pixelAspect * ASPECT_SCALE), den: ASPECT_SCALE } }),
    ...(transferName !== undefined && { transfer: transferName }),
    ...(matrixName !== undefined && { matrix: matrixName }),
    ...(dolbyVision !== undefined && { dolbyVision: { profile: dolbyVision } }),
  };
}
