/**
 * Names of audio tracks that players list: in words, and no two alike.
 * In: the tracks of a group, in order. Out: NAME of EXT-X-MEDIA, which is unique within its group
 * (RFC 8216bis 4.4.6.1.1). Pure.
 */
import type { Track } from '@oxbow/media/frame';

const LAYOUTS: Readonly<Record<number, string>> = { 1: 'mono', 2: 'stereo', 6: '5.1', 8: '7.1' };
const languages = new Intl.DisplayNames(['en'], { type: 'language' });

/**
 * One name for each track: its label or language; the channels where that is not enough, and a number as the
 * last resort.
 */
export function audioNames(tracks: readonly Track[]): string[] {
  const plain = tracks.map((track, i) => track.label || languageName(track.language) || `Audio ${i + 1}`);
  const isTwofold = (names: readonly string[], i: number) => names.some((name, j) => i !== j && name === names[i]);
  const areDifferent = new Set(tracks.map(layoutOf)).size > 1;
  const withLayout = plain.map((name, i) => {
    const isNamed = tracks[i]!.label !== '' || tracks[i]!.language !== 'und';
    return isTwofold(plain, i) || (!isNamed && areDifferent) ? `${name} (${layoutOf(tracks[i]!)})` : name;
  });
  const taken = new Set<string>();
  return withLayout.map((name) => {
    let unique = name;
    for (let n = 2; taken.has(unique); n++) unique = `${name} ${n}`;
    taken.add(unique);
    return unique;
  });
}

function layoutOf(track: Track): string {
  if (track.kind !== 'audio') return '';
  const { channels } = track.config;
  return LAYOUTS[channels] ?? `${channels} channels`;
}

/** In English; a code that is not known stays as it is. Empty for a track without one. */
function languageName(code: string): string {
  if (code === 'und') return '';
  try {
    return languages.of(code) ?? code;
  } catch {
    return code;
  }
}
