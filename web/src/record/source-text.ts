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
  channel: 'channel',
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

/** `1280 × 720 · 2.5 Mbit/s`: the facts that the quality's name does not say; empty if nothing is known. */
export function qualityText({ width, height, bandwidth }: SourceQuality): string {
  const facts = [];
  if (width && height) facts.push(`${width} × ${height}`);
  if (bandwidth) facts.push(`${(bandwidth / 1e6).toFixed(1)} Mbit/s`);
  return facts.join(' · ');
}
