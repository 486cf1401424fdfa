/**
 * The stages that the media of a stream's publishers passes before it reaches the stream, in order.
 * In: calls of the publisher slot. Out: the same calls, changed or held back by the stages, on the live
 * stream. A stage that neither converts nor holds frames is passed over.
 */

import type { Frame } from '@oxbow/media/frame';
import type { GapCause } from '@oxbow/media/gap';
import type { InputPlacement, RunStart, SourceSegment, StreamInput } from '../../live/input.ts';

/** The receiver after the last stage. */
type PublisherInput = StreamInput & { offline(detail: string): void };

/** A call of a publisher that is not a frame; each keeps its place between the frames. */
export type PublisherCall =
  | { readonly do: 'startRun'; readonly start: RunStart }
  | { readonly do: 'nextSegment'; readonly segment: SourceSegment }
  | { readonly do: 'flush'; readonly unused?: (() => void) | undefined }
  | { readonly do: 'absent'; readonly cause: GapCause | 'offline'; readonly detail: string }
  | { readonly do: 'suspend' | 'offline'; readonly detail: string }
  | { readonly do: 'damage'; readonly reason: string };

/** Receives the output of a stage. */
export interface StageOutput {
  publish(frame: Frame): void;
  make(call: PublisherCall): void;
}

/** One stage. Frames and calls that it passes on go to the output, now or later, in order. */
export interface PublisherStage extends StageOutput {
  /** Frames do not concern it now: they go past it. Calls never do. */
  readonly passesFrames: boolean;
  /** It drops the media, whose timestamps do not matter. */
  readonly dropsFrames: boolean;
  /** Called once, before everything else. */
  connect(next: StageOutput): void;
}

/** The way of the media of one stream. */
export class PublisherPipeline implements PublisherInput {
  readonly #stages: readonly PublisherStage[];
  readonly #stream: PublisherInput;

  /** @param stages in the order in which media passes them */
  constructor(stages: readonly PublisherStage[], stream: PublisherInput) {
    this.#stages = stages;
    this.#stream = stream;
    stages.forEach((stage, index) => {
      stage.connect({
        publish: (frame) => this.#publish(frame, index + 1),
        make: (call) => this.#make(call, index + 1),
      });
    });
  }

  get placement(): InputPlacement | undefined {
    return this.#stream.placement;
  }

  async ready(options: { signal: AbortSignal }): Promise<void> {
    await this.#stream.ready?.(options);
  }

  startRun(start: RunStart): void {
    this.#make({ do: 'startRun', start }, 0);
  }

  nextSegment(segment: SourceSegment): void {
    this.#make({ do: 'nextSegment', segment }, 0);
  }

  publish(frame: Frame): void {
    this.#publish(frame, 0);
  }

  jumps(frame: Frame): boolean {
    for (const stage of this.#stages) if (stage.dropsFrames) return false;
    return this.#stream.jumps?.(frame) ?? false;
  }

  flush(unused?: () => void): void {
    // A stage that converts or holds frames may have some.
    const mayHold = this.#stages.some(({ passesFrames }) => !passesFrames);
    this.#make({ do: 'flush', unused: mayHold ? undefined : unused }, 0);
  }

  absent(cause: GapCause | 'offline', detail: string): void {
    this.#make({ do: 'absent', cause, detail }, 0);
  }

  suspend(detail: string): void {
    this.#make({ do: 'suspend', detail }, 0);
  }

  /** No publisher is connected. */
  offline(detail: string): void {
    this.#make({ do: 'offline', detail }, 0);
  }

  damage(reason: string): void {
    this.#make({ do: 'damage', reason }, 0);
  }

  #publish(frame: Frame, from: number): void {
    const stages = this.#stages;
    for (let index = from; index < stages.length; index++) {
      const stage = stages[index]!;
      if (stage.passesFrames) continue;
      stage.publish(frame);
      return;
    }
    this.#stream.publish(frame);
  }

  #make(call: PublisherCall, from: number): void {
    const stage = this.#stages[from];
    if (stage) stage.make(call);
    else makeCall(this.#stream, call);
  }
}

function makeCall(stream: PublisherInput, call: PublisherCall): void {
  switch (call.do) {
    case 'startRun':
      stream.startRun(call.start);
      break;
    case 'nextSegment':
      stream.nextSegment?.(call.segment);
      break;
    case 'flush':
      stream.flush(call.unused);
      break;
    case 'absent':
      stream.absent(call.cause, call.detail);
      break;
    case 'suspend':
      if (stream.suspend) stream.suspend(call.detail);
      else stream.offline(call.detail);
      break;
    case 'offline':
      stream.offline(call.detail);
      break;
    case 'damage':
      stream.damage(call.reason);
      break;
  }
}
