/**
 * The two video buffers as one picture: which one is visible, and what moves to the other one when they swap:
 * sound, volume, choices, picture in picture.
 * In: sources. Out: a picture that never turns blank.
 */
import { Choices } from '../choices.ts';
import { type Source, VideoBuffer, type VideoBufferParts } from './video-buffer.ts';

/** How long the old picture stays below the new one, milliseconds: a few frames of the slowest display. */
const UNLOAD_AFTER_MS = 200;

/** The two buffers of one surface. */
export class DoubleBuffer {
  readonly choices = new Choices();
  readonly #changed: () => void;
  #front: VideoBuffer;
  #back: VideoBuffer;
  #muted = true; // browsers let only silent video start by itself
  #volume = 1;
  #before = { dropped: 0, shown: 0 };

  /** @param changed is called when sound or picture in picture have changed by themselves */
  constructor(parts: VideoBufferParts, changed: () => void) {
    this.#changed = changed;
    parts.surface.style.isolation = 'isolate'; // the buffers overlap, below everything else of the page
    this.#front = new VideoBuffer(parts);
    this.#back = new VideoBuffer(parts);
    this.#front.setFront(true);
  }

  /** The visible and audible buffer. */
  get front(): VideoBuffer {
    return this.#front;
  }

  /** The one in the background; muted. */
  get back(): VideoBuffer {
    return this.#back;
  }

  get muted(): boolean {
    return this.#muted;
  }

  get volume(): number {
    return this.#volume;
  }

  get inPicture(): boolean {
    return this.#front.video.ownerDocument.pictureInPictureElement === this.#front.video;
  }

  /** Since the page was opened. */
  get counts(): { readonly dropped: number; readonly shown: number } {
    const { dropped, shown } = this.#front.counts;
    return { dropped: this.#before.dropped + dropped, shown: this.#before.shown + shown };
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
    this.#before = this.#add(old);
    this.#applySound();
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

  #add(buffer: VideoBuffer): { dropped: number; shown: number } {
    const { dropped, shown } = buffer.counts;
    return { dropped: this.#before.dropped + dropped, shown: this.#before.shown + shown };
  }

  /** Plays the buffer in front; without sound where the browser forbids it before the first click. */
  play(): void {
    const { video } = this.#front;
    video.play().catch((error: unknown) => {
      const forbidden = error instanceof DOMException && error.name === 'NotAllowedError';
      if (!forbidden || video.muted) return this.#changed(); // paused: the play button is shown
      this.#muted = true;
      this.#applySound();
      video.play().catch(() => this.#changed());
      this.#changed();
    });
  }

  /** Mutes or unmutes; unmuting at volume 0 sets it to one half. */
  toggleMuted(): void {
    this.#muted = !this.#muted;
    if (!this.#muted && this.#volume === 0) this.#volume = 0.5;
    this.#applySound();
  }

  /** @param volume 0 to 1; above 0 also unmutes */
  setVolume(volume: number): void {
    this.#volume = Math.min(1, Math.max(0, volume));
    this.#muted = this.#volume === 0;
    this.#applySound();
  }

  /** Into picture in picture, or back. */
  togglePicture(): void {
    const { video } = this.#front;
    const moved = this.inPicture ? video.ownerDocument.exitPictureInPicture() : video.requestPictureInPicture?.();
    moved?.then(this.#changed, this.#changed); // refused: nothing has changed
  }

  /** Applies choices of the viewer to both buffers. */
  choose(changes: Partial<Pick<Choices, 'quality' | 'sound' | 'subtitle'>>): void {
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

  #applySound(): void {
    this.#back.video.muted = true;
    this.#front.video.volume = this.#volume;
    this.#front.video.muted = this.#muted;
  }
}
