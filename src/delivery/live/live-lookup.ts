/**
 * Finds the object of a live address without waiting and without reading a file.
 * In: address and query. Out: the reply, a pending reply, or undefined if the slow path (`createMediaRouter`)
 * must answer. docs/media.md 27, 28.
 */
import type { LiveAddress } from '../../api/media-address.ts';
import type { Subscribable } from '../../lib/events.ts';
import type { Reply } from '../reply.ts';
import type { ServedLiveStream } from '../served-stream.ts';
import { parseDirectives } from './directives.ts';
import { liveIndex, livePart, livePlaylist, liveSegment, segmentKey } from './live.ts';
import { liveManifest } from './live-manifest.ts';
import type { PendingReply } from './pending-reply.ts';
import { windowNameOf } from './quality-window.ts';
import type { SegmentCache } from './segment-cache.ts';

/**
 * The state of a live window that caches of its playlists and parts depend on. Another object is another
 * stream.
 */
export interface ListState {
  /** Rises with each change. */
  readonly version: number;
  /** Rises when segments are deleted. */
  readonly erasures: number;
  readonly changes: Subscribable<void>;
}

/** Synchronous lookups by live address. */
export interface LiveLookup {
  /**
   * A window by its name (`windowNameOf`); undefined if there is none. In a serving thread this requests a
   * replica.
   */
  list(window: string): ListState | undefined;
  /** Whether `list` is still the window of that name. Does not request a replica. */
  isCurrent(window: string, list: ListState): boolean;
  /**
   * The reply or the pending reply; undefined if it needs a file or work.
   *
   * @throws OxbowError as `MediaRouter`
   */
  find(address: LiveAddress, query: URLSearchParams): Reply | PendingReply | undefined;
  /**
   * A recorded segment of the segment cache. Callers must not keep it: its bytes belong to the shared block
   * cache.
   */
  findRecorded(address: LiveAddress): Reply | undefined;
}

/**
 * @param find finds a stream or a derived quality in memory by the name of its window
 * @param segmentCache shared with `createMediaRouter`, which fills it
 */
export function createLiveLookup(
  find: (window: string) => ServedLiveStream | undefined,
  segmentCache: SegmentCache,
): LiveLookup {
  return {
    list: (name) => find(name)?.list,
    isCurrent: (name, list) => find(name)?.list === list,
    find(address, query) {
      const stream = find(windowNameOf(address));
      if (!stream) return undefined;
      switch (address.kind) {
        case 'index':
          // A first request waits for a stream that is starting.
          return stream.list.ready ? liveIndex(stream) : undefined;
        case 'manifest':
          return liveManifest(stream);
        case 'playlist':
          return livePlaylist(stream, address, parseDirectives(query));
        case 'part':
          return livePart(stream, address);
        case 'segment':
          return liveSegment(stream, address);
        case 'init':
          return undefined;
      }
    },
    findRecorded(address) {
      const stream = address.kind === 'segment' ? find(windowNameOf(address)) : undefined;
      return stream && address.kind === 'segment' ? segmentCache.find(stream, segmentKey(address)) : undefined;
    },
  };
}
