/**
 * Keeps the picture of one tile at the common time, or leaves that to a room; knows where the stream has no
 * media.
 * In: the common clock and time, the player of the tile. Out: seeks and speeds of that player, its offset.
 */
import type { PlaybackState } from '../../../src/api/room/playback.ts';
import type { RoomLink, SyncTarget } from '../player/sync-target.ts';
import { changesRateSmoothly, SyncController } from '../sync/sync-controller.ts';
import type { Clock } from '../time/clock.ts';
import type { Stretch } from '../time/past.ts';
import { shiftedTarget } from './angles/shifted-target.ts';
import type { NearbyPast } from './nearby-past.ts';

/** A picture that is further away shows another time: nothing is recorded at the common one. Milliseconds. */
const ELSEWHERE_MS = 5_000;
/** A tile begins to load this long before its media continues, milliseconds. */
const LOADS_MS = 700;

/** What all tiles follow. */
export interface CommonState {
  readonly state: PlaybackState;
  /** The common time, unix milliseconds. */
  readonly atMs: number;
}

/** A room that keeps one of its tiles in step itself, and reports how it is. */
export interface TilesRoom extends Pick<RoomLink, 'attach'> {
  /** How much later than the room that tile is, ms; null if that is unknown. */
  readonly offsetMs: number | null;
  /** The stream that the room follows: its tile is the one, or the first one while that is hidden. */
  readonly stream: string;
}

/** Where the media of a tile has holes, on its own clock. */
export type TilePast = Pick<NearbyPast, 'want' | 'waitsFor' | 'holeAt'>;

/** What is kept in step. */
interface SyncedPlayer {
  readonly target: SyncTarget;
  /** As the page shows it: a player that loads is not paused. */
  readonly isPaused: () => boolean;
}

/** The step of one tile; `close` with it. */
export class TileSync {
  /** How much later than the common time the picture is, ms; null if that is unknown. */
  offsetMs = $state<number | null>(null);
  /**
   * The stretch without media at the common time, in the past, on the clock of the tile; null: there is none.
   * The last picture stays.
   */
  hole = $state.raw<Stretch | null>(null);
  readonly #clock: Clock;
  readonly #time: CommonState;
  readonly #ends = new AbortController();
  readonly #past: TilePast;
  #shiftMs = 0;
  #player: SyncedPlayer | null = null;
  #room: TilesRoom | null = null;
  #controller: SyncController | null = null;
  #leaveRoom: (() => void) | null = null;
  #due: ReturnType<typeof setTimeout> | undefined;

  /** @param createPast its function is called when more of the past is known */
  constructor(clock: Clock, time: CommonState, createPast: (changed: () => void, signal: AbortSignal) => TilePast) {
    this.#clock = clock;
    this.#time = time;
    this.#past = createPast(() => this.step(), this.#ends.signal);
  }

  /** Added to the clock of the tile, it gives the common time, ms. */
  get shiftMs(): number {
    return this.#shiftMs;
  }

  set shiftMs(ms: number) {
    if (ms === this.#shiftMs) return;
    this.#shiftMs = ms;
    // The picture is placed again: a paused one shows the frame of the new offset.
    this.#controller = null;
    this.step();
  }

  /** The picture shows another time than the common one. */
  get isElsewhere(): boolean {
    return this.offsetMs !== null && Math.abs(this.offsetMs) > ELSEWHERE_MS;
  }

  /** Duration of a frame, ms; of 25 a second before it is known. */
  get frameMs(): number {
    return this.#player?.target.frameMs ?? 40;
  }

  /** Nothing of the common time is loaded, though there may be media. */
  get lacks(): boolean {
    const target = this.#player?.target;
    if (!target || this.hole || this.isElsewhere) return false;
    return target.waits || (target.pictured && !target.busy && !target.isBuffered(this.#time.atMs));
  }

  /** From now on this player is kept in step. */
  begin(player: SyncedPlayer): void {
    this.#player = { target: shiftedTarget(player.target, () => this.#shiftMs), isPaused: player.isPaused };
    this.follow(this.#room);
    this.step();
  }

  /** @param room keeps this tile in step; null: the tile follows the common state by itself */
  follow(room: TilesRoom | null): void {
    if (room === this.#room && (this.#leaveRoom !== null) === (room !== null)) return;
    this.#room = room;
    this.#leaveRoom?.();
    this.#leaveRoom = null;
    this.#controller = null;
    if (room && this.#player) this.#leaveRoom = room.attach(this.#player.target);
  }

  /** A few times a second: keeps the picture at the common time. */
  step(): void {
    const { state, atMs } = this.#time;
    if (!this.#player || state.item === null) return;
    const ownMs = atMs - this.#shiftMs;
    this.#past.want(ownMs);
    const hole = this.#past.holeAt(ownMs) ?? null;
    if (hole?.toMs !== this.hole?.toMs) this.hole = hole;
    if (this.#room) this.offsetMs = this.#room.offsetMs;
    else if (hole && hole.toMs - ownMs > LOADS_MS) this.#rest(this.#player);
    else if (!this.#past.waitsFor(ownMs)) this.#keepStep(this.#player.target, state);
  }

  /** The page is shown again. */
  wake(): void {
    this.#controller?.wake();
  }

  /** Ends requests; leaves the room. */
  close(): void {
    this.#ends.abort();
    clearTimeout(this.#due);
    this.#leaveRoom?.();
  }

  #keepStep(target: SyncTarget, state: PlaybackState): void {
    this.#controller ??= new SyncController({
      target,
      now: this.#clock.now,
      steadyMs: () => performance.now(),
      hidden: () => document.hidden,
      changesRate: changesRateSmoothly(),
      hasPositions: () => true,
    });
    this.#controller.update(state);
    this.#controller.step();
    this.offsetMs = this.#controller.offsetMs;
    clearTimeout(this.#due);
    const { dueMs } = this.#controller;
    // Starts and pauses take effect at their time, not at the next step.
    if (dueMs !== null) this.#due = setTimeout(() => this.step(), Math.max(1, dueMs - this.#clock.now()));
  }

  /** Nothing is recorded here: the last picture stays. */
  #rest({ target, isPaused }: SyncedPlayer): void {
    if (this.#controller || !isPaused()) target.follow(null, false, 1);
    this.#controller = null;
    this.offsetMs = null;
  }
}
