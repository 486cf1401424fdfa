/**
 * Lets the media of a stream's publishers pass, or drops it while the stream is paused. Publishers stay
 * connected.
 * In: calls of the publisher slot. Out: the same calls on the live stream.
 */
import type { GapCause } from '../../api/gap.ts';
import type { RunStart, SourceSegment, StreamInput } from '../../live/input.ts';
import type { Stream } from '../../live/stream.ts';
import type { Frame } from '../../media/frame.ts';

/** Detail of the offline time of a paused stream. */
export const PAUSED = 'paused by a person';

/** What the slot of a stream's publishers feeds. */
export class PauseGate implements StreamInput {
  readonly #stream: Stream;
  #isPaused: boolean;
  /** What the publisher announced during the pause, for the media after it. */
  #start: RunStart | undefined;
  #segment: SourceSegment | undefined;
  /** The last report of missing media, unless media came after it. */
  #missing: { readonly cause: GapCause | 'offline'; readonly detail: string } | undefined;

  constructor(stream: Stream, { isPaused }: { isPaused: boolean }) {
    this.#stream = stream;
    this.#isPaused = isPaused;
  }

  get mediaEndUs(): number | undefined {
    return this.#stream.mediaEndUs;
  }

  get utcOffsetUs(): number | undefined {
    return this.#stream.utcOffsetUs;
  }

  /** Drops media from now on; the time until `resume` is offline. */
  pause(): void {
    this.#isPaused = true;
    this.#missing = undefined;
    this.#stream.absent('offline', PAUSED);
  }

  /**
   * Lets media pass again; it continues with the next key frame, which is requested where the publisher has
   * such a request.
   */
  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    if (this.#start) this.#stream.startRun(this.#start);
    if (this.#segment) this.#stream.nextSegment(this.#segment);
    this.#start = undefined;
    this.#segment = undefined;
    if (this.#missing) this.#stream.absent(this.#missing.cause, this.#missing.detail);
    this.#stream.requestKeyFrame();
  }

  ready(options: { signal: AbortSignal }): Promise<void> {
    return this.#stream.ready(options);
  }

  startRun(start: RunStart): void {
    if (this.#isPaused) this.#start = start;
    else this.#stream.startRun(start);
  }

  nextSegment(segment: SourceSegment): void {
    if (this.#isPaused) this.#segment = segment;
    else this.#stream.nextSegment(segment);
  }

  publish(frame: Frame): void {
    if (this.#isPaused) this.#missing = undefined;
    else this.#stream.publish(frame);
  }

  jumps(frame: Frame): boolean {
    return !this.#isPaused && this.#stream.jumps(frame);
  }

  flush(): void {
    if (!this.#isPaused) this.#stream.flush();
  }

  absent(cause: GapCause | 'offline', detail: string): void {
    if (this.#isPaused) this.#missing = { cause, detail };
    else this.#stream.absent(cause, detail);
  }

  suspend(detail: string): void {
    if (this.#isPaused) this.offline(detail);
    else this.#stream.suspend(detail);
  }

  /** No publisher is connected. */
  offline(detail: string): void {
    this.#start = undefined;
    this.#segment = undefined;
    this.#missing = undefined;
    this.#stream.offline(this.#isPaused ? PAUSED : detail);
  }

  damage(reason: string): void {
    if (!this.#isPaused) this.#stream.damage(reason);
  }
}
