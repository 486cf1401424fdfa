/**
 * The values of the polling of one Media Playlist: its state, and the events, reports and operations of its
 * transitions.
 * In: nothing. Out: types for poll-transitions.ts and playlist-poller.ts. Pure types. Times are monotonic ms
 * unless they say otherwise.
 */

import type { MediaPlaylist } from '@oxbow/media/m3u8/playlist';
import type { PauseBounds } from '../../../lib/abort.ts';
import type { LoadedPlaylist } from './playlist-fetch.ts';

/** The location of a Media Playlist. */
export interface PlaylistLocation {
  readonly url: URL;
  /** The playlist itself, if the search has loaded it. */
  readonly loaded?: LoadedPlaylist;
  readonly imports?: ReadonlyMap<string, string> | undefined;
}

/** What the reader of the list receives. */
export type PollReport =
  | {
      readonly kind: 'list';
      /** Complete: segments that a delta update left out are restored. */
      readonly list: MediaPlaylist;
      readonly url: URL;
      /** ms since 1970 */
      readonly arrivedMs: number;
      /** The list replaces the previous one at another URL; its sequence numbers may start again. */
      readonly moved: boolean;
    }
  /** A live list has EXT-X-ENDLIST; it is reloaded until it is live again. */
  | { readonly kind: 'ended' }
  /** The list cannot be loaded or does not change; reported once until it changes. */
  | { readonly kind: 'down'; readonly detail: string };

/** What does not change while a list is polled. */
export interface PollOptions {
  /** The URL can be looked up again. */
  readonly canRelocate: boolean;
  /** A live list that ends is polled until it is live again. */
  readonly awaitReturn: boolean;
  /**
   * The source was live before: an ended list is the rest of a broadcast, not VOD. Only with `awaitReturn`.
   */
  readonly wasLive: boolean;
  /** URLs come from a web page, which is requested rarely. */
  readonly fromPage: boolean;
}

/** What a reload requests; fixed when it begins. */
export interface Reload {
  readonly beganMs: number;
  /** The list is followed by Partial Segments. */
  readonly parts: boolean;
  /** The server may hold the reply. */
  readonly blocking: boolean;
}

/** The search for the list that follows one that ended; attempts count from 0. */
interface SuccessorSearch {
  readonly attempt: number;
  readonly untilMs: number;
}

/** What the poller waits for. The table in docs/2-sources/polling.md lists the transitions. */
export type PollPhase =
  | { readonly name: 'pausing' }
  | { readonly name: 'loading'; readonly reload: Reload }
  /** `detail` of the failure that led here. */
  | { readonly name: 'relocating'; readonly detail: string }
  | { readonly name: 'locating-return'; readonly reload: Reload }
  | ({ readonly name: 'locating-successor' } & SuccessorSearch)
  | ({ readonly name: 'pausing-successor' } & SuccessorSearch)
  | { readonly name: 'over' };

export interface PollState {
  readonly options: PollOptions;
  readonly phase: PollPhase;
  readonly location: PlaylistLocation;
  /** As last loaded from this location; undefined before that. */
  readonly list: MediaPlaylist | undefined;
  /** Identifies the content that was last reported: the edge of a list of parts, otherwise the text. */
  readonly reported: string | undefined;
  readonly targetMs: number;
  /** In a row. */
  readonly failures: number;
  /** The URL was looked up since the list was last loaded. */
  readonly relocated: boolean;
  /** `down` was reported since the list last changed, or the source is known to be away. */
  readonly downReported: boolean;
  /** The next list replaces one at another URL. */
  readonly moved: boolean;
  /** The last delta update did not fit: the list must be loaded completely. */
  readonly needsFull: boolean;
  readonly loadedAtMs: number;
  readonly changedAtMs: number;
  readonly hasBeenLive: boolean;
  /** Set while a live list that ended is awaited: since when, and when its URL was last looked up. */
  readonly ended: { readonly sinceMs: number; readonly locatedAtMs: number } | undefined;
}

/** How the pull follows its source now; `LowLatency` decides for all renditions together. */
export interface Following {
  /** The current list is followed by Partial Segments. */
  readonly parts: boolean;
  /** The server holds reloads. */
  readonly holds: boolean;
}

/** The result of an operation. */
export type PollEvent =
  /** A pause is over. `woken`: because another rendition of the source has returned. */
  | { readonly type: 'due'; readonly atMs: number; readonly following: Following; readonly woken: boolean }
  | {
      readonly type: 'loaded';
      readonly atMs: number;
      /** Complete; undefined if it is a delta update that does not fit. */
      readonly list: MediaPlaylist | undefined;
      readonly text: string;
      readonly url: URL;
      /** ms since 1970 */
      readonly arrivedMs: number;
      readonly following: Following;
    }
  /** A list could not be loaded. `gone`: the server reports that none exists at this URL. */
  | { readonly type: 'failed'; readonly atMs: number; readonly gone: boolean; readonly detail: string }
  /** The lookup takes long enough to be reported to the reader. */
  | { readonly type: 'lookup-late'; readonly atMs: number }
  /** `live`: the list there is live, as far as the operation had to know. */
  | {
      readonly type: 'located';
      readonly atMs: number;
      readonly location: PlaylistLocation | undefined;
      readonly live: boolean;
    };

/** Done at once, without a result. */
export type PollEffect =
  | { readonly do: 'report'; readonly report: PollReport }
  | { readonly do: 'count-retry' }
  /** The other renditions of the source need not wait any longer. */
  | { readonly do: 'announce-return' };

/** Takes time; answered by one event. */
export type PollOperation =
  /** Waits until a random duration within the bounds has passed since `fromMs`: `due`. */
  | ({ readonly do: 'pause'; readonly fromMs: number; readonly untilReturn: boolean } & PauseBounds)
  /** Loads a list: `loaded` or `failed`. */
  | {
      readonly do: 'load';
      readonly location: PlaylistLocation;
      /** With Delivery Directives. */
      readonly url: URL;
      readonly reload: Reload;
      /** The list before, which a delta update refers to. */
      readonly before: MediaPlaylist | undefined;
      /** How long the server may hold the reply, ms. */
      readonly holdMs: number;
      /** Longest time without bytes, ms; undefined: the default. */
      readonly idleMs: number | undefined;
      /** On a new connection. */
      readonly fresh: boolean;
    }
  /** Looks the URL up: `located`; before that `lookup-late`, once, if it takes until `lateAtMs`. */
  | {
      readonly do: 'locate';
      readonly lateAtMs: number | undefined;
      /** Loads a list at another URL to see whether it is live. */
      readonly mustBeLive: boolean;
    }
  /** Continues the lookup that was late: `located`. */
  | { readonly do: 'continue-locating' };

/** A transition: the effects in order, then the operation; none when the list is over. */
export interface PollTransition {
  readonly state: PollState;
  readonly effects: readonly PollEffect[];
  readonly operation: PollOperation | undefined;
}
