/**
 * Where recorded segments lie that were asked for a moment ago, so that whoever comes next need not ask the index.
 * In: segments that were found. Out: replies, while their bytes are in shared blocks. A segment has the same bytes for life (docs/media.md 14).
 */
import type { RangeReader } from '../../archive/range-reader.ts';
import type { SegmentRange } from '../../archive/segment-store.ts';
import { Emitter, type Subscribable } from '../../lib/events.ts';
import { interleaveFragments } from '../../media/isobmff/interleave.ts';
import { lengthOf } from '../pieces.ts';
import type { Reply } from '../reply.ts';
import type { ServedLiveStream } from '../served-stream.ts';

/** Of a stream; the one that was found first goes first. */
const MAX_KNOWN = 2000;

/** Where a segment lies, and what is said with it. */
export interface RecordedLocation {
  /** Everything of a reply but the bytes. */
  readonly reply: Omit<Reply, 'pieces'>;
  /** Its tracks, each one range. */
  readonly ranges: readonly SegmentRange[];
  /** µs since 1970. */
  readonly startUs: number;
}

/** A segment that was found. */
export interface FoundSegment {
  /** Of the stream. */
  readonly name: string;
  /** Of the segment within it, for life. */
  readonly key: string;
  readonly place: RecordedLocation;
}

/** The places. */
export class KnownSegments {
  readonly #reader: Pick<RangeReader, 'peek'>;
  readonly #found = new Emitter<FoundSegment>();
  /** By live list: a stream that is made anew under its name has another one. */
  readonly #streams = new WeakMap<ServedLiveStream['list'], Map<string, RecordedLocation>>();

  constructor(reader: Pick<RangeReader, 'peek'>) {
    this.#reader = reader;
  }

  /** Segments as they are remembered, for whoever serves them too. */
  get found(): Subscribable<FoundSegment> {
    return this.#found;
  }

  /** A segment was found. Only whole ones whose bytes are shared: longer ones are downloads. */
  remember({ name, list }: Pick<ServedLiveStream, 'name' | 'list'>, key: string, place: RecordedLocation): void {
    const known = this.#streams.get(list) ?? new Map<string, RecordedLocation>();
    this.#streams.set(list, known);
    known.set(key, place);
    if (known.size > MAX_KNOWN) known.delete(known.keys().next().value!);
    this.#found.emit({ name, key, place });
  }

  /** Where it lies, as far as that is known. */
  ranges({ list }: Pick<ServedLiveStream, 'list'>, key: string): readonly SegmentRange[] {
    return this.#streams.get(list)?.get(key)?.ranges ?? [];
  }

  /** The reply, where all of it is in memory and is still kept. */
  ready(stream: Pick<ServedLiveStream, 'list' | 'horizonUs'>, key: string): Reply | undefined {
    const known = this.#streams.get(stream.list);
    const place = known?.get(key);
    if (!known || !place) return undefined;
    if (place.startUs < stream.horizonUs()) {
      known.delete(key); // the long way knows whether it is gone, or pinned
      return undefined;
    }
    const tracks: Uint8Array[] = [];
    for (const { location, offset, length } of place.ranges) {
      const views = this.#reader.peek(location, offset, length);
      if (!views) return undefined;
      if (place.ranges.length === 1) return { ...place.reply, pieces: views };
      tracks.push(views.length === 1 ? views[0]! : Buffer.concat(views));
    }
    const pieces = interleaveFragments(tracks);
    return lengthOf(pieces) === place.reply.length ? { ...place.reply, pieces } : undefined;
  }
}
