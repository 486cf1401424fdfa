/**
 * One picture of a camera, a screen or both: the camera is in a corner of the screen.
 * In: the streams of devices. Out: one video track, which changes with the sources.
 */
import { hasFrames, openCanvas, openCanvasTrack, openPictures, type Picture } from './frames.ts';
import { type Corner, fitted, inset, type Size } from './places.ts';

/** The composed sources. */
type Source = 'camera' | 'screen';

/** Pictures per second of both sources together. */
const FRAME_RATE = 30;

/** One camera, one screen, one picture; `close` ends it. The streams stay the caller's. */
export class Composer {
  /** Called with the picture after it has become another track; null: there is none. */
  readonly #onTrack: (track: MediaStreamTrack | null) => void;
  #size: Size;
  readonly #tracks = new Map<Source, MediaStreamTrack>();
  #corner: Corner = 'bottom-right';
  #mixer: Mixer | null = null;
  #track: MediaStreamTrack | null = null;

  /** @param size of the picture with both; a single source is sent as it is */
  constructor(size: Size, onTrack: (track: MediaStreamTrack | null) => void) {
    this.#size = size;
    this.#onTrack = onTrack;
  }

  /** The picture; null without sources. */
  get track(): MediaStreamTrack | null {
    return this.#track;
  }

  /** Sets a source; null removes it. */
  set(source: Source, stream: MediaStream | null): void {
    const track = stream?.getVideoTracks()[0];
    if (track) this.#tracks.set(source, track);
    else this.#tracks.delete(source);
    this.#compose();
  }

  /** Where the camera is on the screen. */
  place(corner: Corner): void {
    this.#corner = corner;
  }

  /** Changes the size of the picture with both. */
  resize(size: Size): void {
    this.#size = size;
    if (this.#mixer) this.#compose();
  }

  close(): void {
    this.#tracks.clear();
    this.#compose();
  }

  /** One source is sent as it is: nothing is drawn, and the tab may be hidden. */
  #compose(): void {
    const [camera, screen] = [this.#tracks.get('camera'), this.#tracks.get('screen')];
    this.#mixer?.close();
    this.#mixer = camera && screen ? openMixer({ camera, screen, size: this.#size, corner: () => this.#corner }) : null;
    const track = this.#mixer?.track ?? screen ?? camera ?? null;
    if (track === this.#track) return;
    this.#track = track;
    this.#onTrack(track);
  }
}

/** Both pictures as one track. */
interface Mixer {
  readonly track: MediaStreamTrack;
  close(): void;
}

interface Mixed {
  readonly camera: MediaStreamTrack;
  readonly screen: MediaStreamTrack;
  readonly size: Size;
  readonly corner: () => Corner;
}

function draw(context: CanvasRenderingContext2D, screen: Picture | null, camera: Picture | null, corner: Corner): void {
  const { canvas } = context;
  context.fillStyle = '#000';
  context.fillRect(0, 0, canvas.width, canvas.height);
  if (screen) {
    const { x, y, width, height } = fitted(canvas, screen);
    context.drawImage(screen.image, x, y, width, height);
  }
  if (camera) {
    const { x, y, width, height } = inset(canvas, camera, corner);
    context.drawImage(camera.image, x, y, width, height);
    context.strokeStyle = 'rgb(255 255 255 / 70%)';
    context.lineWidth = 2;
    context.strokeRect(x, y, width, height);
  }
}

/**
 * The frames of the camera are the clock: this continues while the tab is hidden, where timers and drawing
 * stop. Without frames the pace is that of the screen, which stops there.
 */
function openMixer({ camera, screen, size, corner }: Mixed): Mixer {
  const context = openCanvas(size);
  const out = openCanvasTrack(context, FRAME_RATE);
  const compose = () => draw(context, screenPictures.picture(), cameraPictures.picture(), corner());
  const screenPictures = openPictures(screen);
  const cameraPictures = openPictures(camera, (timestampUs) => {
    compose();
    out.send(timestampUs);
  });
  let request = 0;
  const tick = () => {
    request = requestAnimationFrame(tick);
    compose();
  };
  if (!hasFrames) tick();
  return {
    track: out.track,
    close() {
      cancelAnimationFrame(request);
      for (const each of [screenPictures, cameraPictures, out]) each.close();
    },
  };
}
