/**
 * One media element as a room sees it: videos of the library and links, whose positions are from the start.
 * In: a video element, a function that loads its media. Out: a SyncTarget.
 */
import type { ShownFrame, SyncTarget } from './sync-target.ts';
import { bufferedAheadS } from './video/buffered.ts';

/** Number of frames that count. */
const FRAMES = 7;
/** Without a known frame rate, ms. */
const FRAME_MS = 40;

/** What the element's player does. */
interface ElementParts {
  /**
   * Begins to load at a position, seconds; -1: where the media begins by itself. Called until there is media.
   */
  load(atS: number): void;
  /** See SyncTarget; undefined: the browser chooses the quality. */
  ease?(isSlow: boolean): void;
  readonly failed: () => boolean;
}

/** A video element, for a room. */
export class ElementTarget implements SyncTarget {
  readonly #video: HTMLVideoElement;
  readonly #parts: ElementParts;
  readonly #shown: ShownFrame[] = [];
  #rate = 1;
  #playing = false;
  #intervalMs = FRAME_MS;

  /** @param signal ends it */
  constructor(video: HTMLVideoElement, parts: ElementParts, signal: AbortSignal) {
    this.#video = video;
    this.#parts = parts;
    video.addEventListener('seeking', () => this.#forget(), { signal });
    video.addEventListener('play', () => this.#forget(), { signal });
    this.#watch(signal);
  }

  get frames(): readonly ShownFrame[] {
    const { paused, seeking, currentTime, ownerDocument } = this.#video;
    if (seeking) return [];
    const reports = 'requestVideoFrameCallback' in this.#video && !ownerDocument.hidden && this.#video.videoWidth > 0;
    if (reports && this.#shown.length > 0) return this.#shown;
    // Sound only, a hidden tab, or a browser without frame times: the element's clock.
    if (reports && !paused) return [];
    const now = { atMs: performance.now(), positionMs: currentTime * 1000 };
    return [now, now, now];
  }

  get busy(): boolean {
    const { seeking, readyState } = this.#video;
    return seeking || (this.#playing && readyState < 2 && !this.#parts.failed());
  }

  get waits(): boolean {
    const { readyState, ended } = this.#video;
    return this.#playing && readyState < 3 && !ended;
  }

  get paused(): boolean {
    return this.#video.paused;
  }

  get pictured(): boolean {
    return this.#video.readyState >= 2;
  }

  get ended(): boolean {
    return this.#video.ended;
  }

  get durationMs(): number | null {
    const { duration } = this.#video;
    return Number.isFinite(duration) ? duration * 1000 : null;
  }

  get aheadS(): number {
    return bufferedAheadS(this.#video);
  }

  get frameMs(): number {
    return this.#intervalMs;
  }

  isBuffered(positionMs: number): boolean {
    return bufferedAheadS(this.#video, positionMs / 1000) > 0;
  }

  exists(): boolean {
    return !this.#parts.failed();
  }

  follow(atMs: number | null, playing: boolean, rate: number): boolean {
    const video = this.#video;
    this.#rate = rate;
    this.#playing = playing;
    if (video.readyState === 0) this.#parts.load(atMs === null ? -1 : Math.max(0, atMs / 1000));
    else if (atMs !== null) {
      this.#forget();
      video.currentTime = Math.max(0, atMs / 1000);
    }
    if (!playing) video.pause();
    else if (video.paused) this.#play();
    this.correct(1);
    return true;
  }

  ease(isSlow: boolean): void {
    this.#parts.ease?.(isSlow);
  }

  correct(factor: number): void {
    const rate = Math.round(this.#rate * factor * 100) / 100;
    if (this.#video.playbackRate !== rate) this.#video.playbackRate = rate;
  }

  #play(): void {
    const video = this.#video;
    video.play().catch((error: unknown) => {
      const isRefused = error instanceof DOMException && error.name === 'NotAllowedError';
      if (!isRefused || video.muted) return; // paused again meanwhile, or the next step tries again
      video.muted = true; // the page offers the sound
      video.play().catch(() => {});
    });
  }

  #forget(): void {
    this.#shown.length = 0;
  }

  #watch(signal: AbortSignal): void {
    const video = this.#video;
    if (!('requestVideoFrameCallback' in video)) return;
    const next = () =>
      video.requestVideoFrameCallback((_, { mediaTime, expectedDisplayTime }) => {
        if (signal.aborted) return;
        const before = this.#shown.at(-1);
        const positionMs = mediaTime * 1000;
        const intervalMs = before ? positionMs - before.positionMs : 0;
        if (intervalMs > 4) this.#intervalMs = Math.min(FRAME_MS, intervalMs);
        if (!video.seeking) this.#shown.push({ atMs: expectedDisplayTime, positionMs });
        if (this.#shown.length > FRAMES) this.#shown.shift();
        next();
      });
    next();
  }
}
