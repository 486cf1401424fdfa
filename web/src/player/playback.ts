/**
 * The transitions of playback: live, shifted, in the past, offline; which source the buffers load, and when
 * they change places.
 * In: a state, an event, what is seen of the visible buffer. Out: the next state, effects for the controller.
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
  const react = reactions[event.type] as (it: PlaybackMoves, event: PlaybackEvent) => void;
  react(moves, event);
  const { mode } = moves.state;
  if (mode !== 'past' && mode !== 'shifted') moves.endCatchUp(); // there is nothing to catch up with
  return { state: moves.state, effects: moves.effects };
}

/** What each event leads to. */
const reactions: { readonly [Type in PlaybackEvent['type']]: (it: PlaybackMoves, event: Event<Type>) => void } = {
  'go-live': (it) => it.goLive(),
  'go-to': (it, { atMs, back }) => {
    it.endCatchUp();
    it.goTo(atMs, back);
  },
  'catch-up': catchUp,
  'try-again': tryAgain,
  'toggle-play': togglePlay,
  room,
  hold,
  'set-rate': setRate,
  'set-loop': (it, { range }) => {
    const { state } = it;
    if (range) it.endCatchUp();
    state.loop = loopOf(range);
    if (state.loop && !isInLoop(state.loop, state.targetMs ?? state.shownMs)) it.goTo(state.loop.fromMs);
  },
  'forget-note': ({ state }) => {
    state.note = null;
  },
  found,
  'find-failed': (it, { request, failure }) => {
    if (request === it.state.request) it.refuse(failure);
  },
  stream: streamChanged,
  'more-qualities': (it) => {
    const { mode, pending, wantPlay, streamLive } = it.state;
    const { kind, ready } = it.view.front;
    // Players read a Multivariant Playlist once: it is loaded again in the background.
    if (mode === 'live' && kind === 'live' && ready && wantPlay && streamLive && !pending) it.load('live');
  },
  list: (it, event) => (event.front ? frontListed(it, event) : backListed(it, event)),
  progress: ({ state, view }) => {
    if (state.pending) state.pending = { ...state.pending, aliveMs: view.steadyMs };
  },
  'first-picture': swap,
  frame,
  ended,
  played: (it) => {
    const { wantPlay, pending, inRoom } = it.state;
    if (!inRoom && !wantPlay && !pending && !it.view.front.paused) togglePlay(it);
  },
  paused: ({ state, view }) => {
    if (!state.wantPlay || state.inRoom || state.mode === 'offline' || state.pending) return;
    state.wantPlay = false;
    state.pausedAtMs = view.steadyMs;
  },
  failed: (it, event) => (event.front ? frontFailed(it, event) : backFailed(it, event)),
  tick,
  starved: (it) => it.goOffline(),
  lost: (it) => {
    it.do({ do: 'expect-wait' });
    it.lost(true);
  },
  'missing-segment-reached': (it) => {
    if (it.state.skipToMs !== null) it.skipTo(it.state.skipToMs);
  },
  'past-over': (it) => it.showLive(),
  'caught-up': (it) => {
    it.state.mode = 'live';
    it.state.rate = 1;
    it.applyRate();
  },
  leaving: (it) => {
    if (it.state.shownMs !== null) it.goTo(it.state.shownMs);
  },
};

function tryAgain(it: PlaybackMoves): void {
  const { mode, shownMs, refusedMs } = it.state;
  const atMs = refusedMs ?? (mode === 'past' || mode === 'shifted' ? shownMs : null);
  if (atMs === null) it.goLive();
  else it.goTo(atMs);
}

function togglePlay(it: PlaybackMoves): void {
  const { state } = it;
  state.wantPlay = !state.wantPlay || (it.view.front.paused && !state.pending);
  if (!state.wantPlay) {
    state.pausedAtMs = it.view.steadyMs;
    it.do({ do: 'pause' }, { do: 'pause-back' });
  } else if (state.mode === 'offline' || state.mode === 'idle') {
    it.goLive();
  } else if (state.pending) {
    it.do({ do: 'play-back' });
  } else {
    resume(it);
  }
}

/** Continues after a pause: from the same list if that still has the position, otherwise from its window. */
function resume(it: PlaybackMoves): void {
  const { state } = it;
  const { front, steadyMs } = it.view;
  const pausedMs = state.pausedAtMs === null ? 0 : steadyMs - state.pausedAtMs;
  state.pausedAtMs = null;
  it.do({ do: 'restart-rate' }, { do: 'expect-wait' });
  const { shownMs } = state;
  const isGone = shownMs !== null && (pausedMs > LONG_PAUSE_MS || front.positionOf(shownMs) === null);
  if (front.kind === 'live' && isGone) {
    it.goTo(shownMs);
    return;
  }
  if (state.mode === 'live') state.mode = 'shifted';
  it.applyRate();
  it.do({ do: 'play' });
}

/** Plays, pauses and goes where the room is. */
function room(it: PlaybackMoves, { atMs, playing, rate }: Event<'room'>): void {
  const { state } = it;
  state.inRoom = true;
  state.rate = rate;
  state.pausedAtMs = playing ? null : (state.pausedAtMs ?? it.view.steadyMs);
  const isChanged = state.wantPlay !== playing;
  state.wantPlay = playing;
  if (atMs !== null) it.place(atMs);
  if (isChanged) it.do({ do: 'restart-rate' }, { do: 'expect-wait' });
  if (!playing) it.do({ do: 'pause' }, { do: 'pause-back' });
  else if (state.pending) it.do({ do: 'play-back' });
  else if (it.view.front.paused && it.plays()) it.do({ do: 'play' });
}

/**
 * Plays at double speed until live; the last part of it from the live list (`tick`), whose end the picture
 * can reach.
 */
function catchUp(it: PlaybackMoves): void {
  const { state } = it;
  const isBehind = state.mode === 'past' || state.mode === 'shifted';
  if (!isBehind || !state.streamLive || state.inRoom) return;
  state.catchingUp = true;
  state.rate = CATCH_UP_RATE;
  state.loop = null;
  it.applyRate();
  if (!state.wantPlay) togglePlay(it);
}

function hold(it: PlaybackMoves): void {
  const { state } = it;
  it.endCatchUp();
  if (state.wantPlay) state.pausedAtMs = it.view.steadyMs;
  state.wantPlay = false;
  if (state.mode === 'live' && !state.pending) state.mode = 'shifted';
  it.do({ do: 'pause' }, { do: 'pause-back' }, { do: 'expect-wait' });
}

function setRate(it: PlaybackMoves, { rate }: Event<'set-rate'>): void {
  const { state } = it;
  state.catchingUp = false;
  state.rate = Math.min(2, Math.max(0.5, rate));
  if (state.mode === 'live' && state.rate < 1) state.mode = 'shifted';
  if (state.mode === 'live')
    state.rate = 1; // there is nothing to catch up with
  else it.applyRate();
}

function found(it: PlaybackMoves, { request, requestedMs, moment }: Event<'found'>): void {
  const { state } = it;
  if (request !== state.request) return;
  if (moment) {
    if (moment.skipped) state.note = { key: 'note.skipped', skipped: moment.skipped };
    it.show(moment.atMs);
  } else {
    if (it.view.nowMs - requestedMs > LONG_PAUSE_MS) state.note = { key: 'note.nothingAfter' };
    it.showLive();
  }
}

/** The buffer in the background has its first picture, and comes to the front. */
function swap(it: PlaybackMoves): void {
  const { state } = it;
  if (!state.pending) return;
  const { to } = state.pending;
  // A viewer who catches up sees the live list where the window was.
  state.mode = state.catchingUp && to === 'live' ? 'shifted' : to;
  state.pending = null;
  state.failure = null;
  state.retry = noRetry;
  state.skipToMs = null;
  it.do({ do: 'swap' }, { do: 'expect-wait' });
  if (to === 'live') it.do({ do: 'measure-edge' });
  it.applyRate();
  it.do({ do: state.wantPlay ? 'play' : 'pause' });
}

function frame(it: PlaybackMoves): void {
  const { state } = it;
  const { front } = it.view;
  if (!state.pending && !state.finding) state.targetMs = null;
  state.shownMs = front.shownMs ?? state.shownMs;
  if (state.mode === 'offline' && front.kind === 'live' && !front.paused && state.streamLive) state.mode = 'live';
  const isPlaying = !state.pending && state.targetMs === null && state.wantPlay;
  if (isPlaying && isLoopOver(state.loop, state.shownMs, front.frameS)) it.show(state.loop!.fromMs);
}

function backListed(it: PlaybackMoves, { over }: Event<'list'>): void {
  if (!over || it.state.pending?.to !== 'live') return;
  // The live list of before a restart of the server: the next one is not there yet.
  it.drop();
  it.lost(it.view.front.kind === null);
}

function frontListed(it: PlaybackMoves, { over }: Event<'list'>): void {
  const { state } = it;
  if (over && state.mode === 'live' && !state.pending && state.streamLive) {
    if (state.retry.dueMs === null) it.lost(true); // it plays on to its end meanwhile
  } else if (it.view.front.kind === 'live') {
    it.do({ do: 'measure-edge' });
  }
}

function ended(it: PlaybackMoves): void {
  const { state } = it;
  const { kind, edgeMs } = it.view.front;
  if (state.pending || (state.inRoom && kind === 'past')) return; // a room continues by itself
  if (state.loop) it.show(state.loop.fromMs);
  else if ((kind === 'past' || (kind === 'live' && state.mode === 'shifted')) && edgeMs !== null) it.goTo(edgeMs + 2);
  else if (!state.streamLive) state.mode = 'offline';
  else if (state.retry.dueMs === null) it.lost(true);
}

function frontFailed(it: PlaybackMoves, { failure, isNetwork, segment }: Event<'failed'>): void {
  const { state } = it;
  const { front } = it.view;
  const isLive = front.kind === 'live';
  it.do({ do: 'stop-loading' });
  if (segment) {
    state.missing = missedAhead(state.missing, segment);
    if (!mayRequestAgain(state.missing)) {
      state.skipToMs = segment.toMs; // the media before it is played first
      return;
    }
  }
  if (isLive && failure.code === 'stream-offline') {
    it.streamOffline();
  } else if (isNetwork) {
    if (!front.ready) state.failure = failure;
    if (isLive && state.mode !== 'shifted') state.mode = 'live';
    it.lost(true);
  } else {
    state.targetMs = null;
    state.failure = failure;
    if (state.mode === 'idle') state.mode = 'live';
  }
}

function backFailed(it: PlaybackMoves, { failure, isNetwork, segment }: Event<'failed'>): void {
  const { state } = it;
  if (!state.pending) return;
  const isLive = state.pending.to === 'live';
  if (segment) state.missing = missedFirst(state.missing);
  it.drop();
  if (segment && maySkip(state.missing)) {
    it.skipTo(segment.toMs);
    return;
  }
  const isRefused = failure.status >= 400 && failure.status < 500;
  const isRetried = state.retry.turns > 0;
  if (isLive && failure.code === 'stream-offline') {
    it.streamOffline();
  } else if (isNetwork && (isLive || (isRetried && !isRefused))) {
    if (!it.view.front.ready) state.failure = failure;
    if (isLive) state.mode = 'live';
    it.lost(false);
  } else if (state.mode === 'shifted' && isRetried) {
    state.mode = 'live'; // its position is not recorded
    it.lost(false);
  } else {
    it.refuse(failure);
  }
}

function streamChanged(it: PlaybackMoves, { live }: Event<'stream'>): void {
  const { state } = it;
  const { dueMs } = state.retry;
  // It has come back, after a restart for example: the next attempt does not wait.
  if (live && !state.streamLive && dueMs !== null) {
    state.retry = { ...state.retry, waitMs: 0, dueMs: Math.min(dueMs, it.view.steadyMs) };
  }
  state.streamLive = live;
  if (!live && state.mode === 'live') it.do({ do: 'undo-stall' });
  const waits = state.mode === 'offline' || (state.failure !== null && state.mode === 'live');
  if (live && waits && state.wantPlay && !state.pending && state.retry.dueMs === null) it.showLive();
}

function tick(it: PlaybackMoves): void {
  const { pending, wantPlay } = it.state;
  const { steadyMs } = it.view;
  if (pending && (steadyMs - pending.aliveMs > SILENT_MS || steadyMs - pending.sinceMs > LONGEST_MS)) giveUp(it);
  if (!it.state.pending && wantPlay && isDue(it.state.retry, steadyMs)) retry(it);
  else if (entersLiveList(it)) it.load('live', it.state.shownMs! + ENTERS_LATER_MS);
}

/** The window that plays is caught up with so far that the live list has its position. */
function entersLiveList({ state, view }: PlaybackMoves): boolean {
  const { catchingUp, mode, pending, streamLive, wantPlay, shownMs, retry: next } = state;
  const isFree = !pending && !state.finding && next.dueMs === null && wantPlay;
  return catchingUp && mode === 'past' && streamLive && isFree && shownMs !== null && view.nowMs - shownMs < ENTERS_MS;
}

/** The switch led to nothing. */
function giveUp(it: PlaybackMoves): void {
  const { state } = it;
  const failure = readFailure(0, '');
  const isLive = state.pending?.to === 'live';
  it.drop();
  if (!isLive && state.retry.turns === 0) {
    it.refuse(failure);
    return;
  }
  if (isLive) {
    state.targetMs = null;
    state.mode = 'live';
  }
  if (!it.view.front.hasPicture) state.failure = failure;
  it.lost(false);
}

function retry(it: PlaybackMoves): void {
  const { state } = it;
  const { mode, targetMs, shownMs } = state;
  state.retry = { ...state.retry, dueMs: null };
  const atMs = targetMs ?? shownMs;
  const isPast = mode === 'shifted' || (mode === 'past' && it.view.front.kind === 'past');
  if (isPast && atMs !== null) it.load('past', atMs);
  else if (state.streamLive) it.load('live');
  else {
    state.retry = noRetry;
    it.goOffline();
  }
}
