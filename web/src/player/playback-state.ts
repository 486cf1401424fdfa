/**
 * The values of playback: its state, what the reducer sees of the player, and the events and effects of its
 * transitions.
 * In: nothing. Out: types for playback.ts, the controller and the watchdog. Times are unix milliseconds, or
 * of the steady clock where that is named.
 */
import type { Failure } from '../api/client.ts';
import type { MediaState, Note } from '../media/state.ts';
import type { Moment } from '../time/past.ts';
import { noRetry, type Retry } from './retry.ts';
import { type Missing, type MissingSegment, nothingMissing } from './source/missing.ts';

/** A live list is no longer loaded after a pause this long, milliseconds. */
export const LONG_PAUSE_MS = 30_000;

/** What a buffer loads: the live list, or windows of the recording. */
export type SourceKind = 'live' | 'past';

/** The source that the buffer in the background prepares. Steady clock. */
interface PendingSwitch {
  readonly to: SourceKind;
  readonly sinceMs: number;
  /** When it last received something. */
  readonly aliveMs: number;
}

/** The played media, the request, and the failure. */
export interface PlaybackState {
  mode: MediaState['mode'];
  /** Position, speed and pauses are those of a room. */
  inRoom: boolean;
  /** The requested time, until a picture of it is shown. */
  targetMs: number | null;
  shownMs: number | null;
  /** The stream receives media. */
  streamLive: boolean;
  /** The viewer has not paused. */
  wantPlay: boolean;
  /** Steady clock. */
  pausedAtMs: number | null;
  /** Speed that the viewer chose. */
  rate: number;
  /** At double speed until live. */
  catchingUp: boolean;
  failure: Failure | null;
  note: Note | null;
  loop: MediaState['loop'];
  /** The last requested time, if it could not be played. */
  refusedMs: number | null;
  /** Counts requests of the viewer, so that a late lookup for an older one is dropped. */
  request: number;
  /** The recorded time nearest to the request is being looked up. */
  finding: boolean;
  pending: PendingSwitch | null;
  retry: Retry;
  missing: Missing;
  /** End of a missing segment ahead of the picture: playback continues there when it arrives. */
  skipToMs: number | null;
}

/** The state of a page that was just opened. */
export const initialState: Readonly<PlaybackState> = {
  mode: 'idle',
  inRoom: false,
  targetMs: null,
  shownMs: null,
  streamLive: false,
  wantPlay: true,
  pausedAtMs: null,
  rate: 1,
  catchingUp: false,
  failure: null,
  note: null,
  loop: null,
  refusedMs: null,
  request: 0,
  finding: false,
  pending: null,
  retry: noRetry,
  missing: nothingMissing,
  skipToMs: null,
};

/** What the reducer sees of the visible buffer. */
export interface FrontView {
  readonly kind: SourceKind | null;
  /** Its list is loaded. */
  readonly listed: boolean;
  /** Its loading was stopped. */
  readonly stopped: boolean;
  /** It has shown a picture. */
  readonly hasPicture: boolean;
  /** It shows the picture at its position. */
  readonly ready: boolean;
  readonly paused: boolean;
  /** Time of its picture. */
  readonly shownMs: number | null;
  /** End of its list. */
  readonly edgeMs: number | null;
  /** Where a live list is to be played, media seconds. */
  readonly liveSyncPosition: number | null;
  /** Duration of a frame, seconds. */
  readonly frameS: number;
  /** Where a time is in its list, media seconds; null if it is not. */
  positionOf(atMs: number): number | null;
}

/** What the reducer sees of the player. */
export interface PlaybackView {
  readonly steadyMs: number;
  /** The server's time. */
  readonly nowMs: number;
  readonly front: FrontView;
}

/** What happens to the player. */
export type PlaybackEvent =
  /** Requests of the viewer; see `MediaRequests`. */
  | { readonly type: 'go-live' | 'try-again' | 'toggle-play' | 'forget-note' | 'catch-up' }
  | { readonly type: 'go-to'; readonly atMs: number; readonly back: boolean }
  | { readonly type: 'set-rate'; readonly rate: number }
  | { readonly type: 'set-loop'; readonly range: MediaState['loop'] }
  /** The room plays, pauses, or is elsewhere; `atMs`: where to go, null to stay. */
  | { readonly type: 'room'; readonly atMs: number | null; readonly playing: boolean; readonly rate: number }
  /** Pauses for steps from frame to frame. */
  | { readonly type: 'hold' }
  /** The result of the effect `find`. */
  | {
      readonly type: 'found';
      readonly request: number;
      readonly requestedMs: number;
      readonly moment: Moment | undefined;
    }
  | { readonly type: 'find-failed'; readonly request: number; readonly failure: Failure }
  /** The state of the stream was received. */
  | { readonly type: 'stream'; readonly live: boolean }
  /** The live stream has qualities that the live list did not have when it was loaded. */
  | { readonly type: 'more-qualities' }
  /** The list of a buffer was loaded or has grown; `over`: a live list has EXT-X-ENDLIST. */
  | { readonly type: 'list'; readonly front: boolean; readonly over: boolean }
  /** The buffer in the background received something, or has its first picture. */
  | { readonly type: 'progress' | 'first-picture' }
  /**
   * The visible buffer shows a frame, has played its list to the end, or was started or paused by something
   * else than the player.
   */
  | { readonly type: 'frame' | 'ended' | 'played' | 'paused' }
  /** hls.js gave up on a buffer. */
  | {
      readonly type: 'failed';
      readonly front: boolean;
      readonly failure: Failure;
      readonly isNetwork: boolean;
      /** The segment of a recording that is missing. */
      readonly segment: MissingSegment | null;
    }
  /** The watchdog: a regular look at the clock. */
  | { readonly type: 'tick' }
  /**
   * The watchdog: the picture waits because its stream is offline, because its playlist is lost, or before a
   * missing segment.
   */
  | { readonly type: 'starved' | 'lost' | 'missing-segment-reached' }
  /**
   * The watchdog: the recording is played to its end, live is caught up with, or the picture is about to
   * leave the live list.
   */
  | { readonly type: 'past-over' | 'caught-up' | 'leaving' };

/** The events of one type. */
export type PlaybackEventOf<Type extends PlaybackEvent['type']> = Extract<PlaybackEvent, { type: Type }>;

/** What the player does. */
export type PlaybackEffect =
  /**
   * Prepares the live list in the background, at its edge or near a time, or the window of a time; drops what
   * was being prepared.
   */
  | { readonly do: 'load-live'; readonly atMs?: number }
  | { readonly do: 'load-past'; readonly atMs: number }
  | { readonly do: 'drop' | 'swap' | 'play' | 'pause' | 'play-back' | 'pause-back' | 'stop-loading' }
  | { readonly do: 'seek'; readonly position: number }
  | { readonly do: 'set-speed'; readonly rate: number }
  /** Looks up the recorded time to play; `isListed`: the visible buffer has it. */
  | {
      readonly do: 'find';
      readonly request: number;
      readonly atMs: number;
      readonly back: boolean;
      readonly isListed: boolean;
    }
  /**
   * For the measurement of latency and stalls: waiting is expected now, the playlist has grown, earlier
   * figures are void, a stall does not count.
   */
  | { readonly do: 'expect-wait' | 'measure-edge' | 'restart-rate' | 'undo-stall' };

export interface PlaybackTransition {
  readonly state: Readonly<PlaybackState>;
  /** In order. */
  readonly effects: readonly PlaybackEffect[];
}
