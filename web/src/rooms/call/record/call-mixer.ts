/**
 * One picture and one sound of a call: the pictures of all participants in a grid, and all voices. Nothing of
 * it is played here.
 * In: the call as it is at each moment. Out: a video and a sound track that stay the same while people come
 * and go.
 */
import {
  type CanvasTrack,
  openCanvas,
  openCanvasTrack,
  openPictures,
  type PictureSource,
} from '../../../studio/frames.ts';
import type { Size } from '../../../studio/places.ts';
import { SoundMix } from '../../../studio/sound-mix.ts';
import { type DrawnTile, drawScene } from './draw-scene.ts';

/** A tile with the track that it shows. */
interface MixedTile extends Omit<DrawnTile, 'picture'> {
  readonly key: string;
  /** Null: the initial is shown. */
  readonly track: MediaStreamTrack | null;
}

/** The call at one moment. */
export interface CallScene {
  readonly tiles: readonly MixedTile[];
  /** By participant. */
  readonly voices: ReadonlyMap<string, MediaStreamTrack>;
}

/** Pictures per second: cameras of calls have at most this many. */
const FRAME_RATE = 24;

/** A running mix; `close` ends it. The tracks of the call stay the caller's. */
export class CallMixer {
  readonly #scene: () => CallScene;
  readonly #context: CanvasRenderingContext2D;
  readonly #out: CanvasTrack;
  readonly #mix = new SoundMix();
  /** By the key of the tile. */
  readonly #sources = new Map<string, { readonly track: MediaStreamTrack; readonly pictures: PictureSource }>();
  /** By participant. */
  readonly #voices = new Map<string, MediaStreamTrack>();

  /** @param scene called for each picture */
  constructor(size: Size, scene: () => CallScene) {
    this.#scene = scene;
    this.#context = openCanvas(size);
    this.#out = openCanvasTrack(this.#context, FRAME_RATE);
    this.#mix.every(1 / FRAME_RATE, () => this.#tick());
  }

  get video(): MediaStreamTrack {
    return this.#out.track;
  }

  get audio(): MediaStreamTrack {
    return this.#mix.track;
  }

  close(): void {
    this.#mix.close();
    this.#follow({ tiles: [], voices: new Map() });
    this.#out.close();
  }

  #tick(): void {
    const scene = this.#scene();
    this.#follow(scene);
    const tiles = scene.tiles.map((tile) => ({
      ...tile,
      picture: this.#sources.get(tile.key)?.pictures.picture() ?? null,
    }));
    drawScene(this.#context, tiles);
    this.#out.send(Math.round(performance.now() * 1000));
  }

  /** Opens the new sources of the scene, and closes those that are gone. */
  #follow({ tiles, voices }: CallScene): void {
    const tracks = new Map(tiles.flatMap(({ key, track }) => (track ? [[key, track] as const] : [])));
    for (const [key, { track, pictures }] of this.#sources) {
      if (tracks.get(key) === track) continue;
      pictures.close();
      this.#sources.delete(key);
    }
    for (const [key, track] of tracks) {
      if (!this.#sources.has(key)) this.#sources.set(key, { track, pictures: openPictures(track) });
    }
    for (const [participant, track] of this.#voices) {
      if (voices.get(participant) === track) continue;
      this.#mix.set(participant, null);
      this.#voices.delete(participant);
    }
    for (const [participant, track] of voices) {
      if (this.#voices.has(participant)) continue;
      this.#mix.set(participant, new MediaStream([track]));
      this.#voices.set(participant, track);
    }
  }
}
