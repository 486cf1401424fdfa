/**
 * A source of healing: a second playlist of the same programme, perhaps another encode with other dates. Its
 * media is compared with the recording; where nothing can be compared, its dates count.
 * In: an address. Out: found media. RFC 8216bis 4.4.4.6.
 */
import type { MeasureLevels } from '../../../ffmpeg/engine.ts';
import { emptyReason, type HlsSourceOptions, isDated, loadPart, runsOf } from '../hls-source.ts';
import type { FoundFrames, FoundRun, HealingSource } from '../source.ts';
import { COMPARED_MS, placeMedia, type SourceFrames, type SourceRun } from './placed-media.ts';

/** Most by which the dates of the two sources differ, ms. */
const MAX_SHIFT_MS = 32_000;

/** @param options.url of a playlist, as `createHlsSource` takes it */
export function createSecondSource({
  name,
  url,
  measureLevels,
  ...options
}: HlsSourceOptions & { readonly measureLevels: MeasureLevels }): HealingSource {
  return {
    name,
    async find(gap, around, { maxBytes, signal }) {
      const marginMs = MAX_SHIFT_MS + COMPARED_MS;
      const range = { fromMs: gap.fromMs - marginMs, toMs: gap.toMs + marginMs };
      const part = await loadPart({ ...options, url }, range, signal);
      if ('kind' in part) return part;
      const { reach, segments, gaps, media } = part;
      if (!reach) return { kind: 'nothing', reason: 'its playlist has no dates', mayComeLater: false };
      if (segments === 0) return emptyReason({ reach, gaps }, range);
      // Of a live source, what is after the gap, or is listed as missing, may still come.
      const mayComeLater = gaps > 0 || reach.toMs < range.toMs;
      const placing = {
        gap,
        around,
        maxShiftMs: MAX_SHIFT_MS,
        measureLevels,
        trustsDates: isDated(around),
        maxBytes,
        mayComeLater,
      };
      return placeMedia(sourceRuns(runsOf(media)), { ...placing, signal });
    },
  };
}

/** Runs by the dates of the source. */
async function* sourceRuns(media: AsyncIterable<FoundFrames>): AsyncGenerator<SourceFrames, void> {
  const runs = new WeakMap<FoundRun, SourceRun>();
  for await (const { run, frames } of media) {
    const known = runs.get(run) ?? { tracks: run.tracks, utcOffsetUs: run.utcOffsetUs };
    runs.set(run, known);
    yield { run: known, frames };
  }
}
