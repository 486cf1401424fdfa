/**
 * One stream among several: its player, kept at the common time.
 * In: the common clock and time, the box for the picture. Out: Tile.svelte, which reads the fields.
 */
import type Hls from 'hls.js';
import type { PlaybackState } from '../../../src/api/room/playback.ts';
import type { StreamView } from '../../../src/api/shapes.ts';
import { ApiError, type Failure, failureOf, getStream, getTimeline } from '../api/client.ts';
import { poll } from '../api/poll.ts';
import { noPlayer } from '../media/load-engine.ts';
import { idle, type MediaState } from '../media/state.ts';
import { type OpenPlayer, openPlayer } from '../player/open.ts';
import type { RoomLink } from '../player/sync-target.ts';
import { changesRateSmoothly, SyncController } from '../sync/sync-controller.ts';
import type { Clock } from '../time/clock.ts';
import type { Moment, Stretch } from '../time/past.ts';
import { TimelineState } from '../timeline/state.svelte.ts';
import { NearbyPast } from './nearby-past.ts';

/** Interval of requests for the state of the stream, milliseconds. */
const EVERY_MS = 5_000;
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

/** One tile; `close` ends it. */
export class Tile {
  readonly name: string;
  readonly timeline: TimelineState;
  /** The stream in the last response; null before the first one. */
  stream = $state.raw<StreamView | null>(null);
  /** Why the stream cannot be shown. */
  failure = $state.raw<Failure | null>(null);
  player = $state.raw<MediaState>(idle);
  /** How much later than the common time the picture is, ms; null if that is unknown. */
  offsetMs = $state<number | null>(null);
  /**
   * The stretch without media at the common time, in the past; null: there is none. The last picture stays.
   */
  hole = $state.raw<Stretch | null>(null);
  readonly #clock: Clock;
  readonly #time: CommonState;
  readonly #ends = new AbortController();
  readonly #past: NearbyPast;
  #room: TilesRoom | null = null;
  #player: OpenPlayer | null = null;
  #controller: SyncController | null = null;
  #leaveRoom: (() => void) | null = null;
  #due: ReturnType<typeof setTimeout> | undefined;
  #isHeard = false;
  #volume = 1;

  constructor(name: string, clock: Clock, time: CommonState) {
    this.name = name;
    this.#clock = clock;
    this.#time = time;
    this.timeline = new TimelineState(name, clock.now);
    const ask = (fromMs: number, toMs: number, signal: AbortSignal) => getTimeline(name, fromMs, toMs, signal);
    this.#past = new NearbyPast(ask, clock.now, this.#ends.signal, () => this.step());
  }

  /** The picture shows another time than the common one. */
  get isElsewhere(): boolean {
    return this.offsetMs !== null && Math.abs(this.offsetMs) > ELSEWHERE_MS;
  }

  /** It should play and has nothing to play. */
  get lacks(): boolean {
    const target = this.#player?.target;
    if (!target || this.stream?.state !== 'live' || this.hole || this.isElsewhere) return false;
    return target.waits || (target.pictured && !target.busy && !target.isBuffered(this.#time.atMs));
  }

  /** The next recorded time; undefined if nothing follows. Throws ApiError. @param atMs unix milliseconds */
  next(atMs: number): Promise<Moment | undefined> {
    return this.timeline.recorded.find(atMs);
  }

  /**
   * Plays until `close`.
   *
   * @param surface a positioned box; the player fills it
   * @param lowLatency false: whole segments, with fewer requests
   */
  async open(engine: typeof Hls, surface: HTMLElement, lowLatency: boolean): Promise<void> {
    const { signal } = this.#ends;
    const player = openPlayer({
      Hls: engine,
      surface,
      stream: this.name,
      lowLatency,
      fitsSize: true,
      recorded: this.timeline.recorded,
      now: this.#clock.now,
      networkS: () => this.#clock.networkS,
      onChange: (snapshot) => this.#changed(snapshot),
    });
    if (!player?.target) {
      player?.close();
      this.failure = noPlayer;
      return;
    }
    await this.#read(signal);
    if (signal.aborted) return player.close();
    this.#player = player;
    if (this.stream) player.streamChanged(this.stream);
    this.#listen();
    this.follow(this.#room);
    this.step();
    await Promise.all([this.timeline.start(), poll(EVERY_MS, (within) => this.#read(within), { signal })]);
  }

  /** @param room keeps this tile in step; null: the tile follows the common state by itself */
  follow(room: TilesRoom | null): void {
    if (room === this.#room && (this.#leaveRoom !== null) === (room !== null)) return;
    this.#room = room;
    this.#leaveRoom?.();
    this.#leaveRoom = null;
    this.#controller = null;
    const target = this.#player?.target;
    if (room && target) this.#leaveRoom = room.attach(target);
  }

  /** A few times a second: keeps the picture at the common time. */
  step(): void {
    const { state, atMs } = this.#time;
    if (!this.#player || state.item === null) return;
    this.#past.want(atMs);
    const hole = this.#past.holeAt(atMs) ?? null;
    if (hole?.toMs !== this.hole?.toMs) this.hole = hole;
    if (this.#room) this.offsetMs = this.#room.offsetMs;
    else if (hole && hole.toMs - atMs > LOADS_MS) this.#rest();
    else if (!this.#past.waitsFor(atMs)) this.#keepStep(state);
  }

  /** The page is shown again. */
  wake(): void {
    this.#controller?.wake();
  }

  /** Only one tile is heard. @param volume 0 to 1 */
  hear(isHeard: boolean, volume: number): void {
    this.#isHeard = isHeard;
    this.#volume = volume;
    this.#listen();
  }

  /** Its picture in a separate window, or back. */
  togglePicture(): void {
    this.#player?.togglePicture();
  }

  /** Ends playback and requests. */
  close(): void {
    this.#ends.abort();
    clearTimeout(this.#due);
    this.#leaveRoom?.();
    this.timeline.close();
    this.#player?.close();
  }

  #keepStep(state: PlaybackState): void {
    this.#controller ??= new SyncController({
      target: this.#player!.target!,
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
  #rest(): void {
    if (this.#controller || !this.player.paused) this.#player?.target?.follow(null, false, 1);
    this.#controller = null;
    this.offsetMs = null;
  }

  #changed(snapshot: MediaState): void {
    this.player = snapshot;
    this.#listen();
  }

  #listen(): void {
    if (!this.#player) return;
    const { muted, volume } = this.player;
    if (this.#isHeard && (muted || volume !== this.#volume)) this.#player.setVolume(this.#volume);
    else if (!this.#isHeard && !muted) this.#player.toggleMuted();
  }

  async #read(signal: AbortSignal): Promise<void> {
    if (document.hidden && this.stream) return;
    try {
      this.stream = await getStream(this.name, signal);
      this.failure = null;
      this.#player?.streamChanged(this.stream);
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof ApiError)) throw error;
      this.failure = failureOf(error);
    }
  }
}
