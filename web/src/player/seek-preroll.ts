/**
 * The way to a place just before what is loaded. hls.js takes the last tenth of a second before loaded media for loaded as well and fetches
 * nothing for it, and the browser, asked for it, goes on showing the first picture of what it has. So it is gone further back first.
 * In: where to, what is loaded. Out: where to go first. Pure.
 */

/** hls.js, `maxBufferHole`, seconds. */
const HOLE_S = 0.1;
/** Beyond it, so that no rounding leads back into it, seconds. */
const MARGIN_S = 0.05;

/**
 * Where to go first.
 *
 * @param toS where to, media seconds
 * @param fromS where the list begins, media seconds
 * @returns media seconds; null where it can be gone at once
 */
export function seekPreroll(toS: number, { buffered, fromS }: { buffered: TimeRanges; fromS: number }): number | null {
  let firstS: number | null = null;
  const loaded = Array.from({ length: buffered.length }, (_, i) => [buffered.start(i), buffered.end(i)] as const);
  for (const [startS] of loaded) if (toS < startS && startS - toS <= HOLE_S) firstS = startS - HOLE_S - MARGIN_S;
  if (firstS === null || firstS <= fromS) return null;
  const there = [toS, firstS];
  // A hole between what is loaded on both sides of it has nothing to be fetched.
  return loaded.some(([startS, endS]) => there.some((atS) => startS <= atS && atS < endS)) ? null : firstS;
}
