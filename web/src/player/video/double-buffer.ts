/**
 * The two video buffers as one picture: which one is visible, and what moves to the other one when they swap:
 * sound, volume, choices, picture in picture.
 * In: sources. Out: a picture that never turns blank.
 */
import { type ChoiceChanges, Choices } from '../choices.ts';
import { Sound } from './sound.ts';
import { type Source, VideoBuffer, type VideoBufferParts } from './video-buffer.ts';

/** How long the old picture stays below the new one, milliseconds: a few frames of the slowest display. */
const UNLOAD_AFTER_MS = 200;

/** Frames that were too late to be shown, and those that were shown. */
interface FrameCounts {
  readonly dropped: number;
  readonly shown: number;
}

/** The two buffers of one surface. */
export class DoubleBuffer {
  readonly choices = new Choices();
  readonly sound: Sound;
  readonly #changed: () => void;
  #front: VideoBuffer;
  #back: VideoBuffer;
  /** Of the sources that were in front before. */
  #before: FrameCounts = { dropped: 0, shown: 0 };

  /** @param changed is called when sound or picture in picture have changed by themselves */
  constructor(parts: VideoBufferParts, changed: () => void) {
    this.#changed = changed;
    parts.surface.style.isolation = 'isolate'; // the buffers overlap, below everything else of the page
    this.#front = new VideoBuffer(parts);
    this.#back = new VideoBuffer(parts);
    this.#front.setFront(true);
    this.sound = new Sound(this.#front.video);
  }

  /** The visible and audible buffer. */
  get front(): VideoBuffer {
    return this.#front;
  }

  /** The one in the background; muted. */
  get back(): VideoBuffer {
    return this.#back;
  }

  get inPicture(): boolean {
    return this.#front.video.ownerDocument.pictureInPictureElement === this.#front.video;
  }

  /** Since the page was opened. */
  get counts(): FrameCounts {
    return addCounts(this.#before, this.#front.video);
  }

  /** Loads a source in the background; drops the previous one. */
  prepare(source: Source, { play }: { readonly play: boolean }): void {
    this.#back.load(source);
    // Muted, so it is allowed; otherwise it is started again when it comes to the front.
    if (play) this.#back.video.play().catch(() => {});
  }

  /** Drops the source in the background. */
  drop(): void {
    this.#back.video.pause();
    this.#back.unload();
  }

  /** The buffer in the background comes to the front with the sound, and the other one is unloaded. */
  swap(): void {
    const [old, fresh] = [this.#front, this.#back];
    const wasInPicture = this.inPicture;
    this.#front = fresh;
    this.#back = old;
    fresh.setFront(true);
    old.setFront(false);
    this.#before = addCounts(this.#before, old.video);
    this.sound.moveTo(fresh.video);
    const { hls } = old;
    const unload = () => {
      if (old.hls !== hls || this.#back !== old) return; // already in use again
      old.video.pause();
      old.unload();
    };
    // Allowed without a click while another element of this page is in picture in picture.
    const moved = wasInPicture ? fresh.video.requestPictureInPicture?.() : undefined;
    old.video.pause();
    // The browser may draw one image before the new picture is in it: the old one stays below until then.
    if (moved) moved.catch(() => {}).finally(unload);
    else setTimeout(unload, UNLOAD_AFTER_MS);
  }

  /** Plays the buffer in front; without sound where the browser forbids it before the first click. */
  play(): void {
    const { video } = this.#front;
    video.play().catch((error: unknown) => {
      const forbidden = error instanceof DOMException && error.name === 'NotAllowedError';
      if (!forbidden || video.muted) return this.#changed(); // paused: the play button is shown
      this.sound.mute();
      video.play().catch(() => this.#changed());
      this.#changed();
    });
  }

  /** Into picture in picture, or back. */
  togglePicture(): void {
    const { video } = this.#front;
    const moved = this.inPicture ? video.ownerDocument.exitPictureInPicture() : video.requestPictureInPicture?.();
    moved?.then(this.#changed, this.#changed); // refused: nothing has changed
  }

  /** Applies choices of the viewer to both buffers. */
  choose(changes: ChoiceChanges): void {
    Object.assign(this.choices, changes);
    for (const { hls } of [this.#front, this.#back]) if (hls) this.choices.apply(hls);
  }

  /** See SyncTarget. */
  ease(isSlow: boolean): void {
    this.choices.ease(this.#front.hls, isSlow);
    this.choose({});
  }

  /** Removes both elements. */
  close(): void {
    if (this.inPicture) this.#front.video.ownerDocument.exitPictureInPicture().catch(() => {});
    this.#front.close();
    this.#back.close();
  }
}

/** The counts of before and of what an element plays now. */
function addCounts(before: FrameCounts, video: HTMLVideoElement): FrameCounts {
  const quality = video.getVideoPlaybackQuality?.();
  if (!quality) return before;
  const { droppedVideoFrames: dropped, totalVideoFrames: total } = quality;
  return { dropped: before.dropped + dropped, shown: before.shown + total - dropped };
}
