/**
 * What follows from the state of synchronization and the frames that were shown: positions, how late the
 * picture is, when to look again.
 * In: a state, a view. Out: numbers for the transitions and for the page. Pure.
 */
import { type PlaybackState, positionAt } from '../../../src/api/room/playback.ts';
import { type Cost, costMs } from './request-costs.ts';
import { isReady } from './supply.ts';
import type { SyncState, SyncView } from './sync-state.ts';

/** Interval of the steps while the picture settles, ms. */
const SETTLE_STEP_MS = 100;
/** Without a frame for this long the picture is stuck, ms. */
const STUCK_MS = 350;
const FRAMES_NEEDED = 3;

type State = Readonly<SyncState>;

/** Two states play the same media at the same time. */
export function continues(state: PlaybackState, other: PlaybackState): boolean {
  const atMs = other.anchorServer;
  return state.item === other.item && Math.abs(positionAt(state, atMs) - positionAt(other, atMs)) < 20;
}

/** The room's position now, ms. */
export function roomPositionMs({ room }: State, { nowMs }: SyncView): number {
  return positionAt(room, nowMs);
}

/** The room's position when the first frame will be there, ms. */
export function goalMs({ room, costs }: State, { nowMs, target }: SyncView, cost: Cost): number {
  const positionMs = positionAt(room, nowMs + (room.playing ? costMs(costs, cost) : 0));
  return target.durationMs === null ? positionMs : Math.min(positionMs, target.durationMs);
}

/** How long before its anchor a state has to be begun, ms. */
export function leadMs({ room, costs }: State, { target }: SyncView, next: PlaybackState): number {
  if (!next.playing) return 0;
  if (continues(room, next)) return room.playing ? 0 : costMs(costs, 'play');
  return costMs(costs, target.isBuffered(next.anchorMedia) ? 'seek' : 'load');
}

/** From now until the room is at a position, ms. */
export function untilMs(state: State, view: SyncView, positionMs: number): number {
  return (positionMs - roomPositionMs(state, view)) / state.room.rate;
}

/** The picture has not changed for a while. */
export function isStuck({ countFromMs }: State, { target, steadyMs, hidden }: SyncView): boolean {
  const last = target.frames.at(-1);
  return last !== undefined && !hidden && steadyMs - Math.max(last.atMs, countFromMs) > STUCK_MS;
}

/** The median of the last frames, seconds; while the picture is stuck, from the last one to now. */
export function lateS(state: State, view: SyncView): number | null {
  const { frames } = view.target;
  const last = frames.at(-1);
  if (!last) return null;
  const aheadMs = view.nowMs - view.steadyMs;
  if (isStuck(state, view)) return (roomPositionMs(state, view) - last.positionMs) / 1000;
  // Those from before the state are void.
  const fromMs = Math.max(state.room.anchorServer, state.countFromMs + aheadMs);
  const counted = frames.filter(({ atMs }) => atMs + aheadMs >= fromMs);
  if (counted.length < FRAMES_NEEDED) return null;
  const late = counted.map(({ atMs, positionMs }) => positionAt(state.room, atMs + aheadMs) - positionMs);
  return late.sort((a, b) => a - b)[late.length >> 1]! / 1000;
}

/** The distance of a paused picture from the frame that everyone shows, seconds; 0: it is that frame. */
export function pausedLateS({ room }: State, { target }: SyncView): number | null {
  const positionMs = target.frames.at(-1)?.positionMs;
  if (positionMs === undefined) return null;
  const { durationMs, frameMs } = target;
  const apartMs = Math.min(room.anchorMedia, durationMs ?? room.anchorMedia) - positionMs;
  return Math.abs(apartMs) <= 1.5 * frameMs ? 0 : apartMs / 1000;
}

/**
 * How much later than the room the picture is, ms; negative if it is early. Null without frames, while it
 * loads, and where there is no media.
 */
export function offsetMs(state: State, view: SyncView): number | null {
  const { target } = view;
  const { item, playing } = state.room;
  if (target.busy || !target.pictured || item === null || !view.hasPositions(item)) return null;
  if (state.phase.name === 'meeting') return null;
  const isSourceSilent = playing && isStuck(state, view) && !target.exists(roomPositionMs(state, view));
  const seconds = isSourceSilent ? null : playing ? lateS(state, view) : pausedLateS(state, view);
  return seconds === null ? null : seconds * 1000;
}

/** It should play and has no media, or waits for the room with media in reserve. */
export function lacksMedia(state: State, view: SyncView): boolean {
  const { target } = view;
  const { phase, room } = state;
  if (room.item === null) return false;
  if (!room.playing) return room.waitingFor !== undefined && !isReady(target, roomPositionMs(state, view));
  return target.busy || target.waits || !target.pictured || (phase.name === 'meeting' && !phase.isEarly);
}

/** When the next look is needed, unix ms of the server; null: at the usual interval. */
export function dueMs(state: State, view: SyncView): number | null {
  const { next, phase, settleUntilMs, steppedAtMs } = state;
  const { nowMs, steadyMs } = view;
  const times: number[] = [];
  if (next) times.push(next.anchorServer - leadMs(state, view, next));
  if (phase.name === 'meeting') times.push(nowMs + untilMs(state, view, phase.meetMs));
  if (!view.hidden && steadyMs < settleUntilMs) times.push(nowMs - steadyMs + steppedAtMs + SETTLE_STEP_MS);
  return times.length === 0 ? null : Math.min(...times);
}
