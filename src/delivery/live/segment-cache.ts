/**
 * Cache of recorded segments that were requested recently: their headers and where their bytes are stored.
 * The bytes are in the shared blocks of the range reader, so a hit needs neither the index nor a read.
 * In: segments that `answerSegment` found in the recording. Out: replies for the hot path. A segment never
 * changes (docs/media.md 14).
 */

import { interleaveFragments } from '@oxbow/media/isobmff/interleave';
import type { SummedRange } from '../../archive/integrity/read-intact.ts';
import type { RangeReader } from '../../archive/range-reader.ts';
import type { SegmentPrefix } from '../../archive/segment-store.ts';
import { dropOldest } from '../../lib/drop-oldest.ts';
import { Emitter, type Subscribable } from '../../lib/events.ts';
import { joinViews, lengthOf } from '../body-parts.ts';
import type { Reply } from '../reply.ts';
import type { ServedLiveStream } from '../served-stream.ts';

/** Segments of one stream; the first added is evicted first. */
const MAX_SEGMENTS = 2000;
/** Files whose segments were forgotten. */
const MAX_FORGOTTEN = 10_000;

/** One segment of one rendition. */
export interface CachedSegment {
  /** The reply without its bytes. */
  readonly reply: Omit<Reply, 'body'>;
  /** One range for each track. */
  readonly ranges: readonly SummedRange[];
  /** µs since 1970. */
  readonly startUs: number;
}

/** A segment that was added, with its stream and key. */
interface AddedSegment {
  /** Of the stream. */
  readonly name: string;
  /** See `segmentKey` of live.ts. */
  readonly key: string;
  readonly segment: CachedSegment;
}

/** With the count of forgotten files when it was added. */
type KnownSegment = CachedSegment & { readonly addedAt: number };

/** Segments of all streams. */
export class SegmentCache {
  readonly #reader: Pick<RangeReader, 'peek'>;
  readonly #added = new Emitter<AddedSegment>();
  /** Keyed by live list: a stream that is deleted and created again has another one. */
  readonly #streams = new WeakMap<
    ServedLiveStream['list'],
    { readonly erasures: number; readonly segments: Map<string, KnownSegment> }
  >();
  /** When files were forgotten; the first first. A time is a count of these. */
  readonly #forgottenAt = new Map<string, number>();
  #now = 0;

  constructor(reader: Pick<RangeReader, 'peek'>) {
    this.#reader = reader;
  }

  /** Emits each added segment; serving threads add it to their own caches. */
  get added(): Subscribable<AddedSegment> {
    return this.#added;
  }

  /**
   * Adds a segment. Only segments that the range reader shares between clients: longer ones are downloads.
   */
  add({ name, list }: Pick<ServedLiveStream, 'name' | 'list'>, key: string, segment: CachedSegment): void {
    const segments = this.#of(list) ?? new Map<string, KnownSegment>();
    this.#streams.set(list, { erasures: list.erasures, segments });
    segments.set(key, { ...segment, addedAt: this.#now });
    dropOldest(segments, MAX_SEGMENTS);
    this.#added.emit({ name, key, segment });
  }

  /**
   * Removes the segments of a file that was deleted, replaced or found damaged: segments that are read next
   * must be compared first.
   */
  forget(location: SegmentPrefix): void {
    this.#forgottenAt.delete(location);
    this.#forgottenAt.set(location, ++this.#now);
    dropOldest(this.#forgottenAt, MAX_FORGOTTEN);
  }

  /** The stored ranges of a segment; empty if it is not in the cache. */
  rangesOf({ list }: Pick<ServedLiveStream, 'list'>, key: string): readonly SummedRange[] {
    return this.#of(list)?.get(key)?.ranges ?? [];
  }

  /** The reply; undefined unless all its bytes are in memory and retention still keeps the segment. */
  find(stream: Pick<ServedLiveStream, 'list' | 'horizonUs'>, key: string): Reply | undefined {
    const segments = this.#of(stream.list);
    const segment = segments?.get(key);
    if (!segments || !segment) return undefined;
    const isForgotten = segment.ranges.some(({ location }) => (this.#forgottenAt.get(location) ?? 0) > segment.addedAt);
    if (isForgotten || segment.startUs < stream.horizonUs()) {
      segments.delete(key); // the slow path decides whether it is deleted, damaged or pinned
      return undefined;
    }
    const tracks: Uint8Array[] = [];
    for (const { location, offset, length } of segment.ranges) {
      const views = this.#reader.peek(location, offset, length);
      if (!views) return undefined;
      if (segment.ranges.length === 1) return { ...segment.reply, body: views };
      tracks.push(joinViews(views));
    }
    const body = interleaveFragments(tracks);
    return lengthOf(body) === segment.reply.length ? { ...segment.reply, body } : undefined;
  }

  /** The segments of a live window; none of before a deletion. */
  #of(list: ServedLiveStream['list']): Map<string, KnownSegment> | undefined {
    const cached = this.#streams.get(list);
    return cached?.erasures === list.erasures ? cached.segments : undefined;
  }
}
