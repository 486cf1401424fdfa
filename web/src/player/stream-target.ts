/**
 * A stream's player as a room sees it.
 * In: the buffers and the controller of a player. Out: a SyncTarget in programme time.
 */
import type { PlaybackController } from './playback-controller.ts';
import type { ShownFrame, SyncTarget } from './sync-target.ts';
import { bufferedAheadS } from './video/buffered.ts';
import type { DoubleBuffer } from './video/double-buffer.ts';
import type { Stalls } from './video/stalls.ts';

/** A player of a stream, for a room. */
export class StreamTarget implements SyncTarget {
  readonly #buffers: DoubleBuffer;
  readonly #controller: PlaybackController;
  readonly #stalls: Stalls;
  /** A stream has no end. */
  readonly durationMs = null;
  readonly ended = false;

  constructor(buffers: DoubleBuffer, controller: PlaybackController, stalls: Stalls) {
    this.#buffers = buffers;
    this.#controller = controller;
    this.#stalls = stalls;
  }

  get frames(): readonly ShownFrame[] {
    return this.#buffers.front.picture.recent;
  }

  get busy(): boolean {
    const { pending, finding } = this.#controller.state;
    return pending !== null || finding || (this.pictured && !this.#buffers.front.ready && !this.waits);
  }

  get waits(): boolean {
    return this.#stalls.waiting;
  }

  get paused(): boolean {
    return this.#buffers.front.video.paused;
  }

  get pictured(): boolean {
    return this.#buffers.front.picture.mediaTime !== null;
  }

  get aheadS(): number {
    return bufferedAheadS(this.#buffers.front.video);
  }

  get frameMs(): number {
    return this.#buffers.front.picture.frameS * 1000;
  }

  isBuffered(positionMs: number): boolean {
    const { front } = this.#buffers;
    const atS = front.positionOf(positionMs);
    if (atS === null) return false;
    const { buffered } = front.video;
    for (let index = 0; index < buffered.length; index++) {
      if (buffered.start(index) <= atS && atS < buffered.end(index)) return true;
    }
    return false;
  }

  exists(positionMs: number): boolean {
    const { kind, edgeMs } = this.#buffers.front;
    return kind !== 'live' || edgeMs === null || positionMs < edgeMs;
  }

  follow(atMs: number | null, playing: boolean, rate: number): boolean {
    const { request } = this.#controller.state;
    this.#controller.take({ type: 'room', atMs, playing, rate });
    this.correct(1);
    return atMs === null || this.#controller.state.request !== request;
  }

  ease(isSlow: boolean): void {
    this.#buffers.ease(isSlow);
  }

  correct(factor: number): void {
    const { video } = this.#buffers.front;
    const rate = Math.round(this.#controller.state.rate * factor * 100) / 100;
    if (video.playbackRate !== rate) video.playbackRate = rate;
  }
}
