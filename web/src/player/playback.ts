/**
 * The transitions of playback: live, shifted, in the past, offline; which source the buffers load, and when
 * they change places.
 * In: a state, an event, a view of the visible buffer. Out: the next state, effects for the controller.
 * Pure. docs/4-watch/player.md lists the changes of mode.
 */
import { readFailure } from '../api/client.ts';
import { isInLoop, isLoopOver, loopOf } from './loop.ts';
import { PlaybackMoves } from './playback-moves.ts';
import {
  LONG_PAUSE_MS,
  type PlaybackEvent,
  type PlaybackState,
  type PlaybackTransition,
  type PlaybackView,
} from './playback-state.ts';
import { isDue, noRetry } from './retry.ts';
import { mayRequestAgain, maySkip, missedAhead, missedFirst } from './source/missing.ts';

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

type Event<Type extends PlaybackEvent['type']> = Extract<PlaybackEvent, { type: Type }>;

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
const reactions: { readonly [Type in PlaybackEvent['type']]: (moves: PlaybackMoves, event: Event<Type>) => void } = {
  'go-live': (moves) => moves.goLive(),
  'go-to': (moves, { atMs, back }) => {
    moves.endCatchUp();
    moves.goTo(atMs, back);
  },
  'catch-up': catchUp,
  'try-again': tryAgain,
  'toggle-play': togglePlay,
  room,
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
    if (request === moves.state.request) moves.refuse(failure);
  },
  stream: streamChanged,
  'more-qualities': (moves) => {
    const { mode, pending, wantPlay, streamLive } = moves.state;
    const { kind, ready } = moves.view.front;
    // Players read a Multivariant Playlist once: it is loaded again in the background.
    if (mode === 'live' && kind === 'live' && ready && wantPlay && streamLive && !pending) moves.load('live');
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
    moves.lost(true);
  },
  'missing-segment-reached': (moves) => {
    if (moves.state.skipToMs !== null) moves.skipTo(moves.state.skipToMs);
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

/** Plays, pauses and goes where the room is. */
function room(moves: PlaybackMoves, { atMs, playing, rate }: Event<'room'>): void {
  const { state } = moves;
  state.inRoom = true;
  state.rate = rate;
  state.pausedAtMs = playing ? null : (state.pausedAtMs ?? moves.view.steadyMs);
  const isChanged = state.wantPlay !== playing;
  state.wantPlay = playing;
  if (atMs !== null) moves.place(atMs);
  if (isChanged) moves.do({ do: 'restart-rate' }, { do: 'expect-wait' });
  if (!playing) moves.do({ do: 'pause' }, { do: 'pause-back' });
  else if (state.pending) moves.do({ do: 'play-back' });
  else if (moves.view.front.paused && moves.plays()) moves.do({ do: 'play' });
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

function setRate(moves: PlaybackMoves, { rate }: Event<'set-rate'>): void {
  const { state } = moves;
  state.catchingUp = false;
  state.rate = Math.min(2, Math.max(0.5, rate));
  if (state.mode === 'live' && state.rate < 1) state.mode = 'shifted';
  if (state.mode === 'live')
    state.rate = 1; // there is nothing to catch up with
  else moves.applyRate();
}

function found(moves: PlaybackMoves, { request, requestedMs, moment }: Event<'found'>): void {
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

function backListed(moves: PlaybackMoves, { over }: Event<'list'>): void {
  if (!over || moves.state.pending?.to !== 'live') return;
  // The live list of before a restart of the server: the next one is not there yet.
  moves.drop();
  moves.lost(moves.view.front.kind === null);
}

function frontListed(moves: PlaybackMoves, { over }: Event<'list'>): void {
  const { state } = moves;
  if (over && state.mode === 'live' && !state.pending && state.streamLive) {
    if (state.retry.dueMs === null) moves.lost(true); // it plays on to its end meanwhile
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
  else if (state.retry.dueMs === null) moves.lost(true);
}

function frontFailed(moves: PlaybackMoves, { failure, isNetwork, segment }: Event<'failed'>): void {
  const { state } = moves;
  const { front } = moves.view;
  const isLive = front.kind === 'live';
  moves.do({ do: 'stop-loading' });
  if (segment) {
    state.missing = missedAhead(state.missing, segment);
    if (!mayRequestAgain(state.missing)) {
      state.skipToMs = segment.toMs; // the media before it is played first
      return;
    }
  }
  if (isLive && failure.code === 'stream-offline') {
    moves.streamOffline();
  } else if (isNetwork) {
    if (!front.ready) state.failure = failure;
    if (isLive && state.mode !== 'shifted') state.mode = 'live';
    moves.lost(true);
  } else {
    state.targetMs = null;
    state.failure = failure;
    if (state.mode === 'idle') state.mode = 'live';
  }
}

function backFailed(moves: PlaybackMoves, { failure, isNetwork, segment }: Event<'failed'>): void {
  const { state } = moves;
  if (!state.pending) return;
  const isLive = state.pending.to === 'live';
  if (segment) state.missing = missedFirst(state.missing);
  moves.drop();
  if (segment && maySkip(state.missing)) {
    moves.skipTo(segment.toMs);
    return;
  }
  const isRefused = failure.status >= 400 && failure.status < 500;
  const isRetried = state.retry.turns > 0;
  if (isLive && failure.code === 'stream-offline') {
    moves.streamOffline();
  } else if (isNetwork && (isLive || (isRetried && !isRefused))) {
    if (!moves.view.front.ready) state.failure = failure;
    if (isLive) state.mode = 'live';
    moves.lost(false);
  } else if (state.mode === 'shifted' && isRetried) {
    state.mode = 'live'; // its position is not recorded
    moves.lost(false);
  } else {
    moves.refuse(failure);
  }
}

function streamChanged(moves: PlaybackMoves, { live }: Event<'stream'>): void {
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

/** The switch led to nothing. */
function giveUp(moves: PlaybackMoves): void {
  const { state } = moves;
  const failure = readFailure(0, '');
  const isLive = state.pending?.to === 'live';
  moves.drop();
  if (!isLive && state.retry.turns === 0) {
    moves.refuse(failure);
    return;
  }
  if (isLive) {
    state.targetMs = null;
    state.mode = 'live';
  }
  if (!moves.view.front.hasPicture) state.failure = failure;
  moves.lost(false);
}

function retry(moves: PlaybackMoves): void {
  const { state } = moves;
  const { mode, targetMs, shownMs } = state;
  state.retry = { ...state.retry, dueMs: null };
  const atMs = targetMs ?? shownMs;
  const isPast = mode === 'shifted' || (mode === 'past' && moves.view.front.kind === 'past');
  if (isPast && atMs !== null) moves.load('past', atMs);
  else if (state.streamLive) moves.load('live');
  else {
    state.retry = noRetry;
    moves.goOffline();
  }
}
