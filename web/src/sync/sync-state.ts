/**
 * The values of synchronization: its state, the view that the transitions have of the player, their events
 * and effects.
 * In: nothing. Out: types for sync-transitions.ts and the controller. Times are of the page's steady clock,
 * ms, except where the server's is named; positions are ms.
 */
import { nothingPlays, type PlaybackState } from '../../../src/api/room/playback.ts';
import type { SyncTarget } from '../player/sync-target.ts';
import { type Cost, noCosts, type RequestCosts } from './request-costs.ts';
import { noReserve, type Reserve } from './reserve.ts';
import { newSupply, type Supply } from './supply.ts';

/** Between two corrections by a seek, at first: twice as long each time. */
export const FIRST_SEEK_PAUSE_MS = 1_000;
/** A position that could not be shown is tried again this much later. */
export const LOAD_PAUSE_MS = 5_000;

/** What the picture is doing; docs/7-together/in-step.md describes each. */
export type SyncPhase =
  | { readonly name: 'idle' | 'free' | 'moved' | 'blank' | 'paused' | 'stopped' | 'ended' | 'tracking' }
  /** The player was sent to a position, or is on its way; a correction leaves fewer seeks for settling. */
  | { readonly name: 'placed' | 'loading'; readonly isCorrection: boolean }
  | {
      readonly name: 'meeting';
      readonly meetMs: number;
      /** The room has not reached the media yet; otherwise it waits to have media in reserve. */
      readonly isEarly: boolean;
    };

/** How far the picture is from its room, and the corrections. */
export interface SyncState {
  phase: SyncPhase;
  /** The state of the room that is in effect. */
  room: PlaybackState;
  /** Takes effect at its anchor. */
  next: PlaybackState | null;
  /** The last step, and the last time that the player was sent somewhere. */
  steppedAtMs: number;
  placedAtMs: number;
  /** Frames from before this time do not count: the page was hidden, or stood still. */
  countFromMs: number;
  /** When the picture was last measured out of step. */
  offAtMs: number;
  /** Between two corrections by a seek, and between two loads. */
  seekPauseMs: number;
  loadPauseMs: number;
  /** The speed is being corrected. */
  isCorrecting: boolean;
  /** The next frames measure the cost of this. */
  measures: Cost | null;
  settleUntilMs: number;
  /** Seeks that are left for settling. */
  settleSeeks: number;
  /** When someone last moved the room. */
  movedAtMs: number;
  /** The server or the source is back: until then waits say nothing about the network. */
  returnsUntilMs: number;
  /** The room has passed the end of what the source has sent. */
  isPastEnd: boolean;
  costs: RequestCosts;
  reserve: Reserve;
  supply: Supply;
}

/** A room that is not known yet. */
export const initialSync: Readonly<SyncState> = {
  phase: { name: 'idle' },
  room: nothingPlays,
  next: null,
  steppedAtMs: Number.NEGATIVE_INFINITY,
  placedAtMs: Number.NEGATIVE_INFINITY,
  countFromMs: Number.NEGATIVE_INFINITY,
  offAtMs: Number.NEGATIVE_INFINITY,
  seekPauseMs: FIRST_SEEK_PAUSE_MS,
  loadPauseMs: LOAD_PAUSE_MS,
  isCorrecting: false,
  measures: null,
  settleUntilMs: Number.NEGATIVE_INFINITY,
  settleSeeks: 0,
  movedAtMs: Number.NEGATIVE_INFINITY,
  returnsUntilMs: Number.NEGATIVE_INFINITY,
  isPastEnd: false,
  costs: noCosts,
  reserve: noReserve,
  supply: newSupply,
};

/** The view of the player and its page. */
export interface SyncView {
  /** The server's time, unix ms. */
  readonly nowMs: number;
  readonly steadyMs: number;
  /** The page is not visible: it shows no frames, and browsers delay its timers. */
  readonly hidden: boolean;
  /** The browser changes the speed without a gap in the sound; without that, only seeks correct. */
  readonly changesRate: boolean;
  /** Live media from elsewhere has no common positions: only pauses and starts are the room's. */
  readonly hasPositions: (item: string) => boolean;
  readonly target: Omit<SyncTarget, 'follow' | 'correct' | 'ease'>;
}

/** A correction of the picture by a seek. */
export interface Correction {
  readonly for: 'correct';
  readonly cost: Cost;
  readonly lateS: number;
  /** The speed that corrects the picture without a seek. */
  readonly factor: number;
  readonly isSettling: boolean;
  readonly isStuck: boolean;
}

/** Why the player is sent to a position. */
export type Placement =
  /** The room was moved, the picture is missing or at its end, another frame is shown, or it was stopped. */
  | { readonly for: 'move' | 'again' | 'still' | 'resume'; readonly cost: Cost }
  | Correction
  /** Ahead of the room, to load there; where that is not possible, the usual correction. */
  | {
      readonly for: 'reserve';
      readonly meetMs: number;
      readonly reserveMs: number;
      readonly otherwise: Correction;
    };

/** What happens to the picture. */
export type SyncEvent =
  | { readonly type: 'room'; readonly room: PlaybackState }
  /** A regular look: first whether another state takes effect, then at the picture. */
  | { readonly type: 'due' | 'step' }
  /** The page is shown again, or the machine slept. */
  | { readonly type: 'wake' }
  /** The server was gone and is back, or the source. */
  | { readonly type: 'returned' }
  /** The result of the effect `place`; refused: the media is not there yet. */
  | { readonly type: 'placed' | 'refused'; readonly placement: Placement };

/** What the player does; see `SyncTarget`. */
export type SyncEffect =
  /** Plays or pauses where it is. */
  | { readonly do: 'follow'; readonly playing: boolean; readonly rate: number }
  /** Goes to the first of these positions that it takes. Always the last effect. */
  | {
      readonly do: 'place';
      readonly positionsMs: readonly number[];
      readonly playing: boolean;
      readonly rate: number;
      readonly placement: Placement;
    }
  | { readonly do: 'correct'; readonly factor: number }
  | { readonly do: 'ease'; readonly isSlow: boolean };

/** A state and what leads to it. */
export interface SyncTransition {
  readonly state: Readonly<SyncState>;
  /** In order. */
  readonly effects: readonly SyncEffect[];
}
