/**
 * What playback does about a source that is lost, or that does not load: requests it again, skips what is
 * missing, or shows the failure.
 * In: failures of buffers, a transition in the making. Out: its changed state, effects. Pure.
 */
import { type Failure, readFailure } from '../api/client.ts';
import type { PlaybackMoves } from './playback-moves.ts';
import type { PlaybackEventOf } from './playback-state.ts';
import { afterLoss, noRetry } from './retry.ts';
import { mayRequestAgain, maySkip, missedAhead, missedFirst } from './source/missing.ts';

/** The played or requested source is lost: it is loaded again until that works. */
export function planReload(moves: PlaybackMoves, soon: boolean): void {
  moves.state.retry = afterLoss(moves.state.retry, moves.view.steadyMs, soon);
}

/** The server says that the stream is not live. */
function streamOffline(moves: PlaybackMoves): void {
  moves.goOffline();
  if (moves.state.streamLive) planReload(moves, false); // it is announced as live: its list will follow
}

/**
 * The request cannot be met: a picture that plays continues with a note, otherwise the failure takes its
 * place.
 */
export function refuse(moves: PlaybackMoves, failure: Failure): void {
  const { state } = moves;
  const { front } = moves.view;
  state.finding = false;
  state.refusedMs = state.targetMs;
  state.targetMs = null;
  const isLost = state.retry.turns > 0 || (state.wantPlay && front.stopped);
  if (!front.hasPicture || isLost) state.failure = failure;
  else state.note = { key: 'note.failed', failure };
}

/** Continues after a missing segment. */
export function skipTo(moves: PlaybackMoves, toMs: number): void {
  moves.state.skipToMs = null;
  moves.goTo(toMs + 2);
  moves.state.note = { key: 'note.missing', toMs };
}

/** The visible buffer gave up. */
export function frontFailed(moves: PlaybackMoves, { failure, isNetwork, segment }: PlaybackEventOf<'failed'>): void {
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
    streamOffline(moves);
  } else if (isNetwork) {
    if (!front.ready) state.failure = failure;
    if (isLive && state.mode !== 'shifted') state.mode = 'live';
    planReload(moves, true);
  } else {
    state.targetMs = null;
    state.failure = failure;
    if (state.mode === 'idle') state.mode = 'live';
  }
}

/** The buffer in the background gave up. */
export function backFailed(moves: PlaybackMoves, { failure, isNetwork, segment }: PlaybackEventOf<'failed'>): void {
  const { state } = moves;
  if (!state.pending) return;
  const isLive = state.pending.to === 'live';
  if (segment) state.missing = missedFirst(state.missing);
  moves.drop();
  if (segment && maySkip(state.missing)) {
    skipTo(moves, segment.toMs);
    return;
  }
  const isRefused = failure.status >= 400 && failure.status < 500;
  const isRetried = state.retry.turns > 0;
  if (isLive && failure.code === 'stream-offline') {
    streamOffline(moves);
  } else if (isNetwork && (isLive || (isRetried && !isRefused))) {
    if (!moves.view.front.ready) state.failure = failure;
    if (isLive) state.mode = 'live';
    planReload(moves, false);
  } else if (state.mode === 'shifted' && isRetried) {
    state.mode = 'live'; // its position is not recorded
    planReload(moves, false);
  } else {
    refuse(moves, failure);
  }
}

/** The switch led to nothing. */
export function giveUp(moves: PlaybackMoves): void {
  const { state } = moves;
  const failure = readFailure(0, '');
  const isLive = state.pending?.to === 'live';
  moves.drop();
  if (!isLive && state.retry.turns === 0) {
    refuse(moves, failure);
    return;
  }
  if (isLive) {
    state.targetMs = null;
    state.mode = 'live';
  }
  if (!moves.view.front.hasPicture) state.failure = failure;
  planReload(moves, false);
}

/** The next attempt is due. */
export function retry(moves: PlaybackMoves): void {
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
