/**
 * A track in one line, in terms of the field.
 * In: a track of the API. Out: text without words of any language. Pure.
 */
import type { TrackView } from '../../../src/api/shapes.ts';

const families: readonly [RegExp, string][] = [
  [/^avc[13]/, 'H.264'],
  [/^(hvc1|hev1)/, 'HEVC'],
  [/^av01/, 'AV1'],
  [/^vp09/, 'VP9'],
  [/^mp4a\.(69|6b|40\.34)$/i, 'MP3'],
  [/^mp4a/, 'AAC'],
  [/^ac-3/, 'AC-3'],
  [/^ec-3/, 'E-AC-3'],
  [/^opus/i, 'Opus'],
  [/^flac/i, 'FLAC'],
];

/** The common name of the codec; the RFC 6381 string if it has none. */
export function codecText({ codecs }: Pick<TrackView, 'codecs'>): string {
  return families.find(([pattern]) => pattern.test(codecs))?.[1] ?? codecs;
}

/** Names of codecs that are converted, as `TrackView.convertedFrom` has them. */
const converted: Readonly<Record<string, string>> = {
  vp8: 'VP8',
  mpeg2: 'MPEG-2',
  mp1: 'MP1',
  mp2: 'MP2',
  mp3: 'MP3',
  ac3: 'AC-3',
  eac3: 'E-AC-3',
  pcmu: 'G.711',
  pcma: 'G.711',
};

/** The common name of the codec; of converted tracks that of the publisher first: `VP8 → H.264`. */
export function conversionText(track: Pick<TrackView, 'codecs' | 'convertedFrom'>): string {
  const { convertedFrom } = track;
  const name = codecText(track);
  return convertedFrom === undefined ? name : `${converted[convertedFrom] ?? convertedFrom} → ${name}`;
}

/** The common name of the codec, then the known properties of the picture or the sound. */
export function trackText(track: TrackView): string {
  const family = codecText(track);
  const facts = [family === track.codecs ? family : `${family} (${track.codecs})`];
  if (track.width && track.height) facts.push(`${track.width} × ${track.height}`);
  if (track.frameRate) facts.push(`${Number(track.frameRate.toFixed(2))} fps`);
  if (track.sampleRate) facts.push(`${track.sampleRate / 1000} kHz`);
  if (track.channels) facts.push(`${track.channels} ch`);
  if (track.language && track.language !== 'und') facts.push(track.language);
  return facts.join(' · ');
}

/** Whether this browser decodes a track in fragmented MP4, as far as it reports. */
export function isPlayable({ kind, codecs }: TrackView): boolean {
  if (kind !== 'video' && kind !== 'audio') return true;
  return typeof MediaSource === 'undefined' || MediaSource.isTypeSupported(`${kind}/mp4; codecs="${codecs}"`);
}
