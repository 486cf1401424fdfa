/**
 * The receiving half of a connection: puts packets in order, reports losses, and skips packets that come too
 * late.
 * In: data packets of the peer. Out: payloads in order; losses to report. draft-sharabayko-srt-01 4.5, 4.6,
 * 4.8; docs/media.md 29.
 *
 * Payloads are delivered as soon as they are contiguous. The deadline of a packet (its time on the sender's
 * clock, or its arrival if that is later, plus the latency) only decides when the packets missing before it
 * are given up.
 */
import type { SenderClock } from './drift.ts';
import { type LossRange, LossRanges } from './loss-ranges.ts';
import type { ReorderTolerance } from './reorder-tolerance.ts';

/** Callbacks of the receiver. */
interface ReceiverOutput {
  /** A payload in order. */
  deliver(payload: Uint8Array): void;
  /** `packets` are lost for good, before the next payload. */
  lose(packets: number): void;
  /** Packets `[from, to)` are missing: to be reported at once. */
  report(from: number, to: number): void;
}

/** Bounds and latency of a receiver. */
interface ReceiverOptions {
  readonly latencyUs: number;
  readonly maxPackets: number;
  readonly maxBytes: number;
  /** How long a missing packet may only be late; undefined: it is reported at once. */
  readonly tolerance?: ReorderTolerance | undefined;
}

/** Counters of a receiver, as in `SrtStats`. */
interface ReceiverCounters {
  received: number;
  receivedBytes: number;
  lost: number;
  recovered: number;
  repaired: number;
  dropped: number;
  retransmittedReceived: number;
  duplicates: number;
  overflowed: number;
}

const FIRST_SLOTS = 256;
/** A deadline is at most this far beyond arrival and latency, whatever the timestamp claims, µs. */
const MAX_EARLY_US = 1_000_000;

/** Puts the packets of one connection in order. Times are µs of the connection's clock. */
export class SrtReceiver {
  readonly counters: ReceiverCounters = {
    received: 0,
    receivedBytes: 0,
    lost: 0,
    recovered: 0,
    repaired: 0,
    dropped: 0,
    retransmittedReceived: 0,
    duplicates: 0,
    overflowed: 0,
  };
  /** Index of the first packet that is not delivered; all before it are delivered or given up. */
  next = 0;
  /** Index after the newest packet. */
  end = 0;
  /** Time until a missing packet is reported again, µs. */
  reportAgainUs = 20_000;
  readonly #options: ReceiverOptions;
  readonly #output: ReceiverOutput;
  readonly #clock: SenderClock;
  readonly #losses = new LossRanges();
  #payloads: (Uint8Array | undefined)[] = new Array(FIRST_SLOTS).fill(undefined);
  #deadlines = new Float64Array(FIRST_SLOTS);
  #mask = FIRST_SLOTS - 1;
  #buffered = 0;
  #bufferedBytes = 0;
  #isClosed = false;

  constructor(options: ReceiverOptions, clock: SenderClock, output: ReceiverOutput) {
    this.#options = options;
    this.#clock = clock;
    this.#output = output;
  }

  /** Packets that wait for an earlier one. */
  get buffered(): number {
    return this.#buffered;
  }

  /** Packets that the buffer has room for. */
  get available(): number {
    return this.#options.maxPackets - (this.end - this.next);
  }

  /** Ranges of missing packets in order. */
  get missing(): readonly LossRange[] {
    return this.#losses.ranges;
  }

  /** Time between the deadlines of the oldest and the newest waiting packet, µs. */
  get bufferedUs(): number {
    if (this.#buffered === 0) return 0;
    const oldest = this.#deadlines[this.#firstBuffered() & this.#mask]!;
    return Math.max(0, this.#deadlines[(this.end - 1) & this.#mask]! - oldest);
  }

  /**
   * Whether a packet is of use: not delivered, given up or present. Counts it as a duplicate if not.
   *
   * @param isRepeated the sender sent it again, which it may do for a packet that was only out of order
   */
  wants(index: number, isRepeated: boolean): boolean {
    if (index >= this.end || (index >= this.next && !this.#payloads[index & this.#mask])) return true;
    this.counters.duplicates++;
    // The first transmission comes after the second one: the network did not lose it.
    if (!isRepeated && this.counters.repaired > 0) {
      this.counters.repaired--;
      this.#options.tolerance?.grow();
    }
    return false;
  }

  /**
   * Takes a decrypted packet for which `wants` returned true.
   *
   * @param payload kept
   * @param timestampUs without wrap
   * @param isRepeated the sender sent it again
   */
  take(index: number, payload: Uint8Array, timestampUs: number, nowUs: number, isRepeated: boolean): void {
    const { counters } = this;
    if (index === this.next && index === this.end) {
      counters.received++;
      counters.receivedBytes += payload.length;
      this.next = ++this.end;
      this.#output.deliver(payload);
      return;
    }
    while (index - this.next >= this.#options.maxPackets) this.#makeRoom(index);
    if (index >= this.next + this.#payloads.length) this.#grow(index);
    counters.received++;
    counters.receivedBytes += payload.length;
    const slot = index & this.#mask;
    this.#payloads[slot] = payload;
    this.#deadlines[slot] = this.#dueUs(timestampUs, nowUs) + this.#options.latencyUs;
    this.#buffered++;
    this.#bufferedBytes += payload.length;
    if (index >= this.end) this.#extend(index, nowUs);
    else {
      const sinceUs = this.#losses.remove(index);
      if (sinceUs !== undefined) this.#recover(nowUs - sinceUs, isRepeated);
    }
    this.#deliverContiguous();
    while (this.#bufferedBytes > this.#options.maxBytes && this.#buffered > 0) {
      counters.overflowed++;
      this.#skipFirstLoss();
    }
  }

  /** The sender will not send `[from, to)` again: gives up the missing packets. */
  drop(from: number, to: number): void {
    if (to <= this.next || from >= this.end) return;
    this.#losses.removeRange(from, to);
    if (from > this.next) {
      // The range is given up when the delivery arrives there; until then its packets are neither missing nor
      // present.
      return;
    }
    this.#advance();
  }

  /** Gives up the packets that are missing before others whose deadline has passed. */
  tick(nowUs: number): void {
    this.#options.tolerance?.tick(nowUs);
    while (this.#buffered > 0) {
      const first = this.#firstBuffered();
      if (this.#deadlines[first & this.#mask]! > nowUs) return;
      this.#skipTo(first);
    }
  }

  /** Releases all buffers; later packets are ignored by the connection. */
  close(): void {
    this.#isClosed = true;
    this.#payloads = [];
    this.#buffered = 0;
  }

  /**
   * Where the latency of a packet begins: its time on the sender's clock, or its arrival if it is late.
   * Nothing is played by this time, and the packets before it, which are probably late too, get the complete
   * latency for their repair.
   */
  #dueUs(timestampUs: number, nowUs: number): number {
    return Math.max(nowUs, Math.min(this.#clock.localUs(timestampUs), nowUs + MAX_EARLY_US));
  }

  /** A missing packet has come, so many µs after a later one. */
  #recover(lateUs: number, isRepeated: boolean): void {
    this.counters.recovered++;
    if (isRepeated) this.counters.repaired++;
    else this.#options.tolerance?.sample(lateUs);
  }

  #extend(index: number, nowUs: number): void {
    if (index > this.end) {
      const waitUs = this.#options.tolerance?.waitUs;
      this.#losses.append(this.end, index, nowUs + (waitUs ?? this.reportAgainUs), nowUs);
      this.counters.lost += index - this.end;
      if (waitUs === undefined) this.#output.report(this.end, index);
    }
    this.end = index + 1;
  }

  #firstBuffered(): number {
    let index = this.next;
    while (index < this.end && !this.#payloads[index & this.#mask]) index++;
    return index;
  }

  #deliverContiguous(): void {
    while (this.#buffered > 0) {
      const slot = this.next & this.#mask;
      const payload = this.#payloads[slot];
      if (!payload) {
        // A range that the sender dropped: neither present nor missing.
        if (this.#losses.first?.from === this.next) return;
        this.#advance();
        continue;
      }
      this.#payloads[slot] = undefined;
      this.#buffered--;
      this.#bufferedBytes -= payload.length;
      this.next++;
      this.#output.deliver(payload);
      if (this.#isClosed) return;
    }
  }

  /** Gives up dropped packets at the front, up to the first that is present or missing. */
  #advance(): void {
    const missing = this.#losses.first?.from ?? this.end;
    const to = this.#buffered > 0 ? Math.min(missing, this.#firstBuffered()) : missing;
    this.#skipTo(to);
  }

  #skipFirstLoss(): void {
    this.#skipTo(this.#firstBuffered());
  }

  /** Gives up all packets before `index` and delivers what follows; none of them is present. */
  #skipTo(index: number): void {
    const packets = index - this.next;
    if (packets > 0) {
      this.#losses.removeRange(this.next, index);
      this.counters.dropped += packets;
      this.next = index;
      this.#output.lose(packets);
    }
    if (!this.#isClosed) this.#deliverContiguous();
  }

  /** The packet is beyond the bound: gives up the oldest missing ones, as after a long interruption. */
  #makeRoom(index: number): void {
    if (this.#buffered > 0) {
      this.counters.overflowed++;
      this.#skipFirstLoss();
      return;
    }
    const packets = index - this.next;
    this.#losses.removeRange(this.next, index);
    this.counters.lost += Math.max(0, index - this.end);
    this.counters.dropped += packets;
    this.next = index;
    this.end = index;
    this.#output.lose(packets);
  }

  #grow(index: number): void {
    let slots = this.#payloads.length;
    while (index >= this.next + slots) slots *= 2;
    const payloads: (Uint8Array | undefined)[] = new Array(slots).fill(undefined);
    const deadlines = new Float64Array(slots);
    for (let at = this.next; at < this.end; at++) {
      payloads[at & (slots - 1)] = this.#payloads[at & this.#mask];
      deadlines[at & (slots - 1)] = this.#deadlines[at & this.#mask]!;
    }
    this.#payloads = payloads;
    this.#deadlines = deadlines;
    this.#mask = slots - 1;
  }
}
