/**
 * Lets the media of a stream's publishers pass, or drops it while the stream is paused. Publishers stay
 * connected.
 * In: frames and calls of the pipeline. Out: the same to the live stream.
 */
import type { PublisherCall, PublisherStage, StageOutput } from '../../transcode/stage/publisher-pipeline.ts';

/** Detail of the offline time of a paused stream. */
export const PAUSED = 'paused by a person';

/** The last stage before the stream. */
export class PauseGate implements PublisherStage {
  readonly #requestKeyFrame: () => void;
  #next!: StageOutput;
  #isPaused: boolean;
  /** What the publisher announced during the pause, for the media after it. */
  #start: PublisherCall | undefined;
  #segment: PublisherCall | undefined;
  /** The last report of missing media, unless media came after it. */
  #missing: PublisherCall | undefined;

  constructor({ isPaused, requestKeyFrame }: { isPaused: boolean; requestKeyFrame: () => void }) {
    this.#isPaused = isPaused;
    this.#requestKeyFrame = requestKeyFrame;
  }

  get passesFrames(): boolean {
    return !this.#isPaused;
  }

  get dropsFrames(): boolean {
    return this.#isPaused;
  }

  connect(next: StageOutput): void {
    this.#next = next;
  }

  /** Drops media from now on; the time until `resume` is offline. */
  pause(): void {
    this.#isPaused = true;
    this.#missing = undefined;
    this.#next.make({ do: 'absent', cause: 'offline', detail: PAUSED });
  }

  /**
   * Lets media pass again; it continues with the next key frame, which is requested where the publisher has
   * such a request.
   */
  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    if (this.#start) this.#next.make(this.#start);
    if (this.#segment) this.#next.make(this.#segment);
    this.#start = undefined;
    this.#segment = undefined;
    if (this.#missing) this.#next.make(this.#missing);
    this.#requestKeyFrame();
  }

  /** A frame of the pause. */
  publish(): void {
    this.#missing = undefined;
  }

  make(call: PublisherCall): void {
    if (call.do === 'offline') this.#end(call);
    else if (!this.#isPaused) this.#next.make(call);
    else if (call.do === 'startRun') this.#start = call;
    else if (call.do === 'nextSegment') this.#segment = call;
    else if (call.do === 'absent') this.#missing = call;
    else if (call.do === 'suspend') this.#end({ do: 'offline', detail: PAUSED });
  }

  /** No publisher is connected. */
  #end(call: PublisherCall & { readonly do: 'suspend' | 'offline' }): void {
    this.#start = undefined;
    this.#segment = undefined;
    this.#missing = undefined;
    this.#next.make(this.#isPaused ? { do: 'offline', detail: PAUSED } : call);
  }
}
