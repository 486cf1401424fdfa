/**
 * Missing packets of one source: when each is requested again, and how long it is waited for.
 * In: sequence numbers of holes, times. Out: numbers for a NACK. Pure. RFC 4585 6.2.1; docs/media.md 30.
 */

/** Most missing packets that are requested. */
const MAX_MISSING = 1024;
/** Most packets that are requested at once: they fit a datagram. */
const MAX_AT_ONCE = 200;
const MAX_TRIES = 3;
/** Until a round trip was measured, ms. */
const USUAL_ROUND_TRIP_MS = 100;
const MIN_RETRY_MS = 20;
/** The longest wait for a repeated packet, ms. */
const MAX_WAIT_MS = 500;
/** The shortest wait, ms. */
const MIN_WAIT_MS = 50;
/** Packets out of order are not requested at once, ms. */
const MAX_REORDER_MS = 20;

interface Missing {
  readonly sinceMs: number;
  tries: number;
  triedMs: number;
}

/** The missing packets of one source. */
export class MissingPackets {
  readonly #canRequest: boolean;
  readonly #missing = new Map<number, Missing>();
  #roundTripMs: number | undefined;

  /** @param canRequest the sender repeats packets */
  constructor(canRequest: boolean) {
    this.#canRequest = canRequest;
  }

  /** Missing packets now. */
  get size(): number {
    return this.#missing.size;
  }

  /** A round trip was measured elsewhere. */
  setRoundTrip(ms: number): void {
    if (ms >= 0 && ms < 10_000) this.#roundTripMs = ms;
  }

  /** Packets from `from` up to, not including, `to` are missing. @param from extended sequence number */
  add(from: number, to: number, nowMs: number): void {
    // The oldest packet is given up first.
    for (let sequence = Math.max(from, to - MAX_MISSING); sequence < to; sequence++) {
      this.#missing.set(sequence, { sinceMs: nowMs, tries: 0, triedMs: 0 });
    }
    for (const sequence of this.#missing.keys()) {
      if (this.#missing.size <= MAX_MISSING) break;
      this.#missing.delete(sequence);
    }
  }

  /** Whether this packet was requested. */
  wasRequested(sequence: number): boolean {
    return (this.#missing.get(sequence)?.tries ?? 0) > 0;
  }

  /**
   * A packet arrived, perhaps a missing one.
   * @param isAnswer it was sent again: its time is that of a round trip
   */
  arrived(sequence: number, nowMs: number, isAnswer: boolean): void {
    const missing = this.#missing.get(sequence);
    if (!missing) return;
    this.#missing.delete(sequence);
    if (!isAnswer || missing.tries !== 1) return;
    const sample = nowMs - missing.triedMs;
    const before = this.#roundTripMs ?? sample;
    // Rises fast and falls slowly: a request too early is wasted, and a wait too short loses pictures.
    this.#roundTripMs = before + (sample - before) / (sample > before ? 2 : 8);
  }

  /** Packets before this one are not waited for any more. */
  forgetBefore(sequence: number): void {
    for (const missing of this.#missing.keys()) {
      if (missing >= sequence) break;
      this.#missing.delete(missing);
    }
  }

  /** Drops everything. */
  clear(): void {
    this.#missing.clear();
  }

  /** Whether the wait for this packet is over; also for one that is not known to be missing. */
  isOver(sequence: number, nowMs: number, jitterMs: number): boolean {
    const missing = this.#missing.get(sequence);
    return !missing || nowMs - missing.sinceMs >= this.waitMs(jitterMs);
  }

  /** How long a packet is waited for, ms. */
  waitMs(jitterMs: number): number {
    const least = Math.max(MIN_WAIT_MS, 3 * jitterMs);
    const answer = this.#canRequest ? reorderMs(jitterMs) + MAX_TRIES * this.#retryMs + MIN_RETRY_MS : 0;
    return Math.min(MAX_WAIT_MS, Math.max(least, answer));
  }

  /** Numbers to request now, in order; each at most three times. @param jitterMs of the source */
  take(nowMs: number, jitterMs: number): number[] {
    if (!this.#canRequest) return [];
    const due: number[] = [];
    for (const [sequence, missing] of this.#missing) {
      if (missing.tries >= MAX_TRIES) continue;
      const readyMs = missing.tries === 0 ? missing.sinceMs + reorderMs(jitterMs) : missing.triedMs + this.#retryMs;
      if (nowMs < readyMs) continue;
      missing.tries++;
      missing.triedMs = nowMs;
      due.push(sequence);
      if (due.length === MAX_AT_ONCE) break;
    }
    return due;
  }

  get #retryMs(): number {
    return Math.max(MIN_RETRY_MS, 1.25 * (this.#roundTripMs ?? USUAL_ROUND_TRIP_MS));
  }
}

function reorderMs(jitterMs: number): number {
  return Math.min(MAX_REORDER_MS, jitterMs);
}
