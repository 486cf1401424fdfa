/**
 * Keeps one picture in step with its room: nothing within 10 ms, small changes of the speed up to 0.3 s, a
 * seek beyond.
 * In: the playback state, the server's clock, the frames that were shown. Out: plays, pauses, seeks and
 * speeds of the player; its offset. docs/7-together/in-step.md has the rules.
 */
import { nothingPlays, type PlaybackState, positionAt } from '../../../../src/api/room/playback.ts';
import { RateController, type RateTuning } from '../../player/rate-controller.ts';
import type { SyncTarget } from '../../player/sync-target.ts';
import { type Cost, RequestCosts } from './request-costs.ts';
import { Reserve } from './reserve.ts';
import { isReady, Supply } from './supply.ts';

/** What a controller is created with. */
export interface SyncParts {
  readonly target: SyncTarget;
  /** The server's time, unix ms. */
  readonly now: () => number;
  /** The clock of the target's frames, ms. */
  readonly steadyMs: () => number;
  /** The page is not visible: it shows no frames, and browsers delay its timers. */
  readonly hidden: () => boolean;
  /** The browser changes the speed without a gap in the sound; without that, only seeks correct. */
  readonly changesRate: boolean;
  /** Live media from elsewhere has no common positions: only pauses and starts are the room's. */
  readonly hasPositions: (item: string) => boolean;
}

/** Interval of the steps, ms: usually, and while the picture settles. */
export const STEP_MS = 250;
const SETTLE_STEP_MS = 100;

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
/** Between two other seeks: twice as long each time, until the picture has been in step for a while. Ms. */
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 8_000;
const IN_STEP_MS = 5_000;
/** An early picture that cannot go back waits for the room, up to this, seconds. */
const EARLY_S = 3;
/** Without a frame for this long the picture is stuck, ms. */
const STUCK_MS = 350;
/** What follows a position that could not be shown is tried this much later, ms. */
const AGAIN_MS = 5_000;
/** After the room has moved everyone loads, ms. */
const MOVES_MS = 3_000;
/**
 * After the server or the source was gone, waits say nothing about the network until the picture is in step,
 * or for this long, ms.
 */
const RETURNS_MS = 20_000;
const FRAMES_NEEDED = 3;

/** Two states play the same media at the same time. */
function continues(one: PlaybackState, other: PlaybackState): boolean {
  const atMs = other.anchorServer;
  return one.item === other.item && Math.abs(positionAt(one, atMs) - positionAt(other, atMs)) < 20;
}

/** Keeps one target in step. */
export class SyncController {
  readonly #parts: SyncParts;
  readonly #rate = new RateController(roomTuning);
  readonly #costs = new RequestCosts();
  #state: PlaybackState = nothingPlays;
  /** Takes effect at its anchor. */
  #next: PlaybackState | null = null;
  /** The state has moved, and the player has not followed. */
  #moved = false;
  #placedAt = Number.NEGATIVE_INFINITY;
  #steppedAt = Number.NEGATIVE_INFINITY;
  /** Frames from before this time do not count: the page was hidden, or stood still. Steady clock. */
  #countFrom = Number.NEGATIVE_INFINITY;
  /** When the picture was last found out of step, steady clock. */
  #offAt = Number.NEGATIVE_INFINITY;
  #pauseMs = FIRST_PAUSE_MS;
  /** What the next frames are the result of. */
  #learns: Cost | null = null;
  #wasBusy = false;
  #settleUntil = Number.NEGATIVE_INFINITY;
  /** Seeks that are left for settling. */
  #settleSeeks = 0;
  /** The seek that the player is busy with corrects the picture. */
  #isCorrection = false;
  readonly #supply = new Supply();
  readonly #reserve = new Reserve();
  #movedAt = Number.NEGATIVE_INFINITY;
  #returnsUntil = Number.NEGATIVE_INFINITY;
  /** The room has passed the end of what the source has sent. */
  #isPastEnd = false;
  #againMs = AGAIN_MS;
  /** The picture stays here, ahead of the room, until the room comes; null: it does not. Ms. */
  #meetMs: number | null = null;
  /** It is there because the room has not reached the media yet, not to have media in reserve. */
  #isEarly = false;

  constructor(parts: SyncParts) {
    this.#parts = parts;
  }

  /**
   * How much later than the room the picture is, ms; negative if it is early. Null without frames, while it
   * loads, and where there is no media.
   */
  get offsetMs(): number | null {
    const { target } = this.#parts;
    const { item, playing } = this.#state;
    if (target.busy || !target.pictured || item === null || !this.#parts.hasPositions(item)) return null;
    if (this.#meetMs !== null) return null;
    if (playing && this.#isStuck && !target.exists(this.#positionMs)) return null; // the source sends nothing
    const lateS = playing ? this.#lateS() : this.#pausedLateS();
    return lateS === null ? null : lateS * 1000;
  }

  /** The network does not deliver what plays as fast as it plays. */
  get isSlow(): boolean {
    return this.#supply.isSlow;
  }

  /**
   * It should play and has no media, or waits for the room with media in reserve. In a room that waits: it is
   * not ready.
   */
  get lacks(): boolean {
    const { target } = this.#parts;
    const { item, playing, waitingFor } = this.#state;
    if (item === null) return false;
    if (!playing) return waitingFor !== undefined && !isReady(target, this.#positionMs);
    return target.busy || target.waits || !target.pictured || (this.#meetMs !== null && !this.#isEarly);
  }

  /** When `step` is needed next, unix ms of the server; null: at the usual interval. */
  get dueMs(): number | null {
    const { now, steadyMs, hidden } = this.#parts;
    const leadMs = this.#next ? this.#next.anchorServer - this.#leadMs(this.#next) : null;
    const meetsMs = this.#meetMs === null ? null : now() + this.#untilMeetMs;
    const nextMs = leadMs === null || (meetsMs !== null && meetsMs < leadMs) ? meetsMs : leadMs;
    if (hidden() || steadyMs() >= this.#settleUntil) return nextMs;
    const soonMs = now() - steadyMs() + this.#steppedAt + SETTLE_STEP_MS;
    return nextMs === null ? soonMs : Math.min(soonMs, nextMs);
  }

  /** The room has another state. */
  tell(state: PlaybackState): void {
    if (state === this.#state || state === this.#next) return;
    const isFirst = this.#state === nothingPlays;
    if (isFirst || state.rev < this.#state.rev) this.#take(state);
    else this.#next = state;
    this.step();
  }

  /** The page is shown again, or the machine slept: measured afresh. */
  wake(): void {
    this.#rate.reset();
    this.#countFrom = this.#parts.steadyMs();
    this.#placedAt = Number.NEGATIVE_INFINITY;
    this.#pauseMs = FIRST_PAUSE_MS;
    this.#meetMs = null;
    this.#supply.reset();
    this.#settle();
  }

  /**
   * The server was gone and is back, or the source: whatever lacked media before says nothing about the
   * network of this member.
   */
  returned(): void {
    this.#reserve.reset();
    this.#againMs = AGAIN_MS;
    this.#placedAt = Number.NEGATIVE_INFINITY;
    this.#pauseMs = FIRST_PAUSE_MS;
    this.#meetMs = null;
    this.#returnsUntil = this.#parts.steadyMs() + RETURNS_MS;
    this.#settle();
  }

  /** Every 250 ms, and at `dueMs`. */
  step(): void {
    const { now, target, hidden, changesRate, steadyMs } = this.#parts;
    this.#steppedAt = steadyMs();
    if (this.#next && now() >= this.#next.anchorServer - this.#leadMs(this.#next)) this.#take(this.#next);
    const { item, playing, rate } = this.#state;
    if (item === null) return;
    if (!this.#parts.hasPositions(item)) {
      if (this.#moved || target.paused === playing) target.follow(null, playing, rate);
      this.#moved = false;
      return;
    }
    const isThere = target.exists(this.#positionMs);
    if (isThere && this.#isPastEnd) this.returned();
    this.#isPastEnd = !isThere && (this.#isPastEnd || (playing && this.#isStuck));
    const isMoving = this.#moved || steadyMs() - this.#movedAt < MOVES_MS;
    if (hidden() || steadyMs() < this.#returnsUntil) this.#supply.reset();
    else {
      const isLacking = playing && this.lacks && !isMoving && target.exists(this.#positionMs);
      const isSlow = this.#supply.look(isLacking, steadyMs());
      if (isSlow !== null) target.ease?.(isSlow);
    }
    if (this.#moved) {
      this.#follow();
      return;
    }
    if (this.#meetMs !== null) {
      this.#meet();
      return;
    }
    if (target.busy) {
      this.#wasBusy = true;
      return;
    }
    if (this.#wasBusy) {
      this.#wasBusy = false;
      this.#settle(this.#isCorrection ? this.#settleSeeks : SETTLE_SEEKS);
      this.#isCorrection = false;
    }
    if (!target.pictured) {
      if (this.#mayPlaceAgain) this.#place('load');
      return;
    }
    if (!playing) {
      this.#holdStill();
      return;
    }
    if (target.ended) {
      const { durationMs } = target;
      const isBefore = durationMs !== null && this.#goal('seek') < durationMs - 1000 * LOAD_S;
      if (isBefore && this.#mayPlaceAgain) this.#place('seek');
      return;
    }
    if (target.paused) {
      this.#playAgain();
      return;
    }
    const lateS = this.#lateS();
    if (lateS === null) return;
    this.#learn(lateS);
    if (hidden()) {
      target.correct(1);
      if (Math.abs(lateS) > HIDDEN_S && this.#mayPlaceAgain) this.#place('seek');
      return;
    }
    const isSettling = steadyMs() < this.#settleUntil && this.#settleSeeks > 0;
    const { rate: factor, seekByS } = this.#rate.next({ lateS, aheadS: target.aheadS });
    const isNew = target.frames.every(({ atMs }) => atMs > this.#returnsUntil - RETURNS_MS);
    if (Math.abs(lateS) <= SETTLE_S && isNew) this.#returnsUntil = Number.NEGATIVE_INFINITY;
    if (Math.abs(lateS) > SETTLE_S) this.#offAt = steadyMs();
    else if (steadyMs() - this.#offAt > IN_STEP_MS) this.#pauseMs = FIRST_PAUSE_MS;
    const isFar = isSettling ? Math.abs(lateS) > SETTLE_S : seekByS !== 0 && this.#maySeek;
    if (!isFar || !this.#seek(lateS, isSettling)) target.correct(changesRate ? factor : 1);
  }

  /** Something else has paused it: what was missed meanwhile is skipped. */
  #playAgain(): void {
    const { target, hidden } = this.#parts;
    this.#learns = null;
    this.#settle();
    const last = hidden() ? undefined : target.frames.at(-1);
    const isLate = last !== undefined && this.#positionMs - last.positionMs > 1000 * SETTLE_S;
    const isSought = isLate && this.#maySeek && target.isBuffered(this.#goal('seek')) && this.#place('seek');
    if (isSought) this.#pauseMs = Math.min(LONGEST_PAUSE_MS, 2 * this.#pauseMs);
    else target.follow(null, true, this.#state.rate);
  }

  #take(state: PlaybackState): void {
    const isSame = continues(this.#state, state);
    const isStart = isSame && state.playing && !this.#state.playing;
    const isMoved = !isSame || !state.playing || this.#state === nothingPlays;
    if (state === this.#next) this.#next = null;
    const isFaster = this.#state.rate !== state.rate;
    this.#state = state;
    if (isMoved || this.#meetMs !== null) this.#moved = true;
    else if (isStart || isFaster) {
      this.#parts.target.follow(null, state.playing, state.rate);
      if (isStart) this.#learns = 'play';
      this.#rate.reset();
      this.#settle();
    }
  }

  /** How long before its anchor a state has to be begun, ms. */
  #leadMs(next: PlaybackState): number {
    if (!next.playing) return 0;
    const { target } = this.#parts;
    if (continues(this.#state, next)) return this.#state.playing ? 0 : this.#costs.ms('play');
    return this.#costs.ms(target.isBuffered(next.anchorMedia) ? 'seek' : 'load');
  }

  /** Goes where the room is. */
  #follow(): void {
    this.#moved = false;
    this.#meetMs = null;
    this.#againMs = AGAIN_MS;
    if (this.#state.by !== '') this.#movedAt = this.#parts.steadyMs(); // the server moves a room because its members lack media
    const { target } = this.#parts;
    const { playing } = this.#state;
    this.#settle();
    const isHere = playing && target.pictured && target.isBuffered(this.#goal('seek'));
    this.#place(isHere || !playing ? 'seek' : 'load');
  }

  #settle(seeks = SETTLE_SEEKS): void {
    this.#settleUntil = this.#parts.steadyMs() + SETTLE_MS;
    this.#settleSeeks = seeks;
  }

  get #mayPlaceAgain(): boolean {
    return this.#parts.steadyMs() - this.#placedAt > this.#againMs;
  }

  get #maySeek(): boolean {
    return this.#parts.steadyMs() - this.#placedAt > this.#pauseMs;
  }

  /** The room's position now, ms. */
  get #positionMs(): number {
    return positionAt(this.#state, this.#parts.now());
  }

  /** The room's position when the first frame will be there, ms. */
  #goal(cost: Cost): number {
    const { now, target } = this.#parts;
    const positionMs = positionAt(this.#state, now() + (this.#state.playing ? this.#costs.ms(cost) : 0));
    return target.durationMs === null ? positionMs : Math.min(positionMs, target.durationMs);
  }

  /** Goes where the room will be; returns false where that is not there yet, as if nothing had been tried. */
  #place(cost: Cost): boolean {
    const { target, steadyMs } = this.#parts;
    const { playing, rate } = this.#state;
    // What the room will have reached by then may not be there, what it has reached now usually is.
    const isTaken = target.follow(this.#goal(cost), playing, rate) || target.follow(this.#positionMs, playing, rate);
    if (!isTaken) return false;
    this.#placedAt = steadyMs();
    this.#isCorrection = false;
    this.#learns = playing && steadyMs() >= this.#returnsUntil ? cost : null; // a server that starts is no usual cost
    this.#rate.reset();
    return true;
  }

  #seek(lateS: number, isSettling: boolean): boolean {
    const isBuffered = this.#parts.target.isBuffered(this.#goal('seek'));
    if (!isBuffered && (Math.abs(lateS) < LOAD_S || !this.#mayPlaceAgain)) return this.#waitForRoom(lateS);
    const isStuck = this.#isStuck;
    if (!isBuffered && lateS > 0 && this.#bringForward()) return true;
    if (!this.#place(isBuffered ? 'seek' : 'load')) return this.#waitForRoom(lateS);
    if (!isSettling) this.#pauseMs = Math.min(LONGEST_PAUSE_MS, 2 * this.#pauseMs);
    this.#settleSeeks = isSettling ? this.#settleSeeks - 1 : 1;
    this.#isCorrection = true;
    if (isStuck) this.#learns = null; // the seek waits for whatever holds the picture
    return true;
  }

  /**
   * It has run dry. If that is not the first time, it goes ahead of the room and waits for it there; false:
   * the usual seek will do.
   */
  #bringForward(): boolean {
    const { target, steadyMs, now } = this.#parts;
    const reserveMs = this.#reserve.next(target.frames.at(-1)?.atMs ?? null, steadyMs());
    this.#againMs = AGAIN_MS;
    if (reserveMs === 0) return false;
    const soonMs = positionAt(this.#state, now() + reserveMs);
    const meetMs = Math.min(soonMs, target.durationMs ?? Number.POSITIVE_INFINITY);
    const isTaken = target.follow(meetMs, true, this.#state.rate);
    // The live edge is nearer: a load helps for a moment only, and gives up what is on its way.
    this.#againMs = isTaken ? AGAIN_MS : AGAIN_MS + reserveMs;
    if (!isTaken) return false;
    this.#placedAt = steadyMs();
    return this.#stayUntil(meetMs, false);
  }

  /** Whether it is early: then it stays where it is, as on a stream that has just begun. */
  #waitForRoom(lateS: number): boolean {
    return lateS < 0 && lateS > -EARLY_S && this.#stayUntil(this.#positionMs - 1000 * lateS, true);
  }

  #stayUntil(meetMs: number, isEarly: boolean): true {
    this.#parts.target.correct(0);
    this.#meetMs = meetMs;
    this.#isEarly = isEarly;
    this.#learns = null;
    this.#rate.reset();
    return true;
  }

  /** From now until the room is where the picture is, ms. */
  get #untilMeetMs(): number {
    return (this.#meetMs! - this.#positionMs) / this.#state.rate;
  }

  /** Plays on when the room comes. */
  #meet(): void {
    const { target } = this.#parts;
    if (this.#untilMeetMs > 1) {
      target.correct(0); // another source begins at the usual speed
      return;
    }
    this.#meetMs = null;
    this.#placedAt = this.#countFrom = this.#parts.steadyMs();
    target.correct(1);
    this.#settle();
  }

  /** Paused: everyone shows the same frame. */
  #holdStill(): void {
    const { target, steadyMs } = this.#parts;
    if (!target.paused) target.follow(null, false, this.#state.rate);
    const lateS = this.#pausedLateS();
    const isDue = steadyMs() - this.#placedAt > SETTLE_MS;
    if (lateS !== null && lateS !== 0 && isDue) this.#place('seek');
  }

  #pausedLateS(): number | null {
    const { target } = this.#parts;
    const positionMs = target.frames.at(-1)?.positionMs;
    if (positionMs === undefined) return null;
    const { durationMs, frameMs } = target;
    const { anchorMedia } = this.#state;
    const apartMs = Math.min(anchorMedia, durationMs ?? anchorMedia) - positionMs;
    return Math.abs(apartMs) <= 1.5 * frameMs ? 0 : apartMs / 1000;
  }

  /** The picture has not changed for a while. */
  get #isStuck(): boolean {
    const { target, steadyMs, hidden } = this.#parts;
    const last = target.frames.at(-1);
    return last !== undefined && !hidden() && steadyMs() - Math.max(last.atMs, this.#countFrom) > STUCK_MS;
  }

  /** The median of the last frames, seconds; while the picture is stuck, from the last one to now. */
  #lateS(): number | null {
    const { target, now, steadyMs } = this.#parts;
    const { frames } = target;
    const last = frames.at(-1);
    if (!last) return null;
    const aheadMs = now() - steadyMs();
    if (this.#isStuck) return (this.#positionMs - last.positionMs) / 1000;
    // Those from before the state are void.
    const fromMs = Math.max(this.#state.anchorServer, this.#countFrom + aheadMs);
    const counted = frames.filter(({ atMs }) => atMs + aheadMs >= fromMs);
    if (counted.length < FRAMES_NEEDED) return null;
    const late = counted.map(({ atMs, positionMs }) => positionAt(this.#state, atMs + aheadMs) - positionMs);
    return late.sort((a, b) => a - b)[late.length >> 1]! / 1000;
  }

  /**
   * What a seek, load or start costs here: its first frames say by how much the guess was wrong; never more
   * than the time since.
   */
  #learn(lateS: number): void {
    const cost = this.#learns;
    this.#learns = null;
    if (!cost) return;
    const tookMs = cost === 'play' ? Number.POSITIVE_INFINITY : this.#parts.steadyMs() - this.#placedAt;
    this.#costs.learn(cost, Math.min(tookMs, this.#costs.ms(cost) + 1000 * lateS));
  }
}
