/**
 * The tracks of an asset in words.
 * In: the facts that the import found, see src/api/library/asset-facts.ts. Out: one line for each track;
 * warnings. Pure.
 */
import type { AssetFacts, AssetTrackFacts } from '../../../src/api/library/asset-facts.ts';
import { bitrateText, languageName } from '../media/choice-text.ts';

interface TrackFact {
  readonly kind: AssetTrackFacts['kind'];
  readonly text: string;
}

const codecNames: Readonly<Record<string, string>> = {
  h264: 'H.264',
  hevc: 'HEVC',
  av1: 'AV1',
  vp8: 'VP8',
  vp9: 'VP9',
  aac: 'AAC',
  opus: 'Opus',
  mp3: 'MP3',
  ac3: 'AC-3',
  eac3: 'E-AC-3',
  flac: 'FLAC',
  mpeg2video: 'MPEG-2',
  prores: 'ProRes',
  mov_text: 'Timed text',
  ass: 'ASS',
  subrip: 'SRT',
  webvtt: 'WebVTT',
};

/** Facts of another version, or none. */
type Facts = Readonly<Partial<AssetFacts>> | null;

/**
 * Lines for the tracks; unknown facts are left out.
 *
 * @param locale BCP 47, of the reader
 */
export function trackFacts(facts: Facts, locale: string): TrackFact[] {
  const tracks = Array.isArray(facts?.tracks) ? (facts.tracks as readonly Partial<AssetTrackFacts>[]) : [];
  return tracks.flatMap((track) => {
    const { kind, codec = '', width, height, frameRate, transfer, channels, sampleRate, bitRate, language } = track;
    if (kind !== 'video' && kind !== 'audio' && kind !== 'text') return [];
    const parts = [
      codecNames[codec] ?? codec,
      width && height ? `${width} × ${height}` : '',
      frameRate ? `${Number(frameRate.toFixed(2))} fps` : '',
      transfer === 'pq' ? 'HDR10' : transfer === 'hlg' ? 'HLG' : '',
      sampleRate ? `${sampleRate / 1000} kHz` : '',
      channels ? `${channels} ch` : '',
      bitRate && kind !== 'text' ? bitrateText(bitRate) : '',
      languageName(language ?? '', locale),
    ].filter((part) => part !== '');
    return parts.length === 0 ? [] : [{ kind, text: parts.join(' · ') }];
  });
}

/** What is missing, damaged or left out, for a person. */
export function warningsOf(facts: Facts): readonly string[] {
  return Array.isArray(facts?.warnings) ? facts.warnings.map(String) : [];
}
