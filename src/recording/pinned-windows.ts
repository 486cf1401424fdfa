/**
 * The ten-minute windows that pins protect from retention (docs/media.md 16).
 * In: stretches of time. Out: whole windows in order, and lookup by instant. Pure.
 */
import { WINDOW_US, windowOf } from './window.ts';

/** A stretch of time, [fromUs, toUs), µs since 1970. */
export interface PinnedRange {
  readonly fromUs: number;
  readonly toUs: number;
}

/** Whether two stretches have an instant in common. */
export function overlap(a: PinnedRange, b: PinnedRange): boolean {
  return a.fromUs < b.toUs && a.toUs > b.fromUs;
}

/**
 * The whole windows that overlap the stretches, in order of time; adjacent windows are joined.
 */
export function windowsOver(stretches: readonly PinnedRange[]): PinnedRange[] {
  const whole = stretches
    .map(({ fromUs, toUs }) => ({ fromUs: windowOf(fromUs), toUs: windowOf(Math.max(fromUs, toUs - 1)) + WINDOW_US }))
    .sort((a, b) => a.fromUs - b.fromUs);
  const ranges: { fromUs: number; toUs: number }[] = [];
  for (const range of whole) {
    const last = ranges.at(-1);
    if (last && range.fromUs <= last.toUs) last.toUs = Math.max(last.toUs, range.toUs);
    else ranges.push(range);
  }
  return ranges;
}

/**
 * The range that contains an instant, or undefined.
 *
 * @param ranges in order and disjoint
 * @param us µs since 1970
 */
export function rangeAt(ranges: readonly PinnedRange[], us: number): PinnedRange | undefined {
  let low = 0;
  let high = ranges.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const range = ranges[middle]!;
    if (us < range.fromUs) high = middle - 1;
    else if (us >= range.toUs) low = middle + 1;
    else return range;
  }
  return undefined;
}
