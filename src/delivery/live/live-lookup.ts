/**
 * Finds the object of a live address without waiting and without reading a file.
 * In: address and query. Out: the reply, a pending reply, or undefined if the slow path (`createMediaRouter`)
 * must answer. docs/media.md 27, 28.
 */

import type { Track } from '@oxbow/media/frame';
import type { LiveAddress } from '../../api/media-address.ts';
import type { Subscribable } from '../../lib/events.ts';
import { contentKeysOf, keyOfSegment, refuseClear } from '../encryption/access-by-key.ts';
import type { ContentKey } from '../encryption/content-keys.ts';
import type { EncryptedReplies } from '../encryption/encrypted-replies.ts';
import type { Reply } from '../reply.ts';
import type { ServedLiveStream } from '../served-stream.ts';
import { parseDirectives } from './directives.ts';
import { liveIndex, livePart, livePlaylist, liveSegment, renditionOf, segmentKey } from './live.ts';
import { liveManifest } from './live-manifest.ts';
import { isPending, type PendingReply } from './pending-reply.ts';
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
 * @param encrypted shared with it too
 */
export function createLiveLookup(
  find: (window: string) => ServedLiveStream | undefined,
  segmentCache: SegmentCache,
  encrypted: EncryptedReplies,
): LiveLookup {
  return {
    list: (name) => find(name)?.list,
    isCurrent: (name, list) => find(name)?.list === list,
    find(address, query) {
      const stream = find(windowNameOf(address));
      // A key server may have to be called first.
      const keys = stream && contentKeysOf(stream);
      if (!stream || keys?.isElsewhere || (keys && !keys.hasAll(stream.list.segments))) return undefined;
      switch (address.kind) {
        case 'index':
          // A first request waits for a stream that is starting.
          return stream.list.ready ? liveIndex(stream) : undefined;
        case 'manifest':
          if (keys && !keys.isCommon) refuseClear(keys);
          return liveManifest(stream);
        case 'playlist':
          return livePlaylist(stream, address, parseDirectives(query));
        case 'part':
        case 'segment': {
          const key = keyOfSegment(keys, address);
          const clear = address.kind === 'part' ? livePart(stream, address) : liveSegment(stream, address);
          const tracksOf = () => tracksIn(stream, address);
          return key && clear ? encryptedWhenReady(clear, key, { encrypted, tracksOf }) : clear;
        }
        case 'init':
          return undefined;
      }
    },
    findRecorded(address) {
      const stream = address.kind === 'segment' ? find(windowNameOf(address)) : undefined;
      if (!stream || address.kind !== 'segment') return undefined;
      const clear = segmentCache.find(stream, segmentKey(address));
      const keys = contentKeysOf(stream);
      if (keys?.isElsewhere) return undefined;
      const key = clear && keyOfSegment(keys, address);
      return key ? encrypted.atOnce(clear, key) : clear;
    },
  };
}

/** The tracks of a rendition in a segment of the live window; undefined if it is not there. */
export function tracksIn(
  { list }: ServedLiveStream,
  { msn, rendition }: { readonly msn: number; readonly rendition: string },
): readonly Track[] | undefined {
  const init = list.find(msn)?.init;
  return init && renditionOf(init.tracks, rendition).tracks;
}

/** How `encryptedWhenReady` encrypts. */
interface ReadyOptions {
  readonly encrypted: EncryptedReplies;
  /** The tracks in the media; undefined: they are not in memory. */
  readonly tracksOf: () => readonly Track[] | undefined;
}

/** A reply or a pending reply, encrypted; undefined if its bytes are not in memory. */
export function encryptedWhenReady(
  clear: Reply | PendingReply,
  key: ContentKey,
  { encrypted, tracksOf }: ReadyOptions,
): Reply | PendingReply | undefined {
  if (!isPending(clear)) return encrypted.atOnce(clear, key, tracksOf());
  const look = () => {
    const reply = clear.look();
    return reply && encrypted.atOnce(reply, key, tracksOf());
  };
  return { ...clear, key: `${clear.key}#${key.name}`, look };
}
