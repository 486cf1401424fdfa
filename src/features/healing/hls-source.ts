/**
 * A source that lists the past by date: the live playlist of the stream's own source, a second one of the
 * same programme, or a playlist of the past, such as that of another oxbow. Both clocks must be that of the
 * programme: a stream whose source has no dates is recorded by arrival, and cannot be matched by date.
 * In: an address. Out: HealingSource. RFC 8216bis 4.4.4.6.
 */
import { FormatError } from '@oxbow/media/errors';
import { ticksToUs } from '@oxbow/media/run';
import { printRfc3339 } from '../../api/instant.ts';
import type { DatedRange } from '../../ingest/pull/past/dated-part.ts';
import { type DatedFrames, type DatedReadOptions, readDated } from '../../ingest/pull/past/read-dated.ts';
import { sameTracks } from '../../ingest/same-tracks.ts';
import { OxbowError, reasonOf } from '../../lib/errors.ts';
import type { FoundFrames, FoundMedia, FoundRun, GapSurroundings, HealingSource, NothingFound } from './source.ts';

/** Dates within one run differ by less from its timestamps, µs. */
const TOLERANCE_US = 500_000;

/** An address that is read. */
export interface HlsSourceOptions extends Omit<DatedReadOptions, 'url'> {
  /** For viewers. */
  readonly name: string;
  /**
   * `{from}` and `{to}` in it are replaced by the bounds of the gap in whole unix seconds, rounded outward.
   */
  readonly url: string;
}

/** @param options.url of a playlist */
export function createHlsSource({ name, url, ...options }: HlsSourceOptions): HealingSource {
  return {
    name,
    async find(gap, around, { signal }) {
      if (!isDated(around)) {
        const reason = 'the stream has no dates of its source, so its times cannot be compared';
        return { kind: 'nothing', reason, mayComeLater: false };
      }
      const part = await loadPart({ ...options, url }, gap, signal);
      if ('kind' in part) return part;
      const { reach, segments, gaps, media } = part;
      if (!reach) return { kind: 'nothing', reason: 'its playlist has no dates', mayComeLater: false };
      if (segments > 0) {
        const mayComeLater = gaps > 0 || reach.toMs < gap.toMs;
        return { kind: 'found', media: runsOf(media), mayComeLater } satisfies FoundMedia;
      }
      return emptyReason({ reach, gaps }, gap);
    },
  };
}

/** Why a playlist has no segments of a stretch. */
export function emptyReason(
  { reach, gaps }: { readonly reach: DatedRange; readonly gaps: number },
  { fromMs, toMs }: DatedRange,
): NothingFound {
  const nothing = (reason: string, mayComeLater = false) => ({ kind: 'nothing', reason, mayComeLater }) as const;
  if (gaps > 0) return nothing('its playlist lists it as missing', true);
  if (reach.fromMs >= toMs) return nothing(`its playlist begins at ${printRfc3339(reach.fromMs)}`);
  if (reach.toMs <= fromMs) return nothing(`its playlist ends at ${printRfc3339(reach.toMs)}`, true);
  return nothing('its playlist has nothing of that time');
}

/**
 * Loads the playlists. A source that cannot be used for good is no failure.
 *
 * @param options.url `{from}` and `{to}` in it become the bounds of the range, unix seconds
 */
export async function loadPart(
  options: Omit<DatedReadOptions, 'url'> & { readonly url: string },
  range: DatedRange,
  signal: AbortSignal,
): Promise<Awaited<ReturnType<typeof readDated>> | NothingFound> {
  const url = options.url
    .replaceAll('{from}', String(Math.floor(range.fromMs / 1000)))
    .replaceAll('{to}', String(Math.ceil(range.toMs / 1000)));
  try {
    return await readDated({ ...options, url }, range, { signal });
  } catch (error) {
    signal.throwIfAborted();
    const isForGood =
      error instanceof FormatError ||
      (error instanceof OxbowError && (error.code === 'unsupported-media' || error.code === 'address-refused'));
    if (!isForGood) throw error;
    return { kind: 'nothing', reason: reasonOf(error), mayComeLater: error instanceof FormatError };
  }
}

/** Whether a recording has the dates of its source, so that dates of sources say where media belongs. */
export function isDated({ before, after }: GapSurroundings): boolean {
  return [before.at(-1), after[0]].some((group) => group?.clock === 'source');
}

/** Joins segments whose timestamps continue to runs. */
export async function* runsOf(media: AsyncIterable<DatedFrames>): AsyncGenerator<FoundFrames, void> {
  let run: FoundRun | undefined;
  let endUs = 0;
  for await (const { tracks, frames, utcOffsetUs, discontinuity } of media) {
    const span = spanOf({ tracks, frames });
    const continues =
      run !== undefined &&
      !discontinuity &&
      sameTracks(run.tracks, tracks) &&
      Math.abs(run.utcOffsetUs - utcOffsetUs) <= TOLERANCE_US &&
      (!span || Math.abs(span.fromUs - endUs) <= TOLERANCE_US);
    if (!run || !continues) run = { tracks, utcOffsetUs, exactness: { kind: 'dated' } };
    if (span) endUs = span.toUs;
    yield { run, frames: [...frames] };
  }
}

/** From the first decode time to the end of the last, of the track that is cut; undefined without frames. */
function spanOf({ tracks, frames }: Pick<DatedFrames, 'tracks' | 'frames'>) {
  const reference = tracks.find(({ kind }) => kind === 'video') ?? tracks.find(({ kind }) => kind === 'audio');
  const own = frames.filter(({ trackId }) => trackId === reference?.id);
  const [first, last] = [own[0], own.at(-1)];
  if (!reference || !first || !last) return undefined;
  const { timescale } = reference;
  return { fromUs: ticksToUs(first.dts, timescale), toUs: ticksToUs(last.dts + last.duration, timescale) };
}
