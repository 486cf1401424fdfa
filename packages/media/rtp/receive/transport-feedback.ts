/**
 * Feedback of transport-wide congestion control: when each packet of a transport arrived.
 * In: arrivals with the number of the header extension. Out: the content of a feedback packet. Pure.
 * draft-holmer-rmcat-transport-wide-cc-extensions-01, 2 (extension), 3.1 (packet).
 */

/** Most packets that one feedback packet reports, lost ones included. */
const MAX_REPORTED = 256;
/** Arrivals that are kept until they are reported. */
const MAX_KEPT = 4096;
/** Reference times are multiples of this, deltas of a quarter of a millisecond. */
const REFERENCE_MS = 64;
const DELTAS_PER_MS = 4;
const HEADER_BYTES = 8;
/** Packets of a status vector with two bits each. */
const VECTOR = 7;
/** Packet status symbols. */
const STATUS = { lost: 0, small: 1, large: 2 } as const;
const MAX_DELTA = 0x7fff;

/** Collects arrivals and prints feedback. */
export class TransportFeedback {
  /** Arrival by extended number, ms. */
  readonly #arrivals = new Map<number, number>();
  #highest: number | undefined;
  /** The next number to report. */
  #next = 0;
  #count = 0;

  /** Arrivals are not reported yet. */
  get isWaiting(): boolean {
    return this.#arrivals.size > 0;
  }

  /** A packet arrived. @param sequence of the header extension, 16 bits @param nowMs monotonic */
  arrived(sequence: number, nowMs: number): void {
    const last = this.#highest ?? sequence + 0x10000 - 1;
    if (this.#highest === undefined) this.#next = last + 1;
    const extended = last + (((sequence - last) << 16) >> 16);
    this.#highest = Math.max(last, extended);
    if (extended < this.#next || this.#arrivals.has(extended)) return;
    this.#arrivals.set(extended, nowMs);
    if (this.#arrivals.size > MAX_KEPT) this.#arrivals.delete(this.#arrivals.keys().next().value!);
  }

  /**
   * The content of the next feedback packet, for `printTransportFeedback`; undefined if nothing arrived since
   * the last one.
   */
  print(): Uint8Array | undefined {
    const first = Math.min(...this.#arrivals.keys());
    if (!Number.isFinite(first)) return undefined;
    // A long hole before the first arrival is not worth its bytes: the sender counts unreported packets as
    // lost.
    const base = Math.max(this.#next, first - MAX_REPORTED / 2);
    const reference = Math.floor(this.#arrivals.get(first)! / REFERENCE_MS);
    const statuses: number[] = [];
    const deltas: number[] = [];
    let at = reference * REFERENCE_MS * DELTAS_PER_MS;
    let end = base;
    let reported = base;
    for (; end <= this.#highest! && end - base < MAX_REPORTED; end++) {
      const arrivalMs = this.#arrivals.get(end);
      if (arrivalMs === undefined) {
        statuses.push(STATUS.lost);
        continue;
      }
      const delta = Math.round(arrivalMs * DELTAS_PER_MS) - at;
      if (Math.abs(delta) > MAX_DELTA) break; // the next packet has another reference time
      at += delta;
      statuses.push(delta >= 0 && delta <= 255 ? STATUS.small : STATUS.large);
      deltas.push(delta);
      this.#arrivals.delete(end);
      reported = end + 1;
    }
    statuses.length = reported - base;
    this.#next = reported;
    return this.#content(base, reference, statuses, deltas);
  }

  #content(base: number, reference: number, statuses: readonly number[], deltas: readonly number[]): Uint8Array {
    const chunks = chunksOf(statuses);
    const deltaBytes = deltas.reduce((bytes, delta) => bytes + (delta >= 0 && delta <= 255 ? 1 : 2), 0);
    const content = new Uint8Array(Math.ceil((HEADER_BYTES + 2 * chunks.length + deltaBytes) / 4) * 4);
    const view = new DataView(content.buffer);
    view.setUint16(0, base & 0xffff);
    view.setUint16(2, statuses.length);
    view.setUint32(4, (((reference & 0xffffff) << 8) | (this.#count++ & 0xff)) >>> 0);
    let at = HEADER_BYTES;
    for (const chunk of chunks) {
      view.setUint16(at, chunk);
      at += 2;
    }
    for (const delta of deltas) {
      if (delta >= 0 && delta <= 255) view.setUint8(at++, delta);
      else {
        view.setInt16(at, delta);
        at += 2;
      }
    }
    return content;
  }
}

/** Packet status chunks: a run of equal symbols, or a vector of seven. */
function chunksOf(statuses: readonly number[]): number[] {
  const chunks: number[] = [];
  for (let at = 0; at < statuses.length; ) {
    const symbol = statuses[at]!;
    let run = 1;
    while (at + run < statuses.length && statuses[at + run] === symbol) run++;
    if (run >= VECTOR || at + run === statuses.length) {
      chunks.push((symbol << 13) | run);
      at += run;
      continue;
    }
    let vector = 0xc000;
    for (let i = 0; i < VECTOR; i++) vector |= (statuses[at + i] ?? STATUS.lost) << (2 * (VECTOR - 1 - i));
    chunks.push(vector);
    at += VECTOR;
  }
  return chunks;
}
