/**
 * One stream among several: its player, kept at the common time.
 * In: the common clock and time, the box for the picture. Out: Tile.svelte, which reads the fields.
 */
import type Hls from 'hls.js';
import type { StreamView } from '../../../src/api/shapes.ts';
import { ApiError, type Failure, failureOf, getStream } from '../api/client.ts';
import { poll } from '../api/poll.ts';
import { type OpenPlayer, openPlayer } from '../player/open.ts';
import { idle, type Snapshot } from '../player/snapshot.ts';
import { changesRateSmoothly } from '../rooms/session/room-playback.svelte.ts';
import { SyncController } from '../rooms/session/sync-controller.ts';
import type { Clock } from '../time/clock.ts';
import { TimelineState } from '../timeline/state.svelte.ts';
import { noPlayer } from '../watch/load-player.ts';
import type { CommonTime } from './common-time.ts';
import { qualityFor } from './quality.ts';

/** Interval of requests for the state of the stream, milliseconds. */
const EVERY_MS = 5_000;
/** A picture that is further away shows another time: nothing is recorded at the common one. Milliseconds. */
const ELSEWHERE_MS = 5_000;

/** One tile; `close` ends it. */
export class Tile {
  readonly name: string;
  readonly timeline: TimelineState;
  /** The stream in the last response; null before the first one. */
  stream = $state.raw<StreamView | null>(null);
  /** Why the stream cannot be shown. */
  failure = $state.raw<Failure | null>(null);
  player = $state.raw<Snapshot>(idle);
  /** How much later than the common time the picture is, ms; null if that is unknown. */
  offsetMs = $state<number | null>(null);
  readonly #clock: Clock;
  readonly #time: CommonTime;
  readonly #ends = new AbortController();
  #player: OpenPlayer | null = null;
  #controller: SyncController | null = null;
  #heightPx = 0;
  #isHeard = false;

  constructor(name: string, clock: Clock, time: CommonTime) {
    this.name = name;
    this.#clock = clock;
    this.#time = time;
    this.timeline = new TimelineState(name, clock.now);
  }

  /** Nothing is recorded at the common time, or nothing is live. */
  get isElsewhere(): boolean {
    return this.offsetMs !== null && Math.abs(this.offsetMs) > ELSEWHERE_MS;
  }

  /** It should play and has nothing to play. */
  get lacks(): boolean {
    const target = this.#player?.target;
    if (!target || this.stream?.state !== 'live' || this.isElsewhere) return false;
    return target.waits || (target.pictured && !target.busy && !target.isBuffered(this.#time.atMs));
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
      ...{ Hls: engine, surface, stream: this.name, lowLatency },
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
    this.#controller = new SyncController({
      target: player.target,
      now: this.#clock.now,
      steadyMs: () => performance.now(),
      hidden: () => document.hidden,
      changesRate: changesRateSmoothly(),
      hasPositions: () => true,
    });
    if (this.stream) player.streamChanged(this.stream);
    this.#listen();
    await Promise.all([this.timeline.start(), poll(EVERY_MS, (within) => this.#read(within), { signal })]);
  }

  /** A few times a second: keeps the picture at the common time. */
  step(): void {
    const controller = this.#controller;
    if (!controller || this.#time.state.item === null) return;
    controller.tell(this.#time.state);
    controller.step();
    this.offsetMs = controller.offsetMs;
  }

  /** The page is shown again. */
  wake(): void {
    this.#controller?.wake();
  }

  /** Only one tile is heard. */
  hear(isHeard: boolean): void {
    this.#isHeard = isHeard;
    this.#listen();
  }

  /** @param heightPx height of the tile in pixels of the screen: small tiles play small renditions */
  resize(heightPx: number): void {
    this.#heightPx = heightPx;
    this.#choose();
  }

  /** Ends playback and requests. */
  close(): void {
    this.#ends.abort();
    this.timeline.close();
    this.#player?.close();
  }

  #changed(snapshot: Snapshot): void {
    this.player = snapshot;
    this.#choose();
    this.#listen();
  }

  #listen(): void {
    if (this.#player && this.player.muted === this.#isHeard) this.#player.toggleMuted();
  }

  #choose(): void {
    const { qualities, quality } = this.player;
    if (!this.#player || this.#heightPx === 0 || qualities.length === 0) return;
    const wanted = qualityFor(qualities, this.#heightPx);
    if (wanted !== quality) this.#player.setQuality(wanted);
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
