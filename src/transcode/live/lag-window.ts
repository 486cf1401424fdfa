/**
 * How far an encoder was behind over the last seconds.
 * In: the lag of each picture. Out: percentiles. Pure.
 */

const WINDOW_MS = 10_000;
/** Bounds the memory: six rungs of 60 pictures a second. */
const MAX_SAMPLES = 4000;

/** The lags of the last ten seconds. */
export class LagWindow {
  #samples: { readonly atMs: number; readonly lagMs: number }[] = [];

  /** Adds a picture that came out at `atMs`, monotonic. */
  add(atMs: number, lagMs: number): void {
    this.#samples.push({ atMs, lagMs });
    if (this.#samples.length > MAX_SAMPLES) this.#samples.splice(0, MAX_SAMPLES / 4);
  }

  /** The lag that 95 % of the pictures did not exceed, ms; undefined without pictures. */
  p95(nowMs: number): number | undefined {
    this.#samples = this.#samples.filter(({ atMs }) => nowMs - atMs <= WINDOW_MS);
    const sorted = this.#samples.map(({ lagMs }) => lagMs).sort((a, b) => a - b);
    return sorted[Math.ceil(sorted.length * 0.95) - 1];
  }
}
