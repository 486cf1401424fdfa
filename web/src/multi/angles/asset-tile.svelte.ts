/**
 * A video of the library among several streams: its player, on the clock of a set of angles.
 * In: the common clock and time, the box for the picture. Out: Tile.svelte, which reads the fields.
 */
import type Hls from 'hls.js';
import { getAsset } from '../../api/assets.ts';
import { type Failure, failureOf } from '../../api/client.ts';
import { AssetPlayer } from '../../library/player/asset-player.svelte.ts';
import { noPlayer } from '../../media/load-engine.ts';
import { idle, type MediaState } from '../../media/state.ts';
import type { Clock } from '../../time/clock.ts';
import type { Stretch } from '../../time/past.ts';
import type { ShownTile } from '../shown-tile.ts';
import { type CommonState, type TilePast, TileSync } from '../tile-sync.svelte.ts';

/** One video; `close` ends it. */
export class AssetTile implements ShownTile {
  readonly name: string;
  readonly sync: TileSync;
  readonly stream = null;
  title = $state('');
  failure = $state.raw<Failure | null>(null);
  readonly #asset: string;
  readonly #clock: Clock;
  readonly #ends = new AbortController();
  #player = $state.raw<AssetPlayer | null>(null);
  #video: HTMLVideoElement | null = null;
  #durationMs = Number.POSITIVE_INFINITY;
  #isHeard = false;
  #volume = 1;

  /** @param asset id of the video */
  constructor(name: string, asset: string, clock: Clock, time: CommonState) {
    this.name = name;
    this.title = name;
    this.#asset = asset;
    this.#clock = clock;
    const past: TilePast = { want() {}, waitsFor: () => false, holeAt: (atMs) => this.#holeAt(atMs) };
    this.sync = new TileSync(clock, time, () => past);
  }

  get player(): MediaState {
    return this.#player?.player ?? idle;
  }

  /** Live streams never wait for a file. */
  get lacks(): boolean {
    return false;
  }

  async open(_engine: typeof Hls, surface: HTMLElement): Promise<void> {
    const { signal } = this.#ends;
    try {
      const { title, seconds, hls } = await getAsset(this.#asset, signal);
      if (signal.aborted) return;
      this.title = title;
      if (seconds !== null) this.#durationMs = seconds * 1000;
      if (hls === null) {
        this.failure = noPlayer;
        return;
      }
      this.#play(hls, surface);
    } catch (error) {
      if (!signal.aborted) this.failure = failureOf(error);
    }
  }

  hear(isHeard: boolean, volume: number): void {
    this.#isHeard = isHeard;
    this.#volume = volume;
    this.#listen();
  }

  togglePicture(): void {
    this.#player?.controls.togglePicture();
  }

  close(): void {
    this.#ends.abort();
    this.sync.close();
    this.#player?.close();
    this.#video?.remove();
  }

  #play(url: string, surface: HTMLElement): void {
    const player = new AssetPlayer(url, {
      room: {
        clock: this.#clock,
        attach: (target) => {
          this.sync.begin({ target, isPaused: () => target.paused });
          return () => {};
        },
        controls: (local) => local,
      },
    });
    const video = surface.ownerDocument.createElement('video');
    video.playsInline = true;
    video.style.cssText = 'position: absolute; inset: 0; width: 100%; height: 100%; object-fit: contain';
    surface.append(video);
    this.#video = video;
    this.#player = player;
    player.attach(video);
    this.#listen();
  }

  #listen(): void {
    const video = this.#video;
    if (!video) return;
    video.volume = this.#volume;
    video.muted = !this.#isHeard;
  }

  /** Before its start and after its end. @param atMs from its start */
  #holeAt(atMs: number): Stretch | undefined {
    if (atMs < 0) return { kind: 'offline', fromMs: Number.NEGATIVE_INFINITY, toMs: 0 };
    const endMs = this.#durationMs;
    return atMs < endMs ? undefined : { kind: 'offline', fromMs: endMs, toMs: Number.POSITIVE_INFINITY };
  }
}
