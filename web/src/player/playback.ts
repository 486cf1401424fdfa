/**
 * The transitions of playback: live, shifted, in the past, offline; which source the buffers load, and when
 * they change places.
 * In: a state, an event, a view of the visible buffer. Out: the next state, effects for the controller.
 * Pure. docs/4-watch/player.md lists the changes of mode.
 */
import { isInLoop, isLoopOver, loopOf } from './loop.ts';
import { backFailed, frontFailed, giveUp, planReload, refuse, retry, skipTo } from './playback-losses.ts';
import { PlaybackMoves } from './playback-moves.ts';
import { followRoom } from './playback-room.ts';
import {
  LONG_PAUSE_MS,
  type PlaybackEvent,
  type PlaybackEventOf,
  type PlaybackState,
  type PlaybackTransition,
  type PlaybackView,
} from './playback-state.ts';
import { isDue, noRetry } from './retry.ts';

/**
 * A switch is given up if nothing arrives for this long, and in any case after the longer time, milliseconds.
 */
const SILENT_MS = 8_000;
const LONGEST_MS = 30_000;
/** Speed of a viewer who catches up. */
const CATCH_UP_RATE = 2;
/**
 * From this distance to now on they play the live list, and a little later in it: loading takes time.
 * Milliseconds.
 */
const ENTERS_MS = 20_000;
const ENTERS_LATER_MS = 1_000;

/** The transition that an event causes. */
export function nextPlayback(
  state: Readonly<PlaybackState>,
  event: PlaybackEvent,
  view: PlaybackView,
): PlaybackTransition {
  const moves = new PlaybackMoves(state, view);
  const react = reactions[event.type] as (moves: PlaybackMoves, event: PlaybackEvent) => void;
  react(moves, event);
  const { mode } = moves.state;
  if (mode !== 'past' && mode !== 'shifted') moves.endCatchUp(); // there is nothing to catch up with
  return { state: moves.state, effects: moves.effects };
}

/** What each event leads to. */
const reactions: {
  readonly [Type in PlaybackEvent['type']]: (moves: PlaybackMoves, event: PlaybackEventOf<Type>) => void;
} = {
  'go-live': (moves) => moves.goLive(),
  'go-to': (moves, { atMs, back }) => {
    moves.endCatchUp();
    moves.goTo(atMs, back);
  },
  'catch-up': catchUp,
  'try-again': tryAgain,
  'toggle-play': togglePlay,
  room: followRoom,
  hold,
  'set-rate': setRate,
  'set-loop': (moves, { range }) => {
    const { state } = moves;
    if (range) moves.endCatchUp();
    state.loop = loopOf(range);
    if (state.loop && !isInLoop(state.loop, state.targetMs ?? state.shownMs)) moves.goTo(state.loop.fromMs);
  },
  'forget-note': ({ state }) => {
    state.note = null;
  },
  found,
  'find-failed': (moves, { request, failure }) => {
    if (request === moves.state.request) refuse(moves, failure);
  },
  stream: streamChanged,
  'more-qualities': (moves) => {
    const { mode, pending, wantPlay, streamLive, inRoom, shownMs } = moves.state;
    const { kind, ready } = moves.view.front;
    // Players read a Multivariant Playlist once: it is loaded again in the background, where a room is.
    const atMs = inRoom ? shownMs : null;
    if (mode === 'live' && kind === 'live' && ready && wantPlay && streamLive && !pending) moves.load('live', atMs);
  },
  list: (moves, event) => (event.front ? frontListed(moves, event) : backListed(moves, event)),
  progress: ({ state, view }) => {
    if (state.pending) state.pending = { ...state.pending, aliveMs: view.steadyMs };
  },
  'first-picture': swap,
  frame,
  ended,
  played: (moves) => {
    const { wantPlay, pending, inRoom } = moves.state;
    if (!inRoom && !wantPlay && !pending && !moves.view.front.paused) togglePlay(moves);
  },
  paused: ({ state, view }) => {
    if (!state.wantPlay || state.inRoom || state.mode === 'offline' || state.pending) return;
    state.wantPlay = false;
    state.pausedAtMs = view.steadyMs;
  },
  failed: (moves, event) => (event.front ? frontFailed(moves, event) : backFailed(moves, event)),
  tick,
  starved: (moves) => moves.goOffline(),
  lost: (moves) => {
    moves.do({ do: 'expect-wait' });
    planReload(moves, true);
  },
  'missing-segment-reached': (moves) => {
    if (moves.state.skipToMs !== null) skipTo(moves, moves.state.skipToMs);
  },
  'past-over': (moves) => moves.showLive(),
  'caught-up': (moves) => {
    moves.state.mode = 'live';
    moves.state.rate = 1;
    moves.applyRate();
  },
  leaving: (moves) => {
    if (moves.state.shownMs !== null) moves.goTo(moves.state.shownMs);
  },
};

function tryAgain(moves: PlaybackMoves): void {
  const { mode, shownMs, refusedMs } = moves.state;
  const atMs = refusedMs ?? (mode === 'past' || mode === 'shifted' ? shownMs : null);
  if (atMs === null) moves.goLive();
  else moves.goTo(atMs);
}

function togglePlay(moves: PlaybackMoves): void {
  const { state } = moves;
  state.wantPlay = !state.wantPlay || (moves.view.front.paused && !state.pending);
  if (!state.wantPlay) {
    state.pausedAtMs = moves.view.steadyMs;
    moves.do({ do: 'pause' }, { do: 'pause-back' });
  } else if (state.mode === 'offline' || state.mode === 'idle') {
    moves.goLive();
  } else if (state.pending) {
    moves.do({ do: 'play-back' });
  } else {
    resume(moves);
  }
}

/** Continues after a pause: from the same list if that still has the position, otherwise from its window. */
function resume(moves: PlaybackMoves): void {
  const { state } = moves;
  const { front, steadyMs } = moves.view;
  const pausedMs = state.pausedAtMs === null ? 0 : steadyMs - state.pausedAtMs;
  state.pausedAtMs = null;
  moves.do({ do: 'restart-rate' }, { do: 'expect-wait' });
  const { shownMs } = state;
  const isGone = shownMs !== null && (pausedMs > LONG_PAUSE_MS || front.positionOf(shownMs) === null);
  if (front.kind === 'live' && isGone) {
    moves.goTo(shownMs);
    return;
  }
  if (state.mode === 'live') state.mode = 'shifted';
  moves.applyRate();
  moves.do({ do: 'play' });
}

/**
 * Plays at double speed until live; the last part of it from the live list (`tick`), whose end the picture
 * can reach.
 */
function catchUp(moves: PlaybackMoves): void {
  const { state } = moves;
  const isBehind = state.mode === 'past' || state.mode === 'shifted';
  if (!isBehind || !state.streamLive || state.inRoom) return;
  state.catchingUp = true;
  state.rate = CATCH_UP_RATE;
  state.loop = null;
  moves.applyRate();
  if (!state.wantPlay) togglePlay(moves);
}

function hold(moves: PlaybackMoves): void {
  const { state } = moves;
  moves.endCatchUp();
  if (state.wantPlay) state.pausedAtMs = moves.view.steadyMs;
  state.wantPlay = false;
  if (state.mode === 'live' && !state.pending) state.mode = 'shifted';
  moves.do({ do: 'pause' }, { do: 'pause-back' }, { do: 'expect-wait' });
}

function setRate(moves: PlaybackMoves, { rate }: PlaybackEventOf<'set-rate'>): void {
  const { state } = moves;
  state.catchingUp = false;
  state.rate = Math.min(2, Math.max(0.5, rate));
  if (state.mode === 'live' && state.rate < 1) state.mode = 'shifted';
  if (state.mode === 'live')
    state.rate = 1; // there is nothing to catch up with
  else moves.applyRate();
}

function found(moves: PlaybackMoves, { request, requestedMs, moment }: PlaybackEventOf<'found'>): void {
  const { state } = moves;
  if (request !== state.request) return;
  if (moment) {
    if (moment.skipped) state.note = { key: 'note.skipped', skipped: moment.skipped };
    moves.show(moment.atMs);
  } else {
    if (moves.view.nowMs - requestedMs > LONG_PAUSE_MS) state.note = { key: 'note.nothingAfter' };
    moves.showLive();
  }
}

/** The buffer in the background has its first picture, and comes to the front. */
function swap(moves: PlaybackMoves): void {
  const { state } = moves;
  if (!state.pending) return;
  const { to } = state.pending;
  // A viewer who catches up sees the live list where the window was.
  state.mode = state.catchingUp && to === 'live' ? 'shifted' : to;
  state.pending = null;
  state.failure = null;
  state.retry = noRetry;
  state.skipToMs = null;
  moves.do({ do: 'swap' }, { do: 'expect-wait' });
  if (to === 'live') moves.do({ do: 'measure-edge' });
  moves.applyRate();
  moves.do({ do: state.wantPlay ? 'play' : 'pause' });
}

function frame(moves: PlaybackMoves): void {
  const { state } = moves;
  const { front } = moves.view;
  if (!state.pending && !state.finding) state.targetMs = null;
  state.shownMs = front.shownMs ?? state.shownMs;
  if (state.mode === 'offline' && front.kind === 'live' && !front.paused && state.streamLive) state.mode = 'live';
  const isPlaying = !state.pending && state.targetMs === null && state.wantPlay;
  if (isPlaying && isLoopOver(state.loop, state.shownMs, front.frameS)) moves.show(state.loop!.fromMs);
}

function backListed(moves: PlaybackMoves, { over }: PlaybackEventOf<'list'>): void {
  if (!over || moves.state.pending?.to !== 'live') return;
  // The live list of before a restart of the server: the next one is not there yet.
  moves.drop();
  planReload(moves, moves.view.front.kind === null);
}

function frontListed(moves: PlaybackMoves, { over }: PlaybackEventOf<'list'>): void {
  const { state } = moves;
  if (over && state.mode === 'live' && !state.pending && state.streamLive) {
    if (state.retry.dueMs === null) planReload(moves, true); // it plays on to its end meanwhile
  } else if (moves.view.front.kind === 'live') {
    moves.do({ do: 'measure-edge' });
  }
}

function ended(moves: PlaybackMoves): void {
  const { state } = moves;
  const { kind, edgeMs } = moves.view.front;
  if (state.pending || (state.inRoom && kind === 'past')) return; // a room continues by itself
  if (state.loop) moves.show(state.loop.fromMs);
  else if ((kind === 'past' || (kind === 'live' && state.mode === 'shifted')) && edgeMs !== null)
    moves.goTo(edgeMs + 2);
  else if (!state.streamLive) state.mode = 'offline';
  else if (state.retry.dueMs === null) planReload(moves, true);
}

function streamChanged(moves: PlaybackMoves, { live }: PlaybackEventOf<'stream'>): void {
  const { state } = moves;
  const { dueMs } = state.retry;
  // It has come back, after a restart for example: the next attempt does not wait.
  if (live && !state.streamLive && dueMs !== null) {
    state.retry = { ...state.retry, waitMs: 0, dueMs: Math.min(dueMs, moves.view.steadyMs) };
  }
  state.streamLive = live;
  if (!live && state.mode === 'live') moves.do({ do: 'undo-stall' });
  const waits = state.mode === 'offline' || (state.failure !== null && state.mode === 'live');
  if (live && waits && state.wantPlay && !state.pending && state.retry.dueMs === null) moves.showLive();
}

function tick(moves: PlaybackMoves): void {
  const { pending, wantPlay } = moves.state;
  const { steadyMs } = moves.view;
  if (pending && (steadyMs - pending.aliveMs > SILENT_MS || steadyMs - pending.sinceMs > LONGEST_MS)) giveUp(moves);
  if (!moves.state.pending && wantPlay && isDue(moves.state.retry, steadyMs)) retry(moves);
  else if (entersLiveList(moves)) moves.load('live', moves.state.shownMs! + ENTERS_LATER_MS);
}

/** The window that plays is caught up with so far that the live list has its position. */
function entersLiveList({ state, view }: PlaybackMoves): boolean {
  const { catchingUp, mode, pending, streamLive, wantPlay, shownMs, retry: next } = state;
  const isFree = !pending && !state.finding && next.dueMs === null && wantPlay;
  return catchingUp && mode === 'past' && streamLive && isFree && shownMs !== null && view.nowMs - shownMs < ENTERS_MS;
}
