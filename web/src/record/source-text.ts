/**
 * Technical names of a source; they are the same in every language.
 * In: facts about a source. Out: text. Pure.
 */
import type { SourceQuality } from '../../../src/api/source-facts.ts';

const protocols: Readonly<Record<string, string>> = {
  hls: 'HLS',
  mp4: 'MP4',
  page: 'yt-dlp',
  file: 'MP4',
  test: 'test',
};
const containers: Readonly<Record<string, string>> = {
  mpegts: 'MPEG-TS',
  fmp4: 'fMP4',
  mp4: 'MP4',
  'packed-audio': 'audio',
};

/** `HLS, MPEG-TS`; unknown parts are left out. */
export function protocolText(protocol: string, container: string): string {
  const names = [protocols[protocol] ?? protocol, container === '' ? '' : (containers[container] ?? container)];
  return [...new Set(names)].filter((name) => name !== '').join(', ');
}

/** `1280 × 720 · 2.5 Mbit/s`: what the quality's own name does not say; empty if nothing is known. */
export function qualityText({ width, height, bandwidth }: SourceQuality): string {
  const known = [];
  if (width && height) known.push(`${width} × ${height}`);
  if (bandwidth) known.push(`${(bandwidth / 1e6).toFixed(1)} Mbit/s`);
  return known.join(' · ');
}
