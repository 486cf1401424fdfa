/**
 * Sends the messages of all rooms: whatever was said within a tick reaches a connection in one write.
 * In: frames, by connection. Out: bytes on sockets. Bounded: a connection that does not read is given up, and
 * delays no other.
 *
 * With little to do a tick ends with the turn of the event loop, so nothing is delayed. Under load the next
 * tick waits as long as the last one worked, at most `MAX_TICK_MS`: then more messages share a write, which
 * costs more than all else together.
 */

/** Longest time for which messages are gathered, ms. */
const MAX_TICK_MS = 15;
/** A tick that worked for less than this is followed by the next one at once, ms. */
const BUSY_MS = 1;
/** After this long the event loop has a turn between two writes, for messages that come in; ms. */
const TURN_MS = 4;
/** Most bytes that a client may leave unread. */
export const MAX_UNSENT = 1024 * 1024;

/** A socket, as far as frames are written to it. */
export interface Wire {
  write(bytes: Uint8Array): boolean;
  readonly writableLength: number;
  readonly destroyed: boolean;
}

export interface FanOutCounts {
  /** Frames that were written. */
  delivered(frames: number): void;
  /** How long a tick worked, seconds. */
  worked(seconds: number): void;
}

/** The frames of one connection. */
export class FrameQueue {
  readonly #fanOut: FanOut;
  readonly wire: Wire;
  /** Called once, when the client has left more than `MAX_UNSENT` unread; nothing is written any more. */
  readonly #tooSlow: () => void;
  /** Written by the next tick. */
  frames: Uint8Array[] | undefined;
  #isEnded = false;

  constructor(fanOut: FanOut, wire: Wire, tooSlow: () => void) {
    this.#fanOut = fanOut;
    this.wire = wire;
    this.#tooSlow = tooSlow;
  }

  /** Sends a frame with the next tick, after all earlier ones. */
  send(frame: Uint8Array): void {
    if (this.#isEnded) return;
    if (this.frames) {
      this.frames.push(frame);
      return;
    }
    this.frames = [frame];
    this.#fanOut.enter(this);
  }

  /** Writes the frames of the next tick, for example before a close frame. */
  flush(): void {
    const { frames } = this;
    if (!frames) return;
    this.frames = undefined;
    this.write(frames.length === 1 ? frames[0]! : Buffer.concat(frames));
  }

  /** Writes at once, before the frames of the next tick. */
  write(bytes: Uint8Array): void {
    if (this.#isEnded || this.wire.destroyed) return;
    // Small frames are parts of larger buffers, which a client that does not read would keep in memory.
    this.wire.write(this.wire.writableLength === 0 ? bytes : new Uint8Array(bytes));
    if (this.wire.writableLength <= MAX_UNSENT) return;
    this.end();
    this.#tooSlow();
  }

  /** Writes nothing any more. May be called twice. */
  end(): void {
    this.#isEnded = true;
    this.frames = undefined;
  }
}

/** All connections of a process. */
export class FanOut {
  readonly #counts: FanOutCounts;
  /**
   * Queues with frames for the next tick; those of a room are together, since its messages go to all of
   * them.
   */
  #waiting: FrameQueue[] = [];
  /** The tick in progress continues here. */
  #next = 0;
  #isScheduled = false;
  #workedMs = 0;
  #tickMs = 0;
  #endedAt = Number.NEGATIVE_INFINITY;
  /** The frames that were joined last, and the result: the connections of a room share it. */
  #frames: readonly Uint8Array[] = [];
  #joined: Uint8Array = Buffer.alloc(0);

  constructor(counts: FanOutCounts) {
    this.#counts = counts;
  }

  /** Opens the queue of a connection. @param tooSlow called once if the client does not read */
  open(wire: Wire, tooSlow: () => void): FrameQueue {
    return new FrameQueue(this, wire, tooSlow);
  }

  /** Called by a queue that has a first frame for the next tick. */
  enter(queue: FrameQueue): void {
    this.#waiting.push(queue);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    const waitMs = this.#endedAt + this.#tickMs - performance.now();
    if (waitMs > 0) setTimeout(this.#tick, waitMs);
    else setImmediate(this.#tick);
  }

  readonly #tick = (): void => {
    const startedAt = performance.now();
    let frames = 0;
    while (this.#next < this.#waiting.length) {
      frames += this.#write(this.#waiting[this.#next++]!);
      if ((this.#next & 63) === 0 && performance.now() - startedAt > TURN_MS) break;
    }
    this.#counts.delivered(frames);
    const now = performance.now();
    this.#workedMs += now - startedAt;
    if (this.#next < this.#waiting.length) {
      setImmediate(this.#tick);
      return;
    }
    this.#waiting = [];
    this.#next = 0;
    this.#frames = [];
    this.#counts.worked(this.#workedMs / 1000);
    this.#tickMs = this.#workedMs < BUSY_MS ? 0 : Math.min(MAX_TICK_MS, this.#workedMs);
    this.#workedMs = 0;
    this.#endedAt = now;
    this.#isScheduled = false;
  };

  /** Returns the number of frames. */
  #write(queue: FrameQueue): number {
    const { frames } = queue;
    if (!frames) return 0; // ended, or flushed
    queue.frames = undefined;
    if (frames.length === 1) queue.write(frames[0]!);
    else queue.write(this.#join(frames));
    return frames.length;
  }

  #join(frames: readonly Uint8Array[]): Uint8Array {
    const last = this.#frames;
    if (last.length !== frames.length || frames.some((frame, i) => frame !== last[i])) {
      this.#frames = frames;
      this.#joined = Buffer.concat(frames);
    }
    return this.#joined;
  }
}
