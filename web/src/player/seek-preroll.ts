/**
 * The first step of a seek to a position just before loaded media. hls.js counts the last tenth of a second
 * before loaded media as loaded and fetches nothing for it, and the browser then keeps showing the first
 * loaded picture. So the seek goes further back first.
 * In: the position, loaded ranges. Out: where to seek first. Pure.
 */

/** hls.js, `maxBufferHole`, seconds. */
const HOLE_S = 0.1;
/** Distance beyond it, so that rounding does not lead back into it, seconds. */
const MARGIN_S = 0.05;

/**
 * Where to seek first.
 *
 * @param toS the position, media seconds
 * @param fromS where the list begins, media seconds
 * @returns media seconds; null if no first step is needed
 */
export function seekPreroll(toS: number, { buffered, fromS }: { buffered: TimeRanges; fromS: number }): number | null {
  let firstS: number | null = null;
  const loaded = Array.from({ length: buffered.length }, (_, i) => [buffered.start(i), buffered.end(i)] as const);
  for (const [startS] of loaded) if (toS < startS && startS - toS <= HOLE_S) firstS = startS - HOLE_S - MARGIN_S;
  if (firstS === null || firstS <= fromS) return null;
  const there = [toS, firstS];
  // A hole between loaded ranges has nothing to be fetched.
  return loaded.some(([startS, endS]) => there.some((atS) => startS <= atS && atS < endS)) ? null : firstS;
}
