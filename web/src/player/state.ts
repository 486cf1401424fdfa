/**
 * What the course and the keeper of one player share: where the viewer is, and the parts both work with.
 * In: the two. Out: the two, the snapshot.
 */
import type { Failure } from '../api/client.ts';
import type { LiveEdge } from './live-edge.ts';
import type { Loop } from './loop.ts';
import type { Retry } from './retry.ts';
import type { Screen } from './screen.ts';
import type { Note, Snapshot } from './snapshot.ts';
import type { Sources } from './sources.ts';
import type { Stalls } from './stalls.ts';
import type { Switching } from './switching.ts';

/** A pause so long ends the loading of a live list, milliseconds. */
export const LONG_PAUSE_MS = 30_000;

/** Where the viewer is. */
export interface State {
  mode: Snapshot['mode'];
  /** Where the viewer wishes to be, until a picture from there is shown; unix milliseconds. */
  targetMs: number | null;
  shownMs: number | null;
  /** The server says that media flows. */
  streamLive: boolean;
  /** The viewer wishes it to play. */
  wantPlay: boolean;
  /** Since when it is paused, on the steady clock. */
  pausedAt: number | null;
  /** The viewer's speed. */
  rate: number;
  failure: Failure | null;
  note: Note | null;
}

/** A page that was just opened. */
export function firstState(): State {
  return {
    mode: 'idle',
    targetMs: null,
    shownMs: null,
    streamLive: false,
    wantPlay: true,
    pausedAt: null,
    rate: 1,
    failure: null,
    note: null,
  };
}

/** The parts that both work with. */
export interface Conditions {
  readonly state: State;
  readonly screen: Screen;
  readonly edge: LiveEdge;
  readonly sources: Sources;
  readonly switching: Switching;
  readonly stalls: Stalls;
  readonly retry: Retry;
  readonly loop: Loop;
  /** The server's time, unix milliseconds. */
  readonly now: () => number;
  /** A clock that nobody sets, milliseconds. */
  readonly steadyMs: () => number;
  /** This machine's clock, which goes on while it sleeps; unix milliseconds. */
  readonly wallMs: () => number;
  /** Something that the snapshot tells may have changed. */
  readonly changed: () => void;
}
