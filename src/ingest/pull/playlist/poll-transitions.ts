/**
 * The transitions of the polling of one Media Playlist.
 * In: a state and the result of its operation. Out: the next state, reports for the reader, the next
 * operation. Pure: no network, timer, clock or random number. RFC 8216bis 6.3.4; docs/2-sources/polling.md.
 */
import assert from 'node:assert/strict';
import type { MediaPlaylist } from '@oxbow/media/m3u8/playlist';
import { backoffBounds, type PauseBounds } from '../../../lib/abort.ts';
import { canRequestDelta } from './delta-update.ts';
import { PLAYLIST_IDLE_MS } from './playlist-fetch.ts';
import type {
  PlaylistLocation,
  PollEffect,
  PollEvent,
  PollOperation,
  PollOptions,
  PollPhase,
  PollReport,
  PollState,
  PollTransition,
  Reload,
} from './poll-state.ts';
import { edgeOf, reloadPauseMs, reloadUrl } from './reload-url.ts';
import { PAGE_RETURN_PAUSE_MS, returnPause } from './source-return.ts';

/**
 * After this many failures in a row, or at once if the list is gone, its URL is looked up in the Multivariant
 * Playlist.
 */
const FAILURES_TO_RELOCATE = 3;
const MIN_BACKOFF_MS = 250;
const MAX_BACKOFF_MS = 10_000;
/**
 * A reload of a live list is aborted after a target duration without bytes, but not before this, ms; each
 * failure doubles it.
 */
const MIN_IDLE_MS = 2000;
/**
 * For this long after the last list, failed reloads are repeated as often as successful ones, ms: its
 * segments may still exist.
 */
const EAGER_MS = 60_000;
/** A list that ended may have a successor, which needs its first segment before it is announced. */
const SUCCESSOR_WITHIN_MS = 30_000;
const MAX_SUCCESSOR_PAUSE_MS = 2000;
/**
 * A list that cannot be loaded for this many target durations, or durations of its longest segment, is down.
 */
const LATE = 1.5;
/**
 * A list that does not change for this many target durations, or durations of its longest segment, is down.
 */
const STALLED = 3;
/** A longer segment counts only if EXT-X-TARGETDURATION confirms it, ms: its duration may be wrong too. */
const LONGEST_UNCONFIRMED_MS = 60_000;

type Event<Type extends PollEvent['type']> = Extract<PollEvent, { type: Type }>;
type Phase<Name extends PollPhase['name']> = Extract<PollPhase, { name: Name }>;

/** The first transition: the list is loaded at once. */
export function startPoll(location: PlaylistLocation, options: PollOptions, atMs: number): PollTransition {
  return reloadNow(
    {
      options,
      phase: { name: 'pausing' },
      location,
      list: undefined,
      reported: undefined,
      targetMs: 0,
      failures: 0,
      relocated: false,
      downReported: false,
      moved: false,
      needsFull: false,
      loadedAtMs: atMs,
      changedAtMs: atMs,
      hasBeenLive: options.awaitReturn && options.wasLive,
      ended: undefined,
    },
    atMs,
  );
}

/** The transition that an event causes; every combination of phase and event that is not listed is a bug. */
export function nextPoll(state: PollState, event: PollEvent): PollTransition {
  const { phase } = state;
  switch (phase.name) {
    case 'pausing':
      if (event.type === 'due') return beginReload(state, event);
      break;
    case 'locating-return':
      if (event.type === 'located') return locateReturn(state, phase, event);
      break;
    case 'loading':
      if (event.type === 'loaded') return takeList(state, phase, event);
      if (event.type === 'failed') return fail(state, event);
      break;
    case 'relocating':
      if (event.type === 'lookup-late') return reportDown(state, phase.detail, { do: 'continue-locating' });
      if (event.type === 'located') return endRelocation(state, phase, event);
      break;
    case 'locating-successor':
      if (event.type === 'located') return locateSuccessor(state, phase, event);
      break;
    case 'pausing-successor':
      if (event.type === 'due') return repeatSuccessor(state, phase, event);
      break;
  }
  assert.fail(`"${event.type}" in the phase "${phase.name}"`);
}

/** The pause is over: the list is loaded; if it has ended, its URL is looked up first. */
function beginReload(state: PollState, { atMs, following, woken }: Event<'due'>): PollTransition {
  const { options, list, failures } = state;
  const ended = woken && state.ended ? { ...state.ended, sinceMs: atMs } : state.ended;
  const mayHold = failures === 0 && !ended;
  const reload: Reload = {
    beganMs: atMs,
    parts: list !== undefined && mayHold && following.parts,
    blocking: list?.serverControl?.canBlockReload === true && mayHold && following.holds,
  };
  const everyMs = options.fromPage ? PAGE_RETURN_PAUSE_MS : 0;
  if (!ended || !options.canRelocate || atMs < ended.locatedAtMs + everyMs) return load({ ...state, ended }, reload);
  const locating: PollState = {
    ...state,
    ended: { ...ended, locatedAtMs: atMs },
    phase: { name: 'locating-return', reload },
  };
  return move(locating, { do: 'locate', lateAtMs: undefined, mustBeLive: true });
}

function locateReturn(
  state: PollState,
  { reload }: Phase<'locating-return'>,
  { location, live }: Event<'located'>,
): PollTransition {
  if (!location) return load(state, reload);
  // Its token may be new; its list is loaded as usual.
  if (isSameLocation(location.url, state.location.url))
    return load({ ...state, location: { url: location.url, imports: location.imports } }, reload);
  return load(live ? moveTo(state, location) : state, reload);
}

function load(state: PollState, reload: Reload): PollTransition {
  const { location, list, targetMs, failures } = state;
  const { parts, blocking, beganMs } = reload;
  const skip = parts && !state.needsFull && canRequestDelta(list!, beganMs - state.loadedAtMs);
  const idleMs = Math.max(MIN_IDLE_MS, targetMs) * 2 ** Math.min(failures, 4);
  return move(
    { ...state, location: { url: location.url, imports: location.imports }, phase: { name: 'loading', reload } },
    {
      do: 'load',
      location,
      url: list && blocking ? reloadUrl(location.url, list, { parts, skip }) : location.url,
      reload,
      before: list,
      holdMs: blocking ? 3 * targetMs : 0,
      idleMs: list && Math.min(PLAYLIST_IDLE_MS, idleMs),
      fresh: failures > 0,
    },
  );
}

/** A list was loaded; it is reported if it has changed. */
function takeList(state: PollState, { reload }: Phase<'loading'>, loaded: Event<'loaded'>): PollTransition {
  const { options, list: before, ended } = state;
  const { list, atMs } = loaded;
  if (!list && state.needsFull) {
    return fail(state, { atMs, gone: false, detail: 'the playlist leaves out segments that were requested' });
  }
  if (!list) return reloadNow({ ...state, needsFull: true }, atMs);
  const wasLive = before !== undefined && !before.endList;
  const returns = ended !== undefined && !list.endList;
  const next: PollState = {
    ...state,
    list,
    targetMs: list.targetDurationS * 1000,
    failures: 0,
    relocated: false,
    needsFull: false,
    loadedAtMs: atMs,
    hasBeenLive: state.hasBeenLive || wasLive || (options.awaitReturn && !list.endList),
    ended: returns ? undefined : ended,
  };
  // Delta updates skip segments: only the edge shows whether a list of parts has changed.
  const content = reload.parts ? edgeOf(list) : loaded.text;
  const transition =
    content === state.reported ? keepList(next, list, reload) : reportList(next, list, { reload, loaded, wasLive });
  return returns ? after({ do: 'announce-return' }, transition) : transition;
}

function reportList(
  state: PollState,
  list: MediaPlaylist,
  { reload, loaded, wasLive }: { reload: Reload; loaded: Event<'loaded'>; wasLive: boolean },
): PollTransition {
  const { url, arrivedMs, following, text, atMs } = loaded;
  const reported = following.parts ? edgeOf(list) : text;
  const next: PollState = { ...state, reported, changedAtMs: atMs, downReported: false, moved: false };
  const holds = list.serverControl?.canBlockReload && following.holds;
  let transition: PollTransition;
  if (!list.endList)
    transition = pause(next, atMs, reload.beganMs, exactly(holds ? 0 : reloadPauseMs(list, state.targetMs)));
  else if (wasLive && state.options.canRelocate) transition = seekSuccessor(next, 0, atMs + SUCCESSOR_WITHIN_MS);
  else transition = end(next, atMs);
  return after(report({ kind: 'list', list, url, arrivedMs, moved: state.moved }), transition);
}

/** The list has not changed; after a while the source counts as down. */
function keepList(state: PollState, list: MediaPlaylist, { beganMs }: Reload): PollTransition {
  const { targetMs, loadedAtMs, downReported, ended } = state;
  const stalledMs = loadedAtMs - state.changedAtMs;
  const paused = (next: PollState) => pause(next, loadedAtMs, beganMs, exactly(reloadPauseMs(list, targetMs / 2)));
  if (downReported || ended || stalledMs <= STALLED * segmentMs(state)) return paused(state);
  const detail = `the playlist has not changed for ${Math.round(stalledMs / 1000)} s`;
  return after(report({ kind: 'down', detail }), paused({ ...state, downReported: true }));
}

/** A reload failed; from time to time the URL is looked up. */
function fail(state: PollState, event: { atMs: number; gone: boolean; detail: string }): PollTransition {
  const { atMs, gone, detail } = event;
  const { canRelocate } = state.options;
  const failures = state.failures + 1;
  // A source that ended is known to be away.
  const downReported = state.downReported || state.ended !== undefined;
  const next: PollState = { ...state, failures, downReported };
  const isTime = failures % FAILURES_TO_RELOCATE === 0 || (failures === 1 && gone);
  if (!canRelocate || state.ended || !isTime) {
    return after({ do: 'count-retry' }, backOff(next, atMs, detail, state.relocated || !canRelocate));
  }
  const lateAtMs = downReported ? undefined : Math.max(lateAt(state), atMs) + state.targetMs;
  const locate: PollOperation = { do: 'locate', lateAtMs, mustBeLive: false };
  return after({ do: 'count-retry' }, move({ ...next, phase: { name: 'relocating', detail } }, locate));
}

function endRelocation(
  state: PollState,
  { detail }: Phase<'relocating'>,
  { location, atMs }: Event<'located'>,
): PollTransition {
  const isNowhere = state.relocated || location === undefined;
  return backOff({ ...moveTo(state, location), relocated: true }, atMs, detail, isNowhere);
}

/**
 * @param isNowhere no other URL is known. The report that the list is down cuts the media, so it has to wait
 *   for that.
 */
function backOff(state: PollState, atMs: number, detail: string, isNowhere: boolean): PollTransition {
  const { list, failures, loadedAtMs } = state;
  const isEager = list !== undefined && atMs < loadedAtMs + EAGER_MS;
  const maxMs = isEager ? reloadPauseMs(list, MAX_BACKOFF_MS) : MAX_BACKOFF_MS;
  const paused = (next: PollState) => pause(next, atMs, atMs, backoffBounds(failures, MIN_BACKOFF_MS, maxMs));
  if (state.downReported || !isNowhere || atMs <= lateAt(state)) return paused(state);
  return after(report({ kind: 'down', detail }), paused({ ...state, downReported: true }));
}

/**
 * Looks for the list that follows one that ended: origins begin another one when codecs change, or after a
 * restart.
 */
function seekSuccessor(state: PollState, attempt: number, untilMs: number): PollTransition {
  const { awaitReturn, fromPage } = state.options;
  // A page that offers the past broadcast as VOD leads to media that is recorded already.
  const mustBeLive = awaitReturn && fromPage;
  return move(
    { ...state, phase: { name: 'locating-successor', attempt, untilMs } },
    { do: 'locate', lateAtMs: undefined, mustBeLive },
  );
}

function locateSuccessor(
  state: PollState,
  { attempt, untilMs }: Phase<'locating-successor'>,
  { location, live, atMs }: Event<'located'>,
): PollTransition {
  if (location) {
    const isSuccessor = live && !isSameLocation(location.url, state.location.url);
    return isSuccessor ? reloadNow(moveTo(state, location), atMs) : end(state, atMs);
  }
  const bounds = backoffBounds(attempt, MIN_BACKOFF_MS, MAX_SUCCESSOR_PAUSE_MS);
  const paused = move(
    { ...state, phase: { name: 'pausing-successor', attempt, untilMs } },
    { do: 'pause', fromMs: atMs, untilReturn: false, ...bounds },
  );
  if (attempt > 0) return paused;
  return after(
    report(state.options.awaitReturn ? { kind: 'ended' } : { kind: 'down', detail: 'the playlist ended' }),
    paused,
  );
}

function repeatSuccessor(
  state: PollState,
  { attempt, untilMs }: Phase<'pausing-successor'>,
  { atMs }: Event<'due'>,
): PollTransition {
  return atMs < untilMs ? seekSuccessor(state, attempt + 1, untilMs) : end(state, atMs);
}

/** The list has ended and has no successor: it is over, or its return is awaited. */
function end(state: PollState, atMs: number): PollTransition {
  const { loadedAtMs, options, hasBeenLive } = state;
  if (!options.awaitReturn || !hasBeenLive) return move({ ...state, phase: { name: 'over' } }, undefined);
  const ended = { sinceMs: state.ended?.sinceMs ?? loadedAtMs, locatedAtMs: loadedAtMs };
  return after(report({ kind: 'ended' }), pause({ ...state, ended }, atMs, atMs, exactly(0)));
}

/**
 * Waits for the next reload. A source that ended has other pauses.
 *
 * @param fromMs what the bounds count from: RFC 8216bis 6.3.4 counts from the beginning of the last reload
 */
function pause(state: PollState, atMs: number, fromMs: number, bounds: PauseBounds): PollTransition {
  const { ended, list, targetMs } = state;
  const next: PollState = { ...state, phase: { name: 'pausing' } };
  if (!ended) return move(next, { do: 'pause', fromMs, untilReturn: false, ...bounds });
  const leastMs = list ? reloadPauseMs(list, targetMs / 2) : targetMs;
  return move(next, { do: 'pause', fromMs: atMs, untilReturn: true, ...returnPause(atMs - ended.sinceMs, leastMs) });
}

function reloadNow(state: PollState, atMs: number): PollTransition {
  const next: PollState = { ...state, phase: { name: 'pausing' } };
  return move(next, { do: 'pause', fromMs: atMs, untilReturn: false, ...exactly(0) });
}

function reportDown(state: PollState, detail: string, operation: PollOperation): PollTransition {
  return after(report({ kind: 'down', detail }), move({ ...state, downReported: true }, operation));
}

function move(state: PollState, operation: PollOperation | undefined): PollTransition {
  return { state, effects: [], operation };
}

function after(effect: PollEffect, { state, effects, operation }: PollTransition): PollTransition {
  return { state, effects: [effect, ...effects], operation };
}

function report(details: PollReport): PollEffect {
  return { do: 'report', report: details };
}

function exactly(ms: number): PauseBounds {
  return { minMs: ms, maxMs: ms };
}

/** When a list that cannot be loaded is down. */
function lateAt(state: PollState): number {
  return state.loadedAtMs + LATE * segmentMs(state);
}

/**
 * How long the next segment may take, ms: sources exist whose segments are several times as long as their
 * EXT-X-TARGETDURATION.
 */
function segmentMs({ list, targetMs }: PollState): number {
  const longestMs = 1000 * Math.max(0, ...(list?.segments.map(({ durationS }) => durationS) ?? []));
  return Math.max(targetMs, Math.min(longestMs, LONGEST_UNCONFIRMED_MS));
}

function moveTo(state: PollState, location: PlaylistLocation | undefined): PollState {
  if (!location) return state;
  return isSameLocation(location.url, state.location.url)
    ? { ...state, location }
    : { ...state, location, moved: true, list: undefined };
}

/** Whether two URLs are of one list: tokens change between loads, the path does not. */
export function isSameLocation(a: URL, b: URL): boolean {
  return a.host === b.host && a.pathname === b.pathname;
}
