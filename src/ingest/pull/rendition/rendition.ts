/**
 * One rendition of a source from its playlist to frames: poll, queue, download, demux.
 * In: where the playlist is. Out: segments in order, with holes named where they are.
 */
import type { GapCause } from '../../../api/gap.ts';
import { namesOf } from '../../../api/left-out.ts';
import { FormatError, messageOf } from '../../../lib/errors.ts';
import type { PullContext } from '../context.ts';
import { PartPrefetch } from '../playlist/part-prefetch.ts';
import { pollPlaylist } from '../playlist/playlist-poller.ts';
import type { PlaylistLocation } from '../playlist/poll-state.ts';
import { ENDED_DETAIL } from '../playlist/source-return.ts';
import { nameOf } from '../resource-name.ts';
import { type JobSlot, OrderedQueue } from '../segment/ordered-queue.ts';
import { PartAssembly } from '../segment/part-assembly.ts';
import type { QueuedSegment } from '../segment/queued-segment.ts';
import { lengthOf } from '../segment/segment-check.ts';
import { type DemuxedSegment, SegmentDemux } from '../segment/segment-demux.ts';
import { type Fetched, SegmentDownload } from '../segment/segment-download.ts';
import { type QueueItem, SegmentQueue } from '../segment/segment-queue.ts';

/** Requests at a time. */
const PARALLEL = 3;
/** While a segment is requested again, so many segments and parts after it are downloaded ahead of their turn, and so many bytes of them wait. */
const MAX_AHEAD = 128;
const MAX_HELD_BYTES = 96 * 1024 * 1024;
/** Segments that may wait for their download before the oldest are given up; more where the list is longer. */
const MIN_WAITING = 8;

/** What comes out of a rendition. */
export type RenditionItem =
  /** A segment, or a part of one. */
  | { readonly kind: 'segment'; readonly segment: QueuedSegment; readonly media: DemuxedSegment }
  | { readonly kind: 'absent'; readonly cause: GapCause | 'offline'; readonly detail: string };

type Raw = { readonly kind: 'raw'; readonly segment: QueuedSegment; readonly fetched: Fetched };
type Whole = Extract<QueueItem, { kind: 'whole' }>;
type Line = OrderedQueue<Raw | Whole | RenditionItem>;

/** Where a rendition is, and how to find it again. */
export interface RenditionLocation {
  readonly first: PlaylistLocation;
  readonly relocate?: ((options: { signal: AbortSignal }) => Promise<PlaylistLocation>) | undefined;
}

/**
 * Ends after the last segment of a list with EXT-X-ENDLIST, unless the source was live and is awaited. Leaving early stops everything it began.
 *
 * @throws OxbowError `unsupported-media`; the signal's reason when aborted
 */
export async function* readRendition(
  place: RenditionLocation,
  context: PullContext,
  { signal: outer }: { signal: AbortSignal },
): AsyncGenerator<RenditionItem, void> {
  const left = new AbortController();
  const signal = AbortSignal.any([outer, left.signal]);
  const line: Line = new OrderedQueue({
    parallel: PARALLEL,
    maxAhead: MAX_AHEAD,
    maxHeldBytes: MAX_HELD_BYTES,
    weigh: (item) => (item.kind === 'raw' && item.fetched.kind === 'fetched' ? lengthOf(item.fetched.pieces) : 0),
  });
  const download = new SegmentDownload(context);
  const filling = fill(line, download, place, context, signal);
  const reader = new SegmentReader(context);
  try {
    for await (const item of line) {
      if (item.kind === 'absent') yield* reader.absent(item);
      else if (item.kind === 'segment') yield item;
      else if (item.kind === 'raw') yield* reader.read(item);
      else yield* reader.whole(item, () => download.fetch(item.segment, () => true, { signal }));
    }
  } finally {
    left.abort(new Error('the rendition is no longer read'));
    await filling;
  }
}

/** Takes segments and parts apart, in order. */
class SegmentReader {
  readonly #context: PullContext;
  readonly #demux: SegmentDemux;
  readonly #parts = new PartAssembly();
  /** What comes next does not go on from what was demuxed last. */
  #broken = false;

  constructor(context: PullContext) {
    this.#context = context;
    this.#demux = new SegmentDemux(context.onLeftOut);
  }

  *absent(item: Extract<RenditionItem, { kind: 'absent' }>): Generator<RenditionItem, void> {
    // A source that was away and lost nothing goes on where it was.
    if (item.cause !== 'source-down') {
      this.#broken = true;
      this.#parts.reset();
    }
    yield item;
  }

  *read({ segment, fetched }: Raw): Generator<RenditionItem, void> {
    const missing = this.#parts.leftBehind(segment);
    if (missing !== undefined) yield* this.absent({ kind: 'absent', cause: 'source-skipped', detail: missing });
    if (segment.part === undefined) yield* this.#readWhole(segment, fetched);
    else if (this.#parts.wants(segment)) yield* this.#readPart(segment, fetched);
  }

  /** @param fetch gets the whole segment, where its parts were not enough */
  async *whole({ segment, parts, gap }: Whole, fetch: () => Promise<Fetched>): AsyncGenerator<RenditionItem, void> {
    const { lacks, published } = this.#parts.whole(segment, parts);
    if (lacks === undefined) {
      this.#context.lowLatency.segmentEnded(true);
      const media = this.#demux.end();
      if (media.groups.length > 0) yield { kind: 'segment', segment: { ...segment, part: published }, media };
      return;
    }
    this.#context.log.warn({ msn: segment.msn, detail: lacks }, 'a segment is taken as a whole, for want of its parts');
    this.#context.lowLatency.segmentEnded(false, lacks);
    if (gap) {
      this.#context.counters.skipped(1);
      yield* this.absent({ kind: 'absent', cause: 'source-skipped', detail: `EXT-X-GAP ${nameOf(segment.url)}` });
      return;
    }
    this.#demux.discontinuity();
    const isFirst = published === 0;
    const again: QueuedSegment = {
      ...segment,
      discontinuity: segment.discontinuity && isFirst,
      ...(!isFirst && { repeats: true }),
    };
    yield* this.#readWhole(again, await fetch());
  }

  *#readPart(segment: QueuedSegment, fetched: Fetched): Generator<RenditionItem, void> {
    if (fetched.kind === 'given-up') {
      this.#parts.failed(fetched.detail);
      return;
    }
    if (this.#broken || segment.discontinuity) this.#demux.discontinuity();
    this.#broken = false;
    const media = this.#takeApart(segment, fetched);
    // Of MPEG-TS a part may hold less than a frame.
    const isEmpty = typeof media !== 'string' && media.groups.length === 0 && media.container !== 'mpegts';
    if (typeof media === 'string' || isEmpty) {
      this.#broken = true;
      this.#parts.failed(typeof media === 'string' ? media : `${nameOf(segment.url)}: no frames`);
      return;
    }
    this.#parts.published();
    if (media.groups.length > 0) yield { kind: 'segment', segment, media };
  }

  *#readWhole(segment: QueuedSegment, fetched: Fetched): Generator<RenditionItem, void> {
    const { counters, log } = this.#context;
    if (this.#broken || segment.discontinuity) this.#demux.discontinuity();
    this.#broken = true;
    if (fetched.kind === 'given-up') {
      counters.skipped(1);
      log.warn({ msn: segment.msn, detail: fetched.detail }, 'a segment was given up');
      yield { kind: 'absent', cause: fetched.cause, detail: fetched.detail };
      return;
    }
    const media = this.#takeApart(segment, fetched);
    if (typeof media === 'string' || media.groups.length === 0) {
      const leftOut = namesOf(this.#demux.leftOut);
      const why = leftOut === '' ? 'no frames' : `oxbow cannot take ${leftOut}`;
      const detail = typeof media === 'string' ? media : `${nameOf(segment.url)}: ${why}`.slice(0, 200);
      counters.skipped(1);
      log.warn({ msn: segment.msn, detail }, 'a segment could not be read');
      yield { kind: 'absent', cause: 'bad-media', detail };
      return;
    }
    this.#broken = false;
    yield { kind: 'segment', segment, media };
  }

  /** The media, or why there is none. */
  #takeApart(segment: QueuedSegment, fetched: Extract<Fetched, { kind: 'fetched' }>): DemuxedSegment | string {
    try {
      return this.#demux.demux(fetched.pieces, fetched.init, segment.part);
    } catch (error) {
      if (error instanceof FormatError) return `${nameOf(segment.url)}: ${messageOf(error)}`.slice(0, 200);
      throw error;
    }
  }
}

/** Puts what the playlist announces into the line until it ends; never rejects: the reader of the line is told. */
async function fill(
  line: Line,
  download: SegmentDownload,
  place: RenditionLocation,
  context: PullContext,
  signal: AbortSignal,
): Promise<void> {
  const { counters, hadUntilMs, fromMs, awaitReturn, wasLive, log, lowLatency } = context;
  const queue = new SegmentQueue(counters, { hadUntilMs, fromMs, wasLive: awaitReturn && wasLive });
  const ahead = new PartPrefetch(download);
  const lost = (count: number, detail: string) => async (): Promise<RenditionItem> => {
    counters.skipped(count);
    log.warn({ count, detail }, 'segments were lost');
    return { kind: 'absent', cause: 'source-skipped', detail };
  };
  const fetch = (segment: QueuedSegment): ((place: JobSlot) => Promise<Raw>) => {
    const begun = segment.part === undefined ? undefined : ahead.take(segment);
    return async (place) => {
      const early = await begun;
      if (early) return { kind: 'raw', segment, fetched: early };
      if (segment.part !== undefined && !queue.isNew(segment))
        return unavailable(segment, 'oxbow fell behind its parts');
      const fetched = await download.fetch(segment, () => queue.stands(segment), { signal, place });
      return { kind: 'raw', segment, fetched };
    };
  };
  try {
    for await (const report of pollPlaylist(place.first, place.relocate, context, { signal })) {
      if (report.kind === 'down') {
        log.warn({ detail: report.detail }, 'the source is down');
        line.push(async () => ({ kind: 'absent', cause: 'source-down', detail: report.detail }));
        continue;
      }
      if (report.kind === 'ended') {
        log.info({}, 'the source ended its playlist');
        line.push(async () => ({ kind: 'absent', cause: 'offline', detail: ENDED_DETAIL }));
        continue;
      }
      const { list, url, arrivedMs, moved } = report;
      const parts = lowLatency.follows(list);
      let newest: QueuedSegment | undefined;
      for (const item of queue.take(list, url, arrivedMs, { parts, moved })) {
        if (item.kind === 'lost') line.push(lost(item.count, item.detail));
        else if (item.kind === 'missing') line.push(async () => unavailable(item.segment, item.detail));
        else if (item.kind === 'whole') line.push(async () => item);
        else line.push(fetch(item.segment));
        if (item.kind !== 'lost') newest = item.segment;
      }
      if (parts && newest) ahead.follow(list, url, newest, { signal });
      const listed = list.segments.reduce((sum, segment) => sum + 1 + segment.parts.length, 0);
      if (!list.endList && line.waiting > Math.max(MIN_WAITING, listed)) {
        line.drop(PARALLEL, (count) => lost(count, `oxbow fell behind by ${count} segments`));
      }
    }
    line.end();
  } catch (error) {
    line.end({ error });
  } finally {
    ahead.drop();
  }
}

function unavailable(segment: QueuedSegment, detail: string): Raw {
  return { kind: 'raw', segment, fetched: { kind: 'given-up', cause: 'source-skipped', detail } };
}
