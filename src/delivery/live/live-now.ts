/**
 * What can be said of a live address without waiting: looks into memory alone.
 * In: address and query. Out: the reply, what to wait for, or undefined if the slow path must answer. docs/media.md 27, 28.
 */
import type { LiveAddress } from '../../api/media-address.ts';
import type { Subscribable } from '../../lib/events.ts';
import type { Reply } from '../reply.ts';
import type { ServedLiveStream } from '../served-stream.ts';
import { parseDirectives } from './directives.ts';
import { cachedSegment, liveIndex, livePart, livePlaylist, segmentInMemory } from './live.ts';
import type { PendingReply } from './pending-reply.ts';
import type { SegmentCache } from './segment-cache.ts';

/** A live list as caches of its lists and parts see it: another object is another stream. */
export interface ListState {
  /** Rises with every change. */
  readonly version: number;
  readonly changes: Subscribable<void>;
}

/** Answers at once, or not at all. */
export interface LiveNow {
  /** Of a stream; undefined where there is none of that name. */
  list(name: string): ListState | undefined;
  /** Whether that is still the list of the stream. Unlike `list` it is no sign that somebody wants it. */
  isCurrent(name: string, list: ListState): boolean;
  /**
   * The reply or what to wait for; undefined where it lies in a file, or takes time.
   *
   * @throws OxbowError as `MediaRouter`
   */
  look(address: LiveAddress, query: URLSearchParams): Reply | PendingReply | undefined;
  /** A segment of the recording that others asked for a moment ago; not to be kept, its bytes belong to what is shared. */
  recorded(address: LiveAddress): Reply | undefined;
}

/**
 * @param find looks into memory
 * @param segmentCache shared with `createMediaRouter`, which fills it
 */
export function createLiveNow(
  find: (name: string) => ServedLiveStream | undefined,
  segmentCache: SegmentCache,
): LiveNow {
  return {
    list: (name) => find(name)?.list,
    isCurrent: (name, list) => find(name)?.list === list,
    look(address, query) {
      const stream = find(address.stream);
      if (!stream) return undefined;
      switch (address.kind) {
        case 'index':
          // A first request waits for a stream that is starting.
          return stream.list.ready ? liveIndex(stream) : undefined;
        case 'playlist':
          return livePlaylist(stream, address, parseDirectives(query));
        case 'part':
          return livePart(stream, address);
        case 'segment':
          return segmentInMemory(stream, address);
        case 'init':
          return undefined;
      }
    },
    recorded(address) {
      const stream = address.kind === 'segment' ? find(address.stream) : undefined;
      return stream && address.kind === 'segment' ? cachedSegment(stream, address, segmentCache) : undefined;
    },
  };
}
