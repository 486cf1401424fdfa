/**
 * Markers and pins of a timeline.
 * In: the tables of both, a range. Out: what the timeline shows of them.
 */
import { MAX_PIECES } from '../../recording/coarse-timeline.ts';
import { MAX_MARKERS, type Marker } from '../../recording/marker-table.ts';
import { overlap } from '../../recording/pinned-windows.ts';
import type { StoredRecordings } from '../stream-deps.ts';
import type { Marks } from '../views.ts';

/**
 * Reads those of a range, µs since 1970.
 *
 * @param resS resolution of the timeline, seconds
 */
export async function marksBetween(
  { markers, pins }: Pick<StoredRecordings, 'markers' | 'pins'>,
  streamId: string,
  fromUs: number,
  toUs: number,
  resS: number,
): Promise<Marks> {
  const all = await markers.between(streamId, { fromUs, toUs, limit: MAX_MARKERS });
  return { markers: thin(all, resS), pins: pins.of(streamId).filter((pin) => overlap(pin, { fromUs, toUs })) };
}

/** At most as many markers as a timeline may have: the first of each `resS`, or of a longer period. */
function thin(markers: readonly Marker[], resS: number): readonly Marker[] {
  let few = markers;
  for (let res = Math.max(1, resS); few.length > MAX_PIECES; res *= 2) {
    let bin = Number.NEGATIVE_INFINITY;
    few = markers.filter(({ atUs }) => {
      const markerBin = Math.floor(atUs / (res * 1e6));
      const isFirst = markerBin !== bin;
      bin = markerBin;
      return isFirst;
    });
  }
  return few;
}
