/**
 * A stream in the native player as a room sees it: Safari says with `getStartDate()` which UTC its media time
 * 0 has.
 * In: the element, the conversion between its media time and UTC. Out: a SyncTarget in programme time. Never
 * tested on Apple devices.
 */
import { ElementTarget } from '../element-target.ts';
import type { ShownFrame, SyncTarget } from '../sync-target.ts';

/** What the native player does. */
interface NativeTargetParts {
  /** UTC of a media time, unix ms; null before it is known. */
  timeAt(mediaS: number): number | null;
  /** Media time of a UTC time, seconds; null if it is not loaded. */
  positionOf(atMs: number): number | null;
  /** Loads the source with a position; false: it is not there yet. */
  load(atMs: number, playing: boolean): boolean;
  /** A position is being looked up. */
  readonly finds: () => boolean;
}

/** The native player, for a room. */
export class NativeTarget implements SyncTarget {
  readonly #element: ElementTarget;
  readonly #parts: NativeTargetParts;
  /** A stream has no end. */
  readonly durationMs = null;
  readonly ended = false;

  /** @param signal ends it */
  constructor(video: HTMLVideoElement, parts: NativeTargetParts, signal: AbortSignal) {
    this.#parts = parts;
    this.#element = new ElementTarget(video, { load: () => {}, failed: () => false }, signal);
  }

  get frames(): readonly ShownFrame[] {
    return this.#element.frames.flatMap(({ atMs, positionMs }) => {
      const utcMs = this.#parts.timeAt(positionMs / 1000);
      return utcMs === null ? [] : [{ atMs, positionMs: utcMs }];
    });
  }

  get busy(): boolean {
    return this.#element.busy || this.#parts.finds();
  }

  get waits(): boolean {
    return this.#element.waits;
  }

  get paused(): boolean {
    return this.#element.paused;
  }

  get pictured(): boolean {
    return this.#element.pictured && this.#element.frames.length > 0;
  }

  get aheadS(): number {
    return this.#element.aheadS;
  }

  get frameMs(): number {
    return this.#element.frameMs;
  }

  isBuffered(positionMs: number): boolean {
    const atS = this.#parts.positionOf(positionMs);
    return atS !== null && this.#element.isBuffered(1000 * atS);
  }

  exists(): boolean {
    return true;
  }

  follow(atMs: number | null, playing: boolean, rate: number): boolean {
    const atS = atMs === null ? null : this.#parts.positionOf(atMs);
    const isTaken = atMs === null || atS !== null || this.#parts.load(atMs, playing);
    this.#element.follow(atS === null ? null : 1000 * atS, playing, rate);
    return isTaken;
  }

  correct(factor: number): void {
    this.#element.correct(factor);
  }
}
