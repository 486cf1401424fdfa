/**
 * UTC of the media time 0 of an element that plays HLS natively. Safari has it as `getStartDate()`: the date
 * of the first segment of the first list that it loaded. WebKit rounds it to whole seconds
 * (MediaPlayerPrivateAVFoundationObjC::getStartDate; older versions to milliseconds), which is half a second
 * too rough for a room, so the exact date is taken from the segments of the list.
 * In: an element, the dates of segments. Out: unix ms.
 */

/** Rounding is by half of this, and a little more by the time between two of WebKit's readings, ms. */
const ROUNDED_TO_MS = 1_000;
const OFF_MS = 550;

/**
 * What the browser says, unix ms.
 *
 * @returns NaN before it is known; undefined: the browser never says it
 */
export function startDateOf(video: HTMLVideoElement): number | undefined {
  return (video as { getStartDate?: () => Date }).getStartDate?.().getTime();
}

/**
 * The exact date.
 *
 * @param startMs what the browser says
 * @param segmentsMs when the segments of the list begin, UTC; at best from when the browser loaded it
 * @returns `startMs` where it has milliseconds, or no segment begins there: after a discontinuity it is
 *   another sum
 */
export function exactStartMs(startMs: number, segmentsMs: Iterable<number>): number {
  if (startMs % ROUNDED_TO_MS !== 0) return startMs;
  let nearest = startMs;
  let offMs = OFF_MS;
  for (const atMs of segmentsMs) {
    if (Math.abs(atMs - startMs) > offMs) continue;
    nearest = atMs;
    offMs = Math.abs(atMs - startMs);
  }
  return nearest;
}
