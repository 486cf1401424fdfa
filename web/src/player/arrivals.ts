/**
 * How late media arrives in the buffer of a live stream, as the player must expect it.
 * In: the distance from the end of the buffer to now, each time the buffer grows. Out: a bound. Pure.
 *
 * The bound is the second worst period of the last minute: one late Part does not move it, whatever the page
 * or the network did.
 */

/** The worst arrival of each period counts, milliseconds. */
const PERIOD_MS = 3_000;
/** Older periods do not count, milliseconds. */
const KEPT_MS = 60_000;
/** Shortest measurement, milliseconds. */
const MEASURED_MS = 6_000;
/** More than this after the earliest arrival is an outage, for which no target is made; milliseconds. */
const OUTAGE_MS = 1_000;

interface Period {
  readonly atMs: number;
  leastMs: number;
  mostMs: number;
}

/** The arrivals of one stream. */
export class Arrivals {
  #periods: Period[] = [];

  /** Another list, or another clock. */
  forget(): void {
    this.#periods = [];
  }

  /**
   * The buffer has grown.
   *
   * @param behindMs from the UTC of its end to now, milliseconds
   * @param nowMs unix milliseconds
   */
  add(behindMs: number, nowMs: number): void {
    const last = this.#periods.at(-1);
    if (last && nowMs >= last.atMs && nowMs - last.atMs < PERIOD_MS) {
      last.leastMs = Math.min(last.leastMs, behindMs);
      last.mostMs = Math.max(last.mostMs, behindMs);
      return;
    }
    // Either way: the server's clock may have been set back.
    this.#periods = this.#periods.filter(({ atMs }) => Math.abs(nowMs - atMs) <= KEPT_MS);
    this.#periods.push({ atMs: nowMs, leastMs: behindMs, mostMs: behindMs });
  }

  /**
   * How far behind now the end of the buffer is, at most, when it grows; milliseconds. Null while that is
   * unknown.
   */
  get behindMs(): number | null {
    const [first] = this.#periods;
    const last = this.#periods.at(-1);
    if (!first || !last || last.atMs - first.atMs < MEASURED_MS) return null;
    const leastMs = Math.min(...this.#periods.map((period) => period.leastMs));
    const secondMs = this.#periods.map(({ mostMs }) => mostMs).sort((a, b) => b - a)[1]!;
    return Math.min(secondMs, leastMs + OUTAGE_MS);
  }
}
