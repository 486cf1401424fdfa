/**
 * The queue of the encoder of a live ladder: frames, and marks between them. The encoder has only a few
 * frames at a time, so that frames that come too late can be dropped here.
 * In: frames of the source in decode order. Out: calls of the encoder, in order.
 */

import type { Frame } from '@oxbow/media/frame';
import type { LiveEncoder } from '../../ffmpeg/live-ladder.ts';

/** Most frames that the encoder has not confirmed: those in its decoder and in the pipe. */
const MAX_AHEAD = 8;
/** Most bytes that wait. */
const MAX_BYTES = 64 * 1024 * 1024;

type Waiting =
  | { readonly frame: Frame; readonly atMs: number }
  /** `mark`: its confirmation calls back. */
  | {
      readonly send: (encoder: LiveEncoder) => void;
      readonly mark?: { readonly ends: boolean; readonly done: () => void };
    };

interface Sent {
  readonly id: number;
  /** When the frame came; undefined for a mark without one. */
  readonly atMs: number | undefined;
  readonly done: (() => void) | undefined;
}

/** The queue of one encoder. */
export class LiveQueue {
  readonly #encoder: LiveEncoder;
  readonly #lost: (frames: number) => void;
  #waiting: Waiting[] = [];
  #sent: Sent[] = [];
  #bytes = 0;
  #nextMark = 1;
  /** Frames up to the next key frame are dropped. */
  #isSkipping = false;
  /** Longest media that may wait, ticks. */
  maxTicks = Number.POSITIVE_INFINITY;

  constructor(encoder: LiveEncoder, lost: (frames: number) => void) {
    this.#encoder = encoder;
    this.#lost = lost;
  }

  /** Bytes of the frames that wait. */
  get bytes(): number {
    return this.#bytes;
  }

  /** When the oldest frame came that has not been encoded, monotonic ms; undefined if there is none. */
  get oldestMs(): number | undefined {
    for (const { atMs } of this.#sent) if (atMs !== undefined) return atMs;
    for (const item of this.#waiting) if ('frame' in item) return item.atMs;
    return undefined;
  }

  /** Adds the next frame. */
  push(frame: Frame, atMs: number): void {
    if (frame.key) this.#isSkipping = false;
    if (this.#isSkipping) {
      this.#lost(1);
      return;
    }
    const first = this.#waiting.find((item) => 'frame' in item) as { frame: Frame } | undefined;
    const isFull = this.#bytes + frame.data.length > MAX_BYTES;
    if (first && (isFull || frame.dts - first.frame.dts > this.maxTicks)) {
      this.#drop();
      if (!frame.key) {
        this.#isSkipping = true;
        this.#lost(1);
        return;
      }
    }
    this.#waiting.push({ frame, atMs });
    this.#bytes += frame.data.length;
    this.#pump();
  }

  /** Adds a call between frames. */
  call(send: (encoder: LiveEncoder) => void): void {
    this.#waiting.push({ send });
    this.#pump();
  }

  /** Calls `done` when everything before has come out; `ends` ends the run. */
  mark(ends: boolean, done: () => void): void {
    this.#waiting.push({ send: () => {}, mark: { ends, done } });
    this.#pump();
  }

  /** The encoder has returned a mark. */
  confirm(id: number): void {
    for (let sent = this.#sent[0]; sent && sent.id <= id; sent = this.#sent[0]) {
      this.#sent.shift();
      sent.done?.();
    }
    this.#pump();
  }

  #drop(): void {
    const kept = this.#waiting.filter((item) => !('frame' in item));
    this.#lost(this.#waiting.length - kept.length);
    this.#waiting = kept;
    this.#bytes = 0;
  }

  #pump(): void {
    while (this.#waiting[0] && this.#sent.length < MAX_AHEAD) {
      const item = this.#waiting.shift()!;
      if ('frame' in item) {
        this.#bytes -= item.frame.data.length;
        this.#encoder.send(item.frame);
        this.#sendMark(false, item.atMs, undefined);
      } else {
        item.send(this.#encoder);
        if (item.mark) this.#sendMark(item.mark.ends, undefined, item.mark.done);
      }
    }
  }

  #sendMark(ends: boolean, atMs: number | undefined, done: (() => void) | undefined): void {
    const id = this.#nextMark++;
    this.#sent.push({ id, atMs, done });
    this.#encoder.mark({ id, ends });
  }
}
