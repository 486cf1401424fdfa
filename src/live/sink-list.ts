/**
 * Passes the frames of one stream to its sinks; sinks come and go at any time.
 * In: live/stream. Out: calls of each sink, in the order in which they were attached.
 */
import type { Frame } from '../media/frame.ts';
import { ticksToUs } from '../media/run.ts';
import type { RunContext, Sink } from './sink.ts';

/** How a sink is attached. */
export interface AttachOptions {
  /** What the sink is, for logs and metrics: the same for all sinks of a kind. */
  readonly name: string;
  /**
   * The stream is useless without this sink: its error ends the publisher's call. The error of any other sink detaches that sink
   * alone.
   */
  readonly required?: boolean;
}

/** Called when a sink threw and was detached. */
export type OnSinkFailed = (failure: { readonly sink: string; readonly error: unknown }) => void;

type Attached = AttachOptions & { readonly sink: Sink };

/** The sinks of one stream. */
export class SinkList implements Sink {
  readonly #onFailed: OnSinkFailed;
  /** Sinks that have the run which flows, or wait for the first. Replaced, never changed: calls may attach and detach. */
  #active: readonly Attached[] = [];
  /** Sinks that were attached within a run and get it from its next key frame on. */
  #joining: readonly Attached[] = [];
  /** The run that flows. */
  #context: RunContext | undefined;

  constructor(onFailed: OnSinkFailed) {
    this.#onFailed = onFailed;
  }

  /**
   * Adds a sink. Within a run, it gets the run from the next key frame of the reference track on.
   *
   * @returns detaches the sink when disposed; a call that is being passed to all sinks may still reach it
   */
  attach(sink: Sink, options: AttachOptions): Disposable {
    const attached = { ...options, sink };
    if (this.#context) this.#joining = [...this.#joining, attached];
    else this.#active = [...this.#active, attached];
    return { [Symbol.dispose]: () => this.#detach(attached) };
  }

  startRun(context: RunContext): void {
    if (!context.soft) this.#activate();
    this.#context = context;
    for (const attached of this.#active) this.#call(attached, () => attached.sink.startRun(context));
  }

  write(frame: Frame): void {
    if (this.#joining.length > 0 && frame.key && frame.trackId === this.#context?.reference.id) this.#join(frame);
    for (const attached of this.#active) {
      // Not through #call: a closure per frame and sink costs as much as most sinks.
      try {
        attached.sink.write(frame);
      } catch (error) {
        this.#fail(attached, error);
      }
    }
  }

  flush(): void {
    for (const attached of this.#active) this.#call(attached, () => attached.sink.flush());
  }

  endRun(): void {
    this.#context = undefined;
    for (const attached of this.#active) this.#call(attached, () => attached.sink.endRun());
    this.#activate();
  }

  damage(): void {
    for (const attached of this.#active) this.#call(attached, () => attached.sink.damage());
  }

  /** Starts the run that flows for the sinks that came within it; `first` is the first frame that they get. */
  #join(first: Frame): void {
    const { soft: _, ...context } = this.#context!;
    const startUs = context.run.eUs + ticksToUs(first.pts, context.reference.timescale);
    const joining = this.#joining;
    this.#activate();
    for (const attached of joining) {
      this.#call(attached, () => attached.sink.startRun({ ...context, startUs, absences: [] }));
    }
  }

  #activate(): void {
    if (this.#joining.length === 0) return;
    this.#active = [...this.#active, ...this.#joining];
    this.#joining = [];
  }

  #call(attached: Attached, call: () => void): void {
    try {
      call();
    } catch (error) {
      this.#fail(attached, error);
    }
  }

  #fail(attached: Attached, error: unknown): void {
    if (attached.required) throw error;
    this.#detach(attached);
    this.#onFailed({ sink: attached.name, error });
  }

  #detach(attached: Attached): void {
    this.#active = this.#active.filter((other) => other !== attached);
    this.#joining = this.#joining.filter((other) => other !== attached);
  }
}
