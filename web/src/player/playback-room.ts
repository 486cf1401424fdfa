/**
 * What a player does that follows a room.
 * In: where the room is, a transition in the making. Out: its changed state, effects. Pure.
 */
import type { PlaybackMoves } from './playback-moves.ts';
import type { PlaybackEventOf } from './playback-state.ts';

/**
 * A room this near to now plays from the live list: windows do not have their last seconds yet. Milliseconds.
 */
const RECENT_MS = 60_000;
/** This near to now it never plays from a window, even if one is in front, milliseconds. */
const NEAR_MS = 8_000;
/**
 * A live list that ends this long before the position of a room is no longer loaded: the machine slept, or
 * its requests hang. Milliseconds.
 */
const STALE_MS = 10_000;

/** Plays, pauses and goes where the room is. */
export function followRoom(moves: PlaybackMoves, { atMs, playing, rate }: PlaybackEventOf<'room'>): void {
  const { state } = moves;
  state.inRoom = true;
  state.rate = rate;
  state.pausedAtMs = playing ? null : (state.pausedAtMs ?? moves.view.steadyMs);
  const isChanged = state.wantPlay !== playing;
  state.wantPlay = playing;
  if (atMs !== null) place(moves, atMs);
  if (isChanged) moves.do({ do: 'restart-rate' }, { do: 'expect-wait' });
  if (!playing) moves.do({ do: 'pause' }, { do: 'pause-back' });
  else if (state.pending) moves.do({ do: 'play-back' });
  else if (moves.view.front.paused && moves.plays()) moves.do({ do: 'play' });
}

/**
 * Shows the position of a room; nothing happens, and no request is counted, where its media is not there
 * yet.
 *
 * @param atMs unix milliseconds; in a hole, the next recorded time is shown
 */
function place(moves: PlaybackMoves, atMs: number): void {
  const { state } = moves;
  const { front, nowMs } = moves.view;
  const isStale = front.edgeMs !== null && atMs - front.edgeMs > STALE_MS;
  const playsLive = moves.plays() && front.kind === 'live' && !isStale;
  const isNear = state.streamLive && atMs > nowMs - NEAR_MS;
  const position = moves.plays() && (playsLive || !isNear) ? front.positionOf(atMs) : null;
  if (playsLive && front.edgeMs !== null && atMs >= front.edgeMs) return; // its media is not there yet
  if (playsLive && isNear && position === null) return; // no longer or not yet in the list
  const isRecent = state.streamLive && atMs > nowMs - RECENT_MS;
  state.request += 1;
  state.finding = false;
  state.failure = null;
  state.loop = null;
  if (position !== null) {
    moves.drop();
    state.targetMs = atMs;
    state.mode = front.kind === 'past' ? 'past' : isRecent ? 'live' : 'shifted';
    moves.do({ do: 'seek', position });
  } else if (isRecent && !playsLive) {
    state.targetMs = atMs;
    moves.load('live', atMs);
  } else {
    state.targetMs = atMs;
    state.finding = true;
    moves.do({ do: 'find', request: state.request, atMs, back: false, isListed: false });
  }
}
