/**
 * What arrives from a publisher, as figures with a name.
 * In: the stream and the statistics of the API. Out: rows; names are text keys. Pure.
 */
import type { StreamView } from '../../../src/api/shapes.ts';
import { bitrateText } from '../media/choice-text.ts';
import type { TextKey } from '../text/text.ts';
import { conversionText } from '../watch/track-text.ts';

interface Figure {
  readonly name: TextKey;
  readonly value: string;
}

/** Figures of the publisher now; absent where they are not known. */
export interface LinkFigures {
  /** Frames a second, over ten seconds. */
  readonly frameRate?: number | undefined;
  /** Longest distance of two key frames in the last minute, seconds. */
  readonly keyIntervalS?: number | undefined;
  /** Bits per second of video and audio, over ten seconds. */
  readonly bitrate?: number | undefined;
  readonly encoder?: string | undefined;
  readonly rttMs?: number | undefined;
  /** Share of packets that were missing at first, 0 to 1. */
  readonly lossShare?: number | undefined;
}

/** The known figures, in the order in which an operator reads them. */
export function figuresOf(
  { tracks, media, publisher }: Pick<StreamView, 'tracks' | 'media' | 'publisher'>,
  link: LinkFigures = {},
): Figure[] {
  const video = tracks.find(({ kind }) => kind === 'video');
  const audio = tracks.find(({ kind }) => kind === 'audio');
  const frameRate = link.frameRate ?? media?.frameRate ?? video?.frameRate;
  const bitrate = link.bitrate ?? media?.bitrate;
  const keyIntervalS = link.keyIntervalS ?? media?.gopS;
  const size = video?.width && video.height ? ` ${video.width} × ${video.height}` : '';
  const sound = audio && [
    conversionText(audio),
    audio.sampleRate && `${audio.sampleRate / 1000} kHz`,
    audio.channels && `${audio.channels} ch`,
  ];
  const rows: [TextKey, string | number | null | undefined][] = [
    ['goLive.video', video && `${conversionText(video)}${size}`],
    ['goLive.frameRate', frameRate && `${Number(frameRate.toFixed(1))} fps`],
    ['goLive.audio', sound?.filter(Boolean).join(' · ')],
    ['goLive.bitrate', bitrate && bitrateText(bitrate)],
    ['goLive.keyInterval', keyIntervalS && `${Number(keyIntervalS.toFixed(1))} s`],
    ['goLive.connection', publisher?.protocol.toUpperCase()],
    ['goLive.rtt', link.rttMs === undefined ? null : `${Math.round(link.rttMs)} ms`],
    ['goLive.loss', link.lossShare === undefined ? null : percentText(link.lossShare)],
    ['goLive.encoder', link.encoder && encoderText(link.encoder)],
  ];
  return rows.flatMap(([name, value]) => (value ? [{ name, value: String(value) }] : []));
}

/** The name of an encoder as its users know it; unknown ones name themselves. */
export function encoderText(encoder: string): string {
  const obs = /libobs version ([\w.]+)/.exec(encoder);
  if (obs) return `OBS ${obs[1]}`;
  return /^Lav[fc]\d/.test(encoder) ? `FFmpeg (${encoder})` : encoder;
}

/** A share as percent: small ones with two digits. */
export function percentText(share: number): string {
  const percent = share * 100;
  return `${percent === 0 || percent >= 10 ? Math.round(percent) : Number(percent.toPrecision(2))} %`;
}
