/**
 * What a studio sends: one picture and one sound of the open devices, and how the user arranges them.
 * In: the streams of devices, the choices of the user. Out: two tracks for a publisher, fields for the stage.
 */
import { Composer } from './compose.ts';
import type { Corner, Size } from './places.ts';
import { SoundMix } from './sound-mix.ts';

/** `open` and `close` may be repeated; the streams stay the caller's. */
export class StudioMix {
  /** For the preview; null without a picture. */
  picture = $state.raw<MediaStream | null>(null);
  hasMicrophone = $state(false);
  corner = $state<Corner>('bottom-right');
  isMuted = $state(false);
  #sound: SoundMix | null = null;
  #composer: Composer | null = null;
  #size: Size;
  readonly #onVideo: (track: MediaStreamTrack | null) => void;

  /**
   * @param size of the picture, pixels
   * @param onVideo called when the picture has become another track
   */
  constructor(size: Size, onVideo: (track: MediaStreamTrack | null) => void) {
    this.#size = size;
    this.#onVideo = onVideo;
  }

  /** The picture; null if there is none. */
  get video(): MediaStreamTrack | null {
    return this.#composer?.track ?? null;
  }

  /** The sound, silent without inputs; null while the mix is closed. */
  get audio(): MediaStreamTrack | null {
    return this.#sound?.track ?? null;
  }

  /** Loudest sample of the last moments, 0 to 1. */
  level(): number {
    return this.#sound?.level() ?? 0;
  }

  /** Begins as the user arranged it last. Call it in a click: browsers do not start sound before. */
  open(): void {
    this.#sound ??= new SoundMix();
    this.#sound.mute('microphone', this.isMuted);
    this.#composer ??= new Composer(this.#size, (track) => {
      this.picture = track && new MediaStream([track]);
      this.#onVideo(track);
    });
    this.#composer.place(this.corner);
  }

  /** Sets an input; null removes it. */
  set(input: 'camera' | 'screen' | 'microphone', stream: MediaStream | null): void {
    if (input !== 'camera') this.#sound?.set(input, stream);
    if (input === 'microphone') this.hasMicrophone = stream !== null;
    else this.#composer?.set(input, stream);
  }

  place(corner: Corner): void {
    this.corner = corner;
    this.#composer?.place(corner);
  }

  /** Silences the microphone; a shared tab is still heard. */
  mute(isMuted: boolean): void {
    this.isMuted = isMuted;
    this.#sound?.mute('microphone', isMuted);
  }

  resize(size: Size): void {
    this.#size = size;
    this.#composer?.resize(size);
  }

  /** Ends both tracks. */
  close(): void {
    this.#composer?.close();
    this.#sound?.close();
    this.#composer = null;
    this.#sound = null;
  }
}
