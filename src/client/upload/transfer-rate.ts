/**
 * Speed and remaining time of a transfer, from the bytes of the last seconds.
 * In: bytes as they are sent. Out: bytes per second, seconds left. Pure; the clock is a parameter.
 */

/** Time over which the speed is measured, ms. */
const WINDOW_MS = 10_000;
/** Shorter measurements give no speed, ms. */
const LEAST_MS = 1_000;

/** Measures a transfer. */
export class TransferRate {
  readonly #points: { readonly atMs: number; readonly bytes: number }[] = [];

  /**
   * Records the state of the transfer.
   *
   * @param bytes sent so far; may decrease when a part is sent again
   * @param nowMs of a steady clock, ms
   */
  record(bytes: number, nowMs: number): void {
    this.#points.push({ atMs: nowMs, bytes });
    // The newest point outside of the window is the start of the measurement.
    while (this.#points.length > 2 && this.#points[1]!.atMs <= nowMs - WINDOW_MS) this.#points.shift();
  }

  /** Forgets everything, after a pause. */
  reset(): void {
    this.#points.length = 0;
  }

  /**
   * Bytes per second; null before there is a measurement, 0 when nothing has arrived.
   *
   * @param nowMs of the same clock, ms
   */
  speed(nowMs: number): number | null {
    const first = this.#points[0];
    const last = this.#points.at(-1);
    if (!first || !last || nowMs - first.atMs < LEAST_MS) return null;
    return Math.max(0, ((last.bytes - first.bytes) * 1000) / (nowMs - first.atMs));
  }

  /**
   * Seconds until the rest is sent; null without a speed.
   *
   * @param bytes that remain
   */
  secondsLeft(bytes: number, nowMs: number): number | null {
    const speed = this.speed(nowMs);
    return speed === null || speed === 0 ? null : bytes / speed;
  }
}
