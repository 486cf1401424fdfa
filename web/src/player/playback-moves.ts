/**
 * The moves of playback: what events lead to, each a change of the state with the effects that belong to it.
 * In: a copy of the state, a view of the visible buffer. Out: the changed copy, effects. Without any
 * other effect.
 */
import { isInLoop } from './loop.ts';
import type { PlaybackEffect, PlaybackState, PlaybackView } from './playback-state.ts';
import { noRetry } from './retry.ts';

/** A request for a time this near to now means live, milliseconds. */
const NOW_MS = 4_000;

/** One transition in the making. */
export class PlaybackMoves {
  /** Its own copy. */
  readonly state: PlaybackState;
  readonly effects: PlaybackEffect[] = [];
  readonly view: PlaybackView;

  constructor(state: Readonly<PlaybackState>, view: PlaybackView) {
    this.state = { ...state };
    this.view = view;
  }

  /** Requests effects, in order. */
  do(...effects: PlaybackEffect[]): void {
    this.effects.push(...effects);
  }

  /** Shows live on request. */
  goLive(): void {
    this.state.note = null;
    this.showLive();
  }

  /**
   * Looks a requested time up, unix milliseconds.
   * @param back this is a step back: a gap is left at its start
   */
  goTo(requestedMs: number, back = false): void {
    const { state } = this;
    const { front, nowMs } = this.view;
    if (!isInLoop(state.loop, requestedMs)) state.loop = null;
    state.note = null;
    state.failure = null;
    state.refusedMs = null;
    state.retry = noRetry;
    state.request += 1;
    if (requestedMs > nowMs - NOW_MS && state.streamLive) {
      this.showLive();
      return;
    }
    state.targetMs = requestedMs;
    state.finding = true;
    const isListed = this.plays() && front.positionOf(requestedMs) !== null;
    this.do({ do: 'find', request: state.request, atMs: requestedMs, back, isListed });
  }

  /** Plays at normal speed again, if it catches up. */
  endCatchUp(): void {
    const { state } = this;
    if (!state.catchingUp) return;
    state.catchingUp = false;
    state.rate = 1;
    this.applyRate();
  }

  /** Shows live, or waits for the stream; a note stays. */
  showLive(): void {
    const { state } = this;
    const { front } = this.view;
    state.request += 1;
    state.finding = false;
    state.refusedMs = null;
    state.failure = null;
    state.targetMs = null;
    state.loop = null;
    state.wantPlay = true;
    state.rate = 1;
    state.catchingUp = false;
    state.retry = noRetry;
    if (!state.streamLive) {
      this.goOffline();
    } else if (this.plays() && front.kind === 'live' && front.liveSyncPosition !== null) {
      this.drop();
      state.mode = 'live';
      this.do({ do: 'seek', position: front.liveSyncPosition }, { do: 'play' });
    } else {
      this.load('live');
    }
  }

  /** There is no live picture: the last one stays until the stream is live. */
  goOffline(): void {
    this.drop();
    this.state.targetMs = null;
    this.state.mode = 'offline';
    if (this.view.front.kind === 'past') this.do({ do: 'stop-loading' }, { do: 'pause' });
  }

  /** Shows a recorded time. */
  show(atMs: number): void {
    const { state } = this;
    const { front } = this.view;
    state.targetMs = atMs;
    state.finding = false;
    const position = this.plays() ? front.positionOf(atMs) : null;
    if (position === null) {
      this.load('past', atMs);
      return;
    }
    this.drop();
    state.mode = front.kind === 'live' ? 'shifted' : 'past';
    this.applyRate();
    this.do({ do: 'seek', position });
    if (state.wantPlay) this.do({ do: 'play' });
  }

  /** The visible buffer has a list that still serves. */
  plays(): boolean {
    const { mode, retry } = this.state;
    const { listed, stopped } = this.view.front;
    return listed && !stopped && mode !== 'offline' && retry.turns === 0;
  }

  /** Prepares a source in the background. @param atMs for live, null: its edge */
  load(to: 'live' | 'past', atMs: number | null = null): void {
    const { steadyMs } = this.view;
    this.state.pending = { to, sinceMs: steadyMs, aliveMs: steadyMs };
    if (to === 'past') this.do({ do: 'load-past', atMs: atMs ?? 0 });
    else this.do({ do: 'load-live', ...(atMs !== null && { atMs }) });
  }

  /** Drops the source in the background. */
  drop(): void {
    if (this.state.pending) this.do({ do: 'drop' });
    this.state.pending = null;
  }

  /** The viewer's speed, or the room's; at the live edge the pace has another. */
  applyRate(): void {
    const { mode, inRoom, rate } = this.state;
    this.do({ do: 'set-speed', rate: mode === 'live' && !inRoom ? 1 : rate });
  }
}
