/**
 * What found media changes in a calendar: files whose gaps are filled are complete.
 * In: spans of files with their gaps, spans of found media. Out: numbers. Pure.
 */
import type { StreamGap } from '@oxbow/media/segment';
import type { ChunkSpan } from '../chunks/chunk-spans.ts';
import { type HealedSpan, withHealed } from './healed-pieces.ts';

/** The gaps of a file that have a length. */
export function gapsOfFile({ absences }: Pick<ChunkSpan, 'absences'>): StreamGap[] {
  const gaps = JSON.parse(absences) as StreamGap[];
  return gaps.filter(({ fromUs, toUs }) => toUs > fromUs);
}

/**
 * How many files have gaps that are all filled.
 *
 * @param found in order of time
 */
export function countFilled(files: readonly Pick<ChunkSpan, 'absences'>[], found: readonly HealedSpan[]): number {
  return files.filter((file) => {
    const gaps = gapsOfFile(file).map(({ fromUs, toUs, cause: kind, detail }) => ({ fromUs, toUs, kind, detail }));
    return gaps.length > 0 && withHealed(gaps, found).every(({ kind }) => kind === 'media');
  }).length;
}
