/**
 * The video frames that wait for one viewer: where it begins, what it loses when it is slow, and when each
 * packet is due.
 * In: frames with their payloads, from the newest key frame on. Out: payloads that are due, for
 * RtpSender.packet. Pure. docs/media.md 30.
 *
 * - A large frame is spread over 20 ms for each 64 packets, up to 100 ms: a burst of hundreds of packets
 *   overflows home routers.
 * - The frames before the newest one at the start are sent without pauses, with timestamps just before its
 *   own: the viewer sees the newest picture at once, and its delay is that of the live edge.
 */
import type { Frame } from '../../frame.ts';
import type { OutgoingPayload } from './sender.ts';

/** Bounds of a queue. */
interface ViewerQueueOptions {
  /** Of payloads; default 8 MiB: a GOP of 16 Mbps and 4 s. */
  readonly maxBytes?: number;
  /** Default 2,000. */
  readonly maxFrames?: number;
}

/** Counters of a queue. */
interface ViewerQueueStats {
  /** Frames that the viewer does not get. */
  droppedFrames: number;
  /** How often frames were dropped up to a key frame, after the start. */
  drops: number;
}

/** One frame that waits. */
interface Waiting {
  timestamp: number;
  readonly payloads: readonly Uint8Array[];
  readonly bytes: number;
  readonly key: boolean;
  readonly durationMs: number;
  /** The first payload that was not sent yet. */
  next: number;
  /** When its first payload is due, and for how long it is spread, ms. */
  startMs: number;
  spreadMs: number;
}

/** Payloads that are sent at once. */
const BURST = 32;
/** A frame is spread over this for each 64 payloads, and at most over MAX_SPREAD_MS. */
const SPREAD_MS = 20;
const SPREAD_PAYLOADS = 64;
const MAX_SPREAD_MS = 100;
/** For its duration, so that large frames one after another do not add up. */
const DURATION_SHARE = 0.75;
/** The same while the queue is late, so that it catches up. */
const LATE_SHARE = 0.5;
/** Between the frames before the newest one at the start, ticks of 90 kHz: 1 ms. */
const CATCH_UP_TICKS = 90;
const DEFAULT_BYTES = 8 * 1024 * 1024;
const DEFAULT_FRAMES = 2000;

/** The queue of one viewer's video track. */
export class ViewerQueue {
  readonly stats: ViewerQueueStats = { droppedFrames: 0, drops: 0 };
  readonly #maxBytes: number;
  readonly #maxFrames: number;
  #frames: Waiting[] = [];
  #bytes = 0;
  #waitsForKey = true;
  /** Until the first payload is due: what was written so far is the past. */
  #isStarting = true;

  constructor({ maxBytes = DEFAULT_BYTES, maxFrames = DEFAULT_FRAMES }: ViewerQueueOptions = {}) {
    this.#maxBytes = maxBytes;
    this.#maxFrames = maxFrames;
  }

  /** Bytes of the frames that wait. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Frames are dropped until the next key frame: the owner may request one. */
  get waitsForKeyFrame(): boolean {
    return this.#waitsForKey;
  }

  /** When `due` has something to return, ms; undefined while the queue is empty. */
  get nextDueMs(): number | undefined {
    const first = this.#frames[0];
    return first && dueMs(first);
  }

  /**
   * Adds a frame. Before the first key frame, and after a drop up to the next one, frames are ignored.
   *
   * @param timestamp RTP timestamp, of RtpSender.timestampOf
   * @param payloads of the packetizer; not copied
   * @param durationMs of the frame
   * @param nowMs any clock that does not go back, as in `due`
   */
  write(
    { key }: Pick<Frame, 'key'>,
    timestamp: number,
    payloads: readonly Uint8Array[],
    durationMs: number,
    nowMs: number,
  ): void {
    if (payloads.length === 0) return;
    // A viewer that starts needs nothing before the newest key frame.
    if (this.#isStarting && key) this.#keep([]);
    const bytes = payloads.reduce((sum, payload) => sum + payload.length, 0);
    if (!this.#waitsForKey && !this.#hasRoom(bytes)) this.#drop(this.#frames.length);
    if ((this.#waitsForKey && !key) || !this.#hasRoom(bytes)) {
      if (this.stats.drops > 0) this.stats.droppedFrames++;
      return;
    }
    this.#waitsForKey = false;
    const frame = { timestamp, payloads, bytes, key, durationMs, next: 0, startMs: nowMs, spreadMs: 0 };
    this.#plan(frame, this.#frames.at(-1), nowMs);
    this.#frames.push(frame);
    this.#bytes += bytes;
  }

  /**
   * The connection is congested: drops the frames that wait, up to the newest key frame among them; without
   * one, up to the next key frame. A frame that is partly sent is completed, because the viewer would request
   * its missing packets.
   */
  dropToKeyFrame(): void {
    const key = this.#frames.findLastIndex((frame) => frame.key && frame.next === 0);
    this.#drop(key < 0 ? this.#frames.length : key);
  }

  /** A run begins: its first frame is a key frame. Frames of the run before that wait are still sent. */
  startRun(): void {
    this.#waitsForKey = true;
  }

  /** The payloads that are due, in order; each is returned once. */
  due(nowMs: number): OutgoingPayload[] {
    if (this.#isStarting && this.#frames.length > 0) this.#start(nowMs);
    const payloads: OutgoingPayload[] = [];
    let done = 0;
    for (const frame of this.#frames) {
      while (frame.next < frame.payloads.length && dueMs(frame) <= nowMs) {
        const payload = frame.payloads[frame.next++]!;
        payloads.push({ timestamp: frame.timestamp, payload, marker: frame.next === frame.payloads.length });
      }
      if (frame.next < frame.payloads.length) break;
      done++;
    }
    if (done > 0) this.#keep(this.#frames.slice(done));
    return payloads;
  }

  /** Times and timestamps of the frames that were written before the viewer could receive any. */
  #start(nowMs: number): void {
    this.#isStarting = false;
    const count = this.#frames.length;
    const newest = this.#frames[count - 1]!.timestamp;
    for (const [i, frame] of this.#frames.entries()) {
      const distance = (count - 1 - i) * CATCH_UP_TICKS;
      // Frames that are nearer than that keep their own.
      if ((newest - frame.timestamp) >>> 0 > distance) frame.timestamp = (newest - distance) >>> 0;
      this.#plan(frame, this.#frames[i - 1], nowMs, true);
    }
  }

  /** Sets when a frame is sent. @param isPast it is older than now: it is not delayed by its duration */
  #plan(frame: Waiting, before: Waiting | undefined, nowMs: number, isPast = false): void {
    frame.startMs = Math.max(nowMs, before ? before.startMs + before.spreadMs : nowMs);
    frame.spreadMs = spreadOf(frame, isPast || frame.startMs - nowMs > MAX_SPREAD_MS);
  }

  /** Drops frames from the first one that is not partly sent, up to `end`. */
  #drop(end: number): void {
    const begun = this.#frames.filter(({ next }) => next > 0);
    const kept = this.#frames.slice(Math.max(end, begun.length));
    this.stats.droppedFrames += this.#frames.length - begun.length - kept.length;
    this.stats.drops++;
    this.#waitsForKey = kept.length === 0;
    this.#keep([...begun, ...kept]);
  }

  #keep(frames: Waiting[]): void {
    this.#frames = frames;
    this.#bytes = frames.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  #hasRoom(bytes: number): boolean {
    return this.#frames.length < this.#maxFrames && this.#bytes + bytes <= this.#maxBytes;
  }
}

/** @param isLate frames like this one have to be sent faster than they were captured */
function spreadOf({ payloads: { length: count }, key, durationMs }: Waiting, isLate: boolean): number {
  if (isLate) {
    const spreadMs = Math.min(MAX_SPREAD_MS, (SPREAD_MS * count) / SPREAD_PAYLOADS);
    return key ? spreadMs : Math.min(spreadMs, LATE_SHARE * durationMs);
  }
  if (count <= BURST) return 0;
  const spreadMs = Math.min(MAX_SPREAD_MS, SPREAD_MS * Math.ceil(count / SPREAD_PAYLOADS));
  return key ? spreadMs : Math.min(spreadMs, DURATION_SHARE * durationMs);
}

function dueMs({ startMs, spreadMs, payloads, next }: Waiting): number {
  return startMs + (spreadMs * next) / payloads.length;
}
