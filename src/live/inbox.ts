/**
 * The queue of a sink that may wait, such as a viewer's connection. Bounded in bytes; at the bound it drops complete GOPs.
 * In: frames from live/stream. Out: an async iterator of runs and frames. No sink slows down the source or another sink.
 */
import type { Frame } from '../media/frame.ts';
import type { RunContext, Sink } from './sink.ts';
import type { AttachOptions } from './sink-list.ts';
import type { Stream } from './stream.ts';

/** One item of an inbox, in order. */
export type InboxItem =
  /** A run begins; its first frame follows and is a key frame of the reference track. `soft` as in RunContext. */
  | { readonly type: 'run'; readonly context: RunContext }
  | { readonly type: 'frame'; readonly frame: Frame }
  /** The run is over; another may follow. */
  | { readonly type: 'end' };

/** Options of an inbox. */
export interface InboxOptions extends Omit<AttachOptions, 'required'> {
  /** Most bytes that may wait. A GOP that is larger loses its end. */
  readonly maxBytes: number;
  /** Closes the inbox. */
  readonly signal: AbortSignal;
}

/** Counted for each frame besides its bytes, so that empty frames are bounded too. */
const FRAME_BYTES = 256;

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
 * When the queue is full, it drops the oldest GOP that the consumer has not begun; if there is only the current GOP, it drops that one
 * up to the next key frame, which it requests from the source. The iterator ends without an error: at once when `signal` fires, the
 * inbox is disposed or the loop is left; after the last frame when the stream is closed. Bursts and damage are not passed on.
 */
export function openInbox(
  stream: Pick<Stream, 'attach' | 'lost' | 'requestKeyFrame'>,
  options: InboxOptions,
): AsyncIterable<InboxItem> & AsyncDisposable & Pick<Sink, 'queuedBytes'> {
  const { signal, maxBytes, ...attach } = options;
  const onLost = (gops: number, frames: number) => stream.lost(attach.name, { gops, frames });
  const inbox = new Inbox(maxBytes, { onLost, onSkip: () => stream.requestKeyFrame() });
  const attachment = stream.attach(inbox, attach);
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

class Inbox implements Sink {
  readonly #maxBytes: number;
  readonly #onLost: (gops: number, frames: number) => void;
  readonly #onSkip: () => void;
  #gops: Gop[] = [];
  #bytes = 0;
  /** The current run and its GOP; undefined between runs, and while frames are dropped. */
  #context: RunContext | undefined;
  #open: Gop | undefined;
  #epoch = 0;
  /** The run that the consumer has begun. */
  #given: { readonly context: RunContext; readonly epoch: number } | undefined;
  #wake: (() => void) | undefined;
  /** No further item follows. */
  #isOver = false;

  constructor(maxBytes: number, calls: { onLost(gops: number, frames: number): void; onSkip(): void }) {
    this.#maxBytes = maxBytes;
    this.#onLost = calls.onLost;
    this.#onSkip = calls.onSkip;
  }

  get queuedBytes(): number {
    return this.#bytes;
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
    if (this.#open && !this.#makeRoom(sizeOf(frame))) this.#skip(this.#open);
    if (!this.#open) {
      this.#onLost(0, 1);
      return;
    }
    this.#open.frames.push(frame);
    this.#bytes += sizeOf(frame);
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
    this.#bytes = 0;
    this.#given = undefined;
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
    const given = this.#given;
    if (given && (gop ? gop.epoch !== given.epoch : !this.#context)) {
      this.#given = undefined;
      return { type: 'end' };
    }
    if (!gop) return undefined;
    if (gop.context !== given?.context) {
      this.#given = { context: gop.context, epoch: gop.epoch };
      return { type: 'run', context: given ? gop.context : hard(gop.context) };
    }
    const frame = gop.frames.shift();
    if (!frame) return undefined;
    gop.isBegun = true;
    this.#bytes -= sizeOf(frame);
    return { type: 'frame', frame };
  }

  /** Drops the oldest GOPs that the consumer has not begun until there is room; false if that does not suffice. */
  #makeRoom(size: number): boolean {
    while (this.#bytes + size > this.#maxBytes) {
      const i = this.#gops.findIndex(({ isBegun }) => !isBegun);
      const oldest = this.#gops[i];
      if (!oldest || oldest === this.#open) return false;
      this.#gops.splice(i, 1);
      this.#drop(oldest);
    }
    return true;
  }

  /** Drops the current GOP, up to the next key frame. */
  #skip(open: Gop): void {
    this.#open = undefined;
    this.#gops = this.#gops.filter((gop) => gop !== open);
    this.#drop(open);
    this.#onSkip();
  }

  #drop({ frames }: Gop): void {
    for (const frame of frames) this.#bytes -= sizeOf(frame);
    this.#onLost(1, frames.length);
  }
}

function sizeOf({ data }: Frame): number {
  return data.length + FRAME_BYTES;
}

/** The consumer does not have the run that a soft one continues. */
function hard({ soft: _, ...context }: RunContext): RunContext {
  return context;
}
