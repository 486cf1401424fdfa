/**
 * Reads one rendition of a source: polls its playlist, queues, downloads and demuxes its segments.
 * In: the location of its playlist. Out: demuxed segments in order, and reports of missing media.
 */

import { FormatError } from '@oxbow/media/errors';
import type { GapCause } from '@oxbow/media/gap';
import { namesOf } from '@oxbow/media/left-out';
import type { Rendition } from '@oxbow/media/m3u8/playlist';
import { messageOf } from '../../../lib/errors.ts';
import type { PullContext } from '../context.ts';
import { PartPrefetch } from '../playlist/part-prefetch.ts';
import { pollPlaylist, type Relocate } from '../playlist/playlist-poller.ts';
import type { PlaylistLocation } from '../playlist/poll-state.ts';
import { type QueueItem, SegmentQueue } from '../playlist/segment-queue.ts';
import { ENDED_DETAIL } from '../playlist/source-return.ts';
import { nameOf } from '../resource-name.ts';
import { type JobSlot, OrderedQueue } from '../segment/ordered-queue.ts';
import { PartAssembly } from '../segment/part-assembly.ts';
import type { QueuedSegment } from '../segment/queued-segment.ts';
import { lengthOf } from '../segment/segment-check.ts';
import { type DemuxedSegment, SegmentDemux } from '../segment/segment-demux.ts';
import { type Fetched, SegmentDownload } from '../segment/segment-download.ts';

/** Requests at a time. */
const PARALLEL = 3;
/**
 * While a segment is retried, at most this many later segments and parts, and bytes of them, are downloaded
 * ahead of it.
 */
const MAX_AHEAD = 128;
const MAX_HELD_BYTES = 96 * 1024 * 1024;
/**
 * Segments that may wait for their download before the oldest are given up; more if the playlist is longer.
 */
const MIN_WAITING = 8;

export type RenditionItem =
  /** A segment, or a part of one. */
  | { readonly kind: 'segment'; readonly segment: QueuedSegment; readonly media: DemuxedSegment }
  | { readonly kind: 'absent'; readonly cause: GapCause | 'offline'; readonly detail: string };

type Raw = { readonly kind: 'raw'; readonly segment: QueuedSegment; readonly fetched: Fetched };
type SegmentEnd = Extract<QueueItem, { kind: 'segment-end' }>;
type Queue = OrderedQueue<Raw | SegmentEnd | RenditionItem>;

/** The location of a rendition, and how to locate it again. */
export interface RenditionLocation {
  readonly first: PlaylistLocation;
  readonly relocate?: Relocate | undefined;
}

/** A Rendition and its location. */
export interface LocatedRendition {
  readonly rendition: Rendition;
  readonly location: RenditionLocation;
}

/**
 * Ends after the last segment of a playlist with EXT-X-ENDLIST, unless the pull waits for the return of a
 * live source. Leaving the loop early stops all requests.
 *
 * @throws OxbowError `unsupported-media`; the signal's reason when aborted
 */
export async function* readRendition(
  location: RenditionLocation,
  context: PullContext,
  { signal: outer }: { signal: AbortSignal },
): AsyncGenerator<RenditionItem, void> {
  const controller = new AbortController();
  const signal = AbortSignal.any([outer, controller.signal]);
  const jobs: Queue = new OrderedQueue({
    parallel: PARALLEL,
    maxAhead: MAX_AHEAD,
    maxHeldBytes: MAX_HELD_BYTES,
    weigh: (item) => (item.kind === 'raw' && item.fetched.kind === 'fetched' ? lengthOf(item.fetched.pieces) : 0),
  });
  const download = new SegmentDownload(context);
  const filling = fill(jobs, download, location, context, signal);
  const reader = new SegmentReader(context);
  try {
    for await (const item of jobs) {
      if (item.kind === 'absent') yield* reader.absent(item);
      else if (item.kind === 'segment') yield item;
      else if (item.kind === 'raw') yield* reader.read(item);
      else yield* reader.endSegment(item, () => download.fetch(item.segment, () => true, { signal }));
    }
  } finally {
    controller.abort(new Error('the rendition is no longer read'));
    await filling;
  }
}

/** Demuxes segments and parts, in order. */
class SegmentReader {
  readonly #context: PullContext;
  readonly #demux: SegmentDemux;
  readonly #parts = new PartAssembly();
  /** The next segment does not continue the one that was demuxed last. */
  #broken = false;

  constructor(context: PullContext) {
    this.#context = context;
    this.#demux = new SegmentDemux(context.onLeftOut, { mpeg2: context.mpeg2, memory: context.memory });
  }

  *absent(item: Extract<RenditionItem, { kind: 'absent' }>): Generator<RenditionItem, void> {
    // A source that was down and lost nothing continues where it was.
    if (item.cause !== 'source-down') {
      this.#broken = true;
      this.#parts.reset();
    }
    yield item;
  }

  *read({ segment, fetched }: Raw): Generator<RenditionItem, void> {
    const missing = this.#parts.abandoned(segment);
    if (missing !== undefined) yield* this.absent({ kind: 'absent', cause: 'source-skipped', detail: missing });
    if (segment.part === undefined) yield* this.#readSegment(segment, fetched);
    else if (this.#parts.wants(segment)) yield* this.#readPart(segment, fetched);
  }

  /** @param fetch downloads the complete segment if its parts do not suffice */
  async *endSegment(
    { segment, parts, gap }: SegmentEnd,
    fetch: () => Promise<Fetched>,
  ): AsyncGenerator<RenditionItem, void> {
    const { lacks, published } = this.#parts.endSegment(segment, parts);
    if (lacks === undefined) {
      this.#context.lowLatency.segmentEnded(true);
      const media = this.#demux.end();
      if (media.groups.length > 0) yield { kind: 'segment', segment: { ...segment, part: published }, media };
      return;
    }
    this.#context.log.warn({ msn: segment.msn, detail: lacks }, 'parts are missing; fetching their complete segment');
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
    yield* this.#readSegment(again, await fetch());
  }

  *#readPart(segment: QueuedSegment, fetched: Fetched): Generator<RenditionItem, void> {
    if (fetched.kind === 'given-up') {
      this.#parts.failed(fetched.detail);
      return;
    }
    if (this.#broken || segment.discontinuity) this.#demux.discontinuity();
    this.#broken = false;
    const media = this.#demuxPieces(segment, fetched);
    // A part of MPEG-TS may contain less than a frame.
    const isEmpty = typeof media !== 'string' && media.groups.length === 0 && media.container !== 'mpegts';
    if (typeof media === 'string' || isEmpty) {
      this.#broken = true;
      this.#parts.failed(typeof media === 'string' ? media : `${nameOf(segment.url)}: no frames`);
      return;
    }
    this.#parts.published();
    if (media.groups.length > 0) yield { kind: 'segment', segment, media };
  }

  *#readSegment(segment: QueuedSegment, fetched: Fetched): Generator<RenditionItem, void> {
    const { counters, log } = this.#context;
    if (this.#broken || segment.discontinuity) this.#demux.discontinuity();
    this.#broken = true;
    if (fetched.kind === 'given-up') {
      counters.skipped(1);
      log.warn({ msn: segment.msn, detail: fetched.detail }, 'segment given up');
      yield { kind: 'absent', cause: fetched.cause, detail: fetched.detail };
      return;
    }
    const media = this.#demuxPieces(segment, fetched);
    if (typeof media === 'string' || media.groups.length === 0) {
      const leftOut = namesOf(this.#demux.leftOut);
      const why = leftOut === '' ? 'no frames' : `oxbow cannot take ${leftOut}`;
      const detail = typeof media === 'string' ? media : `${nameOf(segment.url)}: ${why}`.slice(0, 200);
      counters.skipped(1);
      log.warn({ msn: segment.msn, detail }, 'segment unreadable');
      yield { kind: 'absent', cause: 'bad-media', detail };
      return;
    }
    this.#broken = false;
    yield { kind: 'segment', segment, media };
  }

  /** The demuxed media, or why the segment is unreadable. */
  #demuxPieces(segment: QueuedSegment, fetched: Extract<Fetched, { kind: 'fetched' }>): DemuxedSegment | string {
    try {
      return this.#demux.demux(fetched.pieces, fetched.init, segment.part);
    } catch (error) {
      if (error instanceof FormatError) return `${nameOf(segment.url)}: ${messageOf(error)}`.slice(0, 200);
      throw error;
    }
  }
}

/**
 * Queues the segments of the playlist until it ends. Never rejects: the reader of the queue receives the
 * error.
 */
async function fill(
  jobs: Queue,
  download: SegmentDownload,
  location: RenditionLocation,
  context: PullContext,
  signal: AbortSignal,
): Promise<void> {
  const { counters, hadUntilMs, fromMs, awaitReturn, wasLive, log, lowLatency } = context;
  const queue = new SegmentQueue(counters, { hadUntilMs, fromMs, wasLive: awaitReturn && wasLive });
  const ahead = new PartPrefetch(download);
  const lost = (count: number, detail: string) => async (): Promise<RenditionItem> => {
    counters.skipped(count);
    log.warn({ count, detail }, 'segments lost');
    return { kind: 'absent', cause: 'source-skipped', detail };
  };
  const fetch = (segment: QueuedSegment): ((slot: JobSlot) => Promise<Raw>) => {
    const begun = segment.part === undefined ? undefined : ahead.take(segment);
    return async (slot) => {
      const early = await begun;
      if (early) return { kind: 'raw', segment, fetched: early };
      if (segment.part !== undefined && !queue.isNew(segment))
        return unavailable(segment, 'oxbow fell behind its parts');
      const fetched = await download.fetch(segment, () => queue.isListed(segment), { signal, slot });
      return { kind: 'raw', segment, fetched };
    };
  };
  try {
    for await (const report of pollPlaylist(location.first, location.relocate, context, { signal })) {
      if (report.kind === 'down') {
        log.warn({ detail: report.detail }, 'the source is down');
        jobs.push(async () => ({ kind: 'absent', cause: 'source-down', detail: report.detail }));
        continue;
      }
      if (report.kind === 'ended') {
        log.info({}, 'the source ended its playlist');
        jobs.push(async () => ({ kind: 'absent', cause: 'offline', detail: ENDED_DETAIL }));
        continue;
      }
      const { list, url, arrivedMs, moved } = report;
      const parts = lowLatency.follows(list);
      let newest: QueuedSegment | undefined;
      for (const item of queue.take(list, url, arrivedMs, { parts, moved })) {
        if (item.kind === 'lost') jobs.push(lost(item.count, item.detail));
        else if (item.kind === 'missing') jobs.push(async () => unavailable(item.segment, item.detail));
        else if (item.kind === 'segment-end') jobs.push(async () => item);
        else jobs.push(fetch(item.segment));
        if (item.kind !== 'lost') newest = item.segment;
      }
      if (parts && newest) ahead.follow(list, url, newest, { signal });
      const listed = list.segments.reduce((sum, segment) => sum + 1 + segment.parts.length, 0);
      if (!list.endList && jobs.waiting > Math.max(MIN_WAITING, listed)) {
        jobs.drop(PARALLEL, (count) => lost(count, `oxbow fell behind by ${count} segments`));
      }
    }
    jobs.end();
  } catch (error) {
    jobs.end({ error });
  } finally {
    ahead.drop();
  }
}

function unavailable(segment: QueuedSegment, detail: string): Raw {
  return { kind: 'raw', segment, fetched: { kind: 'given-up', cause: 'source-skipped', detail } };
}
