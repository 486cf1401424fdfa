/**
 * The transitions of synchronization: which event sends the picture where, and at which speed it plays.
 * In: a state, an event, a view of the player. Out: the next state, effects for the controller. Pure.
 * docs/7-together/in-step.md has the rules and lists the changes of phase.
 */
import { nothingPlays, type PlaybackState, positionAt } from '../../../src/api/room/playback.ts';
import { type RateTuning, rateStep } from '../player/rate-controller.ts';
import { type Cost, costMs, withCost } from './request-costs.ts';
import { nextReserve, noReserve } from './reserve.ts';
import { lookAtSupply, withoutWaits } from './supply.ts';
import {
  continues,
  goalMs,
  isStuck,
  lacksMedia,
  lateS as latenessS,
  leadMs,
  pausedLateS,
  roomPositionMs,
  untilMs,
} from './sync-measure.ts';
import {
  type Correction,
  FIRST_SEEK_PAUSE_MS,
  LOAD_PAUSE_MS,
  type Placement,
  type SyncEffect,
  type SyncEvent,
  type SyncPhase,
  type SyncState,
  type SyncTransition,
  type SyncView,
} from './sync-state.ts';

/** Within the dead band nothing is done; ±5 % beyond it. */
const roomTuning: RateTuning = {
  startS: 0.01,
  stopS: 0.005,
  gain: 1,
  slowest: -0.05,
  fastest: 0.05,
  seekS: 0.3,
  seeksBack: true,
  stepsBetweenSeeks: 0,
};

/** A position outside of the buffer is worth a seek from here, seconds. */
const LOAD_S = 1;
/** In a hidden tab, where only the element's clock is known, seconds. */
const HIDDEN_S = 0.5;
/**
 * After a command, a load or a wake-up the picture is brought into step by at most two seeks; after a seek,
 * by one more. Ms and seconds.
 */
const SETTLE_MS = 2_000;
const SETTLE_SEEKS = 2;
const SETTLE_S = 0.08;
/** The longest pause between two other seeks, until the picture has been in step for a while. Ms. */
const LONGEST_PAUSE_MS = 8_000;
const IN_STEP_MS = 5_000;
/** An early picture that cannot go back waits for the room, up to this, seconds. */
const EARLY_S = 3;
/** After the room has moved everyone loads, ms. */
const MOVES_MS = 3_000;
/**
 * After the server or the source was gone, waits say nothing about the network until the picture is in step,
 * or for this long, ms.
 */
const RETURNS_MS = 20_000;

/** One transition in the making: a copy of the state, which it changes. */
interface Draft {
  readonly state: SyncState;
  readonly view: SyncView;
  readonly effects: SyncEffect[];
}

type Event<Type extends SyncEvent['type']> = Extract<SyncEvent, { type: Type }>;

/** The transition that an event causes. */
export function nextSync(state: Readonly<SyncState>, event: SyncEvent, view: SyncView): SyncTransition {
  const draft: Draft = { state: { ...state }, view, effects: [] };
  const react = reactions[event.type] as (draft: Draft, event: SyncEvent) => void;
  react(draft, event);
  return { state: draft.state, effects: draft.effects };
}

/** What each event leads to. */
const reactions: { readonly [Type in SyncEvent['type']]: (draft: Draft, event: Event<Type>) => void } = {
  room: roomChanged,
  due: (draft) => {
    const { next } = draft.state;
    if (next && draft.view.nowMs >= next.anchorServer - leadMs(draft.state, draft.view, next)) take(draft, next);
  },
  step,
  wake: (draft) => {
    const { state, view } = draft;
    state.isCorrecting = false;
    state.countFromMs = view.steadyMs;
    state.supply = withoutWaits(state.supply);
    measureAnew(draft);
  },
  returned,
  placed: (draft, { placement }) => placed(draft, placement),
  refused: (draft, { placement }) => refused(draft, placement),
};

function roomChanged(draft: Draft, { room }: Event<'room'>): void {
  const { state } = draft;
  if (room === state.room || room === state.next) return;
  if (state.room === nothingPlays || room.rev < state.room.rev) take(draft, room);
  else state.next = room;
}

/** A state of the room takes effect. */
function take(draft: Draft, room: PlaybackState): void {
  const { state, effects } = draft;
  const previous = state.room;
  const isSame = continues(previous, room);
  const isStart = isSame && room.playing && !previous.playing;
  const isMoved = !isSame || !room.playing || previous === nothingPlays;
  if (room === state.next) state.next = null;
  state.room = room;
  if (isMoved || state.phase.name === 'meeting') state.phase = { name: 'moved' };
  else if (isStart || previous.rate !== room.rate) {
    effects.push({ do: 'follow', playing: room.playing, rate: room.rate });
    if (isStart) state.measures = 'play';
    state.isCorrecting = false;
    settle(draft);
  }
}

/** The network of this member does not explain what was missing before. */
function returned(draft: Draft): void {
  const { state, view } = draft;
  state.reserve = noReserve;
  state.loadPauseMs = LOAD_PAUSE_MS;
  state.returnsUntilMs = view.steadyMs + RETURNS_MS;
  measureAnew(draft);
}

function measureAnew(draft: Draft): void {
  const { state } = draft;
  state.placedAtMs = Number.NEGATIVE_INFINITY;
  state.seekPauseMs = FIRST_SEEK_PAUSE_MS;
  if (state.phase.name === 'meeting') state.phase = { name: 'tracking' };
  settle(draft);
}

function settle({ state, view }: Draft, seeks = SETTLE_SEEKS): void {
  state.settleUntilMs = view.steadyMs + SETTLE_MS;
  state.settleSeeks = seeks;
}

function step(draft: Draft): void {
  const { state, view, effects } = draft;
  const { item, playing, rate } = state.room;
  state.steppedAtMs = view.steadyMs;
  if (item === null) {
    state.phase = { name: 'idle' };
  } else if (!view.hasPositions(item)) {
    if (state.phase.name === 'moved' || view.target.paused === playing) effects.push({ do: 'follow', playing, rate });
    state.phase = { name: 'free' };
  } else {
    watchSupply(draft);
    if (state.phase.name === 'moved') follow(draft);
    else if (state.phase.name === 'meeting') meet(draft, state.phase.meetMs);
    else look(draft);
  }
}

/** Whether the source is back, and whether the network is fast enough. */
function watchSupply(draft: Draft): void {
  const { state, view, effects } = draft;
  const { playing } = state.room;
  const isThere = view.target.exists(roomPositionMs(state, view));
  if (isThere && state.isPastEnd) returned(draft);
  state.isPastEnd = !isThere && (state.isPastEnd || (playing && isStuck(state, view)));
  if (view.hidden || view.steadyMs < state.returnsUntilMs) {
    state.supply = withoutWaits(state.supply);
    return;
  }
  const isMoving = state.phase.name === 'moved' || view.steadyMs - state.movedAtMs < MOVES_MS;
  const isLacking = playing && lacksMedia(state, view) && !isMoving && isThere;
  const { supply, ease } = lookAtSupply(state.supply, isLacking, view.steadyMs);
  state.supply = supply;
  if (ease !== null) effects.push({ do: 'ease', isSlow: ease });
}

/** Goes where the room is. */
function follow(draft: Draft): void {
  const { state, view } = draft;
  const { by, playing } = state.room;
  state.phase = { name: 'tracking' };
  state.loadPauseMs = LOAD_PAUSE_MS;
  if (by !== '') state.movedAtMs = view.steadyMs; // the server moves a room because its members lack media
  settle(draft);
  const isHere = playing && view.target.pictured && view.target.isBuffered(goalMs(state, view, 'seek'));
  place(draft, { for: 'move', cost: isHere || !playing ? 'seek' : 'load' });
}

/** Plays on when the room comes. */
function meet(draft: Draft, meetMs: number): void {
  const { state, view, effects } = draft;
  if (untilMs(state, view, meetMs) > 1) {
    effects.push({ do: 'correct', factor: 0 }); // another source begins at the usual speed
    return;
  }
  state.phase = { name: 'tracking' };
  state.placedAtMs = view.steadyMs;
  state.countFromMs = view.steadyMs;
  effects.push({ do: 'correct', factor: 1 });
  settle(draft);
}

/** Looks at the picture. */
function look(draft: Draft): void {
  const { state, view } = draft;
  const { target } = view;
  const { phase } = state;
  if (target.busy) {
    state.phase = { name: 'loading', isCorrection: 'isCorrection' in phase && phase.isCorrection };
    return;
  }
  if (phase.name === 'loading') settle(draft, phase.isCorrection ? state.settleSeeks : SETTLE_SEEKS);
  state.phase = lookedAt(draft);
  switch (state.phase.name) {
    case 'blank':
      if (mayLoad(draft)) place(draft, { for: 'again', cost: 'load' });
      break;
    case 'paused':
      holdStill(draft);
      break;
    case 'ended': {
      const isBefore = target.durationMs !== null && goalMs(state, view, 'seek') < target.durationMs - 1000 * LOAD_S;
      if (isBefore && mayLoad(draft)) place(draft, { for: 'again', cost: 'seek' });
      break;
    }
    case 'stopped':
      playAgain(draft);
      break;
    default:
      track(draft);
  }
}

/** The phase of a picture that does not load. */
function lookedAt({ state, view: { target } }: Draft): SyncPhase {
  if (!target.pictured) return { name: 'blank' };
  if (!state.room.playing) return { name: 'paused' };
  if (target.ended) return { name: 'ended' };
  return { name: target.paused ? 'stopped' : 'tracking' };
}

/** Paused: everyone shows the same frame. */
function holdStill(draft: Draft): void {
  const { state, view, effects } = draft;
  if (!view.target.paused) effects.push({ do: 'follow', playing: false, rate: state.room.rate });
  const lateS = pausedLateS(state, view);
  const isDue = view.steadyMs - state.placedAtMs > SETTLE_MS;
  if (lateS !== null && lateS !== 0 && isDue) place(draft, { for: 'still', cost: 'seek' });
}

/** Something else has paused it: the missed part is skipped. */
function playAgain(draft: Draft): void {
  const { state, view } = draft;
  state.measures = null;
  settle(draft);
  const last = view.hidden ? undefined : view.target.frames.at(-1);
  const isLate = last !== undefined && roomPositionMs(state, view) - last.positionMs > 1000 * SETTLE_S;
  const isSought = isLate && maySeek(draft) && view.target.isBuffered(goalMs(state, view, 'seek'));
  if (isSought) place(draft, { for: 'resume', cost: 'seek' });
  else start(draft);
}

function start({ state, effects }: Draft): void {
  effects.push({ do: 'follow', playing: true, rate: state.room.rate });
}

/** Measures a picture that plays, and corrects it. */
function track(draft: Draft): void {
  const { state, view, effects } = draft;
  const lateS = latenessS(state, view);
  if (lateS === null) return;
  learn(draft, lateS);
  if (view.hidden) {
    effects.push({ do: 'correct', factor: 1 });
    if (Math.abs(lateS) > HIDDEN_S && mayLoad(draft)) place(draft, { for: 'again', cost: 'seek' });
    return;
  }
  const isSettling = view.steadyMs < state.settleUntilMs && state.settleSeeks > 0;
  const { frames, aheadS } = view.target;
  const { rate, seekByS, isCorrecting } = rateStep(roomTuning, { lateS, aheadS }, state.isCorrecting);
  state.isCorrecting = isCorrecting;
  const isNew = frames.every(({ atMs }) => atMs > state.returnsUntilMs - RETURNS_MS);
  const isFar = Math.abs(lateS) > SETTLE_S;
  if (!isFar && isNew) state.returnsUntilMs = Number.NEGATIVE_INFINITY;
  if (isFar) state.offAtMs = view.steadyMs;
  else if (view.steadyMs - state.offAtMs > IN_STEP_MS) state.seekPauseMs = FIRST_SEEK_PAUSE_MS;
  const factor = view.changesRate ? rate : 1;
  const isSought = isSettling ? isFar : seekByS !== 0 && maySeek(draft);
  if (!isSought) effects.push({ do: 'correct', factor });
  else seek(draft, { lateS, factor, isSettling });
}

/**
 * What a seek, load or start costs here: its first frames say by how much the guess was wrong; never more
 * than the time since.
 */
function learn({ state, view }: Draft, lateS: number): void {
  const cost = state.measures;
  state.measures = null;
  if (!cost) return;
  const tookMs = cost === 'play' ? Number.POSITIVE_INFINITY : view.steadyMs - state.placedAtMs;
  state.costs = withCost(state.costs, cost, Math.min(tookMs, costMs(state.costs, cost) + 1000 * lateS));
}

/** Brings a picture that is far away into step. */
function seek(draft: Draft, distance: Pick<Correction, 'lateS' | 'factor' | 'isSettling'>): void {
  const { state, view } = draft;
  const isBuffered = view.target.isBuffered(goalMs(state, view, 'seek'));
  const cost: Cost = isBuffered ? 'seek' : 'load';
  const correction: Correction = { for: 'correct', cost, ...distance, isStuck: isStuck(state, view) };
  if (isBuffered) place(draft, correction);
  else if (Math.abs(distance.lateS) < LOAD_S || !mayLoad(draft)) waitForRoom(draft, correction);
  else if (distance.lateS <= 0 || !bringForward(draft, correction)) place(draft, correction);
}

/**
 * It has run dry. If that is not the first time, it goes ahead of the room and waits for it there; false:
 * the usual seek will do.
 */
function bringForward({ state, view, effects }: Draft, otherwise: Correction): boolean {
  const { target, steadyMs, nowMs } = view;
  state.reserve = nextReserve(state.reserve, target.frames.at(-1)?.atMs ?? null, steadyMs);
  state.loadPauseMs = LOAD_PAUSE_MS;
  const reserveMs = state.reserve.ms;
  if (reserveMs === 0) return false;
  const soonMs = positionAt(state.room, nowMs + reserveMs);
  const meetMs = Math.min(soonMs, target.durationMs ?? Number.POSITIVE_INFINITY);
  const placement: Placement = { for: 'reserve', meetMs, reserveMs, otherwise };
  effects.push({ do: 'place', positionsMs: [meetMs], playing: true, rate: state.room.rate, placement });
  return true;
}

/** Whether it is early: then it stays where it is, as on a stream that has just begun. */
function waitForRoom(draft: Draft, { lateS, factor }: Correction): void {
  const { state, view, effects } = draft;
  if (lateS < 0 && lateS > -EARLY_S) stayUntil(draft, roomPositionMs(state, view) - 1000 * lateS, true);
  else effects.push({ do: 'correct', factor });
}

/** The picture stays, ahead of the room, until the room comes. */
function stayUntil({ state, effects }: Draft, meetMs: number, isEarly: boolean): void {
  state.phase = { name: 'meeting', meetMs, isEarly };
  state.measures = null;
  state.isCorrecting = false;
  effects.push({ do: 'correct', factor: 0 });
}

/** Goes where the room will be. */
function place({ state, view, effects }: Draft, placement: Exclude<Placement, { for: 'reserve' }>): void {
  const { playing, rate } = state.room;
  // What the room will have reached by then may not be there, what it has reached now usually is.
  const positionsMs = [goalMs(state, view, placement.cost), roomPositionMs(state, view)];
  effects.push({ do: 'place', positionsMs, playing, rate, placement });
}

function placed(draft: Draft, placement: Placement): void {
  const { state, view } = draft;
  state.placedAtMs = view.steadyMs;
  if (placement.for === 'reserve') {
    stayUntil(draft, placement.meetMs, false);
    return;
  }
  const isCorrection = placement.for === 'correct';
  // The costs of a server that starts are not the usual ones, and a seek while stuck waits for the cause.
  const isUsual = view.steadyMs >= state.returnsUntilMs && !(isCorrection && placement.isStuck);
  state.phase = { name: 'placed', isCorrection };
  state.measures = state.room.playing && isUsual ? placement.cost : null;
  state.isCorrecting = false;
  if (isCorrection) state.settleSeeks = placement.isSettling ? state.settleSeeks - 1 : 1;
  if (placement.for === 'resume' || (isCorrection && !placement.isSettling)) {
    state.seekPauseMs = Math.min(LONGEST_PAUSE_MS, 2 * state.seekPauseMs);
  }
}

/** The position is not there yet: as if nothing had been tried. */
function refused(draft: Draft, placement: Placement): void {
  const { state } = draft;
  if (placement.for === 'resume') start(draft);
  else if (placement.for === 'correct') waitForRoom(draft, placement);
  else if (placement.for === 'reserve') {
    // The live edge is nearer: a load helps for a moment only, and gives up what is on its way.
    state.loadPauseMs = LOAD_PAUSE_MS + placement.reserveMs;
    place(draft, placement.otherwise);
  }
}

function mayLoad({ state, view }: Draft): boolean {
  return view.steadyMs - state.placedAtMs > state.loadPauseMs;
}

function maySeek({ state, view }: Draft): boolean {
  return view.steadyMs - state.placedAtMs > state.seekPauseMs;
}
