/**
 * The queue of a sink that may wait, such as a viewer's connection. Bounded in bytes; at the bound it drops
 * complete GOPs.
 * In: frames from live/stream. Out: an async iterator of runs and frames. No sink slows down the source or
 * another sink.
 */
import type { Frame } from '@oxbow/media/frame';
import { FRAME_BYTES } from './gop-buffer.ts';
import type { MemoryBudget } from './memory-budget.ts';
import { type Loss, type LossCause, PressureGauge, type PressureLevel } from './pressure.ts';
import type { RunContext, Sink } from './sink.ts';
import type { AttachOptions, SinkList } from './sink-list.ts';

/** One item of an inbox, in order. */
export type InboxItem =
  /**
   * A run begins; its first frame follows and is a key frame of the reference track. `soft` as in RunContext.
   */
  | { readonly type: 'run'; readonly context: RunContext }
  | { readonly type: 'frame'; readonly frame: Frame }
  /** The run is over; another may follow. */
  | { readonly type: 'end' };

interface InboxOptions extends Omit<AttachOptions, 'required'> {
  /** Most bytes that may wait. A GOP that is larger loses its end. */
  readonly maxBytes: number;
  /** Closes the inbox. */
  readonly signal: AbortSignal;
}

/** What an inbox needs of the sinks of a stream. */
export type InboxSinks = Pick<SinkList, 'attach' | 'lost' | 'memory' | 'pressed' | 'requestKeyFrame'>;

const NO_LOSS: Loss = { gops: 0, frames: 0 };

/** Frames from one key frame of the reference track up to the next. */
interface Gop {
  readonly context: RunContext;
  /** Number of its hard run, counted by the inbox. */
  readonly epoch: number;
  /** Frames that wait. */
  readonly frames: Frame[];
  /** The consumer has its first frames. */
  isBegun: boolean;
}

/**
 * Attaches a queue to a stream. For one consumer: `for await (const item of inbox)`.
 *
 * When the queue is full, it drops the oldest GOP that the consumer has not begun; if there is only the
 * current GOP, it drops that one up to the next key frame, which it requests from the source. The iterator
 * ends without an error: at once when `signal` fires, the inbox is disposed or the loop is left; after the
 * last frame when the stream is closed. Bursts and damage are not passed on.
 */
export function openInbox(
  sinks: InboxSinks,
  options: InboxOptions,
): AsyncIterable<InboxItem> & AsyncDisposable & Pick<Sink, 'queuedBytes'> {
  const { signal, maxBytes, ...attach } = options;
  const { name } = attach;
  const inbox = new Inbox(maxBytes, sinks.memory, {
    onLost: (cause, loss) => sinks.lost(name, cause, loss),
    onLevel: (level, bytes) => sinks.pressed({ sink: name, level, bytes, maxBytes }),
    onSkip: () => sinks.requestKeyFrame(),
  });
  const attachment = sinks.attach(inbox, attach);
  const close = () => {
    signal.removeEventListener('abort', close);
    attachment[Symbol.dispose]();
    inbox.close();
  };
  signal.addEventListener('abort', close, { once: true });
  if (signal.aborted) close();
  return {
    get queuedBytes() {
      return inbox.queuedBytes;
    },
    [Symbol.asyncIterator]: () => ({
      next: () => inbox.next(),
      return: async () => {
        close();
        return { done: true, value: undefined };
      },
    }),
    [Symbol.asyncDispose]: async () => close(),
  };
}

interface InboxCalls {
  onLost(cause: LossCause, loss: Loss): void;
  onLevel(level: PressureLevel, bytes: number): void;
  onSkip(): void;
}

class Inbox implements Sink {
  readonly maxQueuedBytes: number;
  readonly #memory: MemoryBudget;
  readonly #calls: InboxCalls;
  readonly #gauge: PressureGauge;
  readonly #lost = { slow: NO_LOSS, 'gop-too-large': NO_LOSS, memory: NO_LOSS };
  /** Why the current GOP is dropped. */
  #skips: LossCause = 'slow';
  #gops: Gop[] = [];
  #bytes = 0;
  /** The current run and its GOP; undefined between runs, and while frames are dropped. */
  #context: RunContext | undefined;
  #open: Gop | undefined;
  #epoch = 0;
  /** The run that the consumer has begun. */
  #deliveredRun: { readonly context: RunContext; readonly epoch: number } | undefined;
  #wake: (() => void) | undefined;
  /** No further item follows. */
  #isOver = false;

  constructor(maxBytes: number, memory: MemoryBudget, calls: InboxCalls) {
    this.maxQueuedBytes = maxBytes;
    this.#memory = memory;
    this.#calls = calls;
    this.#gauge = new PressureGauge(maxBytes);
  }

  get queuedBytes(): number {
    return this.#bytes;
  }

  get pressure(): PressureLevel {
    return this.#gauge.level;
  }

  get losses(): Readonly<Record<LossCause, Loss>> {
    return { ...this.#lost };
  }

  /** The current GOP was dropped. */
  get waitsForKeyFrame(): boolean {
    return this.#context !== undefined && !this.#open;
  }

  startRun(context: RunContext): void {
    if (!context.soft) this.endRun();
    if (!context.soft) this.#epoch++;
    this.#context = context;
  }

  write(frame: Frame): void {
    const context = this.#context;
    if (this.#isOver || !context) return;
    if (frame.key && frame.trackId === context.reference.id) {
      this.#open = { context, epoch: this.#epoch, frames: [], isBegun: false };
      this.#gops.push(this.#open);
    }
    const size = frame.data.length + FRAME_BYTES;
    if (this.#open && !this.#makeRoom(size)) this.#skip(this.#open);
    if (!this.#open) {
      this.#lose(this.#skips, 0, 1);
      return;
    }
    this.#open.frames.push(frame);
    this.#keep(size);
    this.#notify();
  }

  flush(): void {}

  endRun(): void {
    this.#context = undefined;
    this.#open = undefined;
    this.#notify();
  }

  damage(): void {}

  detached(): void {
    this.#isOver = true;
    this.endRun();
  }

  /** Drops all waiting items. */
  close(): void {
    this.#gops = [];
    this.#keep(-this.#bytes);
    this.#deliveredRun = undefined;
    this.detached();
  }

  async next(): Promise<IteratorResult<InboxItem, undefined>> {
    for (;;) {
      const value = this.#take();
      if (value) return { done: false, value };
      if (this.#isOver) return { done: true, value };
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
    }
  }

  #notify(): void {
    this.#wake?.();
    this.#wake = undefined;
  }

  #take(): InboxItem | undefined {
    while (this.#gops[0] && this.#gops[0] !== this.#open && this.#gops[0].frames.length === 0) this.#gops.shift();
    const gop = this.#gops[0];
    const delivered = this.#deliveredRun;
    if (delivered && (gop ? gop.epoch !== delivered.epoch : !this.#context)) {
      this.#deliveredRun = undefined;
      return { type: 'end' };
    }
    if (!gop) return undefined;
    if (gop.context !== delivered?.context) {
      this.#deliveredRun = { context: gop.context, epoch: gop.epoch };
      return { type: 'run', context: delivered ? gop.context : hard(gop.context) };
    }
    const frame = gop.frames.shift();
    if (!frame) return undefined;
    gop.isBegun = true;
    this.#keep(-sizeOf(frame));
    return { type: 'frame', frame };
  }

  #keep(bytes: number): void {
    this.#bytes += bytes;
    this.#memory.add(bytes);
    if (this.#gauge.set(this.#bytes)) this.#calls.onLevel(this.#gauge.level, this.#bytes);
  }

  /**
   * Drops the oldest GOPs that the consumer has not begun until there is room; false if that does not
   * suffice.
   */
  #makeRoom(size: number): boolean {
    for (;;) {
      const isFull = this.#bytes + size > this.maxQueuedBytes;
      if (!isFull && this.#memory.fits(size)) return true;
      const i = this.#gops.findIndex(({ isBegun }) => !isBegun);
      const oldest = this.#gops[i];
      if (!oldest || oldest === this.#open) {
        this.#skips = isFull ? 'gop-too-large' : 'memory';
        return false;
      }
      this.#gops.splice(i, 1);
      this.#drop(oldest, isFull ? 'slow' : 'memory');
    }
  }

  /** Drops the current GOP, up to the next key frame. */
  #skip(open: Gop): void {
    this.#open = undefined;
    this.#gops = this.#gops.filter((gop) => gop !== open);
    this.#drop(open, this.#skips);
    this.#calls.onSkip();
  }

  #drop({ frames }: Gop, cause: LossCause): void {
    let bytes = 0;
    for (const frame of frames) bytes += sizeOf(frame);
    this.#keep(-bytes);
    this.#lose(cause, 1, frames.length);
  }

  #lose(cause: LossCause, gops: number, frames: number): void {
    const lost = this.#lost[cause];
    this.#lost[cause] = { gops: lost.gops + gops, frames: lost.frames + frames };
    this.#calls.onLost(cause, { gops, frames });
  }
}

function sizeOf({ data }: Frame): number {
  return data.length + FRAME_BYTES;
}

/** The consumer does not have the run that a soft one continues. */
function hard({ soft: _, ...context }: RunContext): RunContext {
  return context;
}
