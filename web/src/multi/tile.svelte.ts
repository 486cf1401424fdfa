/**
 * One stream among several: its state and its player, of which one is heard.
 * In: the common clock and time, the box for the picture. Out: Tile.svelte, which reads the fields.
 */
import type Hls from 'hls.js';
import type { StreamView } from '../../../src/api/shapes.ts';
import { ApiError, type Failure, failureOf, getStream, getTimeline } from '../api/client.ts';
import { poll } from '../api/poll.ts';
import { noPlayer } from '../media/load-engine.ts';
import { idle, type MediaState } from '../media/state.ts';
import { type OpenPlayer, openPlayer } from '../player/open.ts';
import { playedView } from '../rules/past.ts';
import type { Clock } from '../time/clock.ts';
import { TimelineState } from '../timeline/state.svelte.ts';
import { NearbyPast } from './nearby-past.ts';
import type { ShownTile } from './shown-tile.ts';
import { type CommonState, TileSync } from './tile-sync.svelte.ts';

/** Interval of requests for the state of the stream, milliseconds. */
const EVERY_MS = 5_000;

/** One tile; `close` ends it. */
export class Tile implements ShownTile {
  readonly name: string;
  readonly timeline: TimelineState;
  readonly sync: TileSync;
  /** The stream in the last response; null before the first one. */
  stream = $state.raw<StreamView | null>(null);
  /** Why the stream cannot be shown. */
  failure = $state.raw<Failure | null>(null);
  player = $state.raw<MediaState>(idle);
  readonly #clock: Clock;
  readonly #ends = new AbortController();
  #player: OpenPlayer | null = null;
  #isHeard = false;
  #volume = 1;

  constructor(name: string, clock: Clock, time: CommonState) {
    this.name = name;
    this.#clock = clock;
    this.timeline = new TimelineState(name, clock.now);
    const ask = (fromMs: number, toMs: number, signal: AbortSignal) => getTimeline(name, fromMs, toMs, signal);
    this.sync = new TileSync(clock, time, (changed, signal) => new NearbyPast(ask, clock.now, signal, changed));
  }

  get title(): string {
    return this.stream?.title || this.name;
  }

  /** It should play and has nothing to play. */
  get lacks(): boolean {
    return this.stream?.state === 'live' && this.sync.lacks;
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
    if (this.stream) player.streamChanged(playedView(this.stream));
    this.#listen();
    this.sync.begin({ target: player.target, isPaused: () => this.player.paused });
    await Promise.all([this.timeline.start(), poll(EVERY_MS, (within) => this.#read(within), { signal })]);
  }

  /** Only one tile is heard. @param volume 0 to 1 */
  hear(isHeard: boolean, volume: number): void {
    this.#isHeard = isHeard;
    this.#volume = volume;
    this.#listen();
  }

  /** Its picture in a separate window, or back. */
  togglePicture(): void {
    this.#player?.controls.togglePicture();
  }

  /** Ends playback and requests. */
  close(): void {
    this.#ends.abort();
    this.sync.close();
    this.timeline.close();
    this.#player?.close();
  }

  #changed(snapshot: MediaState): void {
    this.player = snapshot;
    this.#listen();
  }

  #listen(): void {
    if (!this.#player) return;
    const { muted, volume } = this.player;
    if (this.#isHeard && (muted || volume !== this.#volume)) this.#player.controls.setVolume(this.#volume);
    else if (!this.#isHeard && !muted) this.#player.controls.toggleMuted();
  }

  async #read(signal: AbortSignal): Promise<void> {
    if (document.hidden && this.stream) return;
    try {
      this.stream = await getStream(this.name, signal);
      this.failure = null;
      this.#player?.streamChanged(playedView(this.stream));
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof ApiError)) throw error;
      this.failure = failureOf(error);
    }
  }
}
