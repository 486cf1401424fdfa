/**
 * Sums the frames that a sink drops, and reports them at most once a second.
 * In: losses as they happen. Out: their sum since the last report.
 */
import type { Clock } from '../lib/clock.ts';
import type { Loss } from './pressure.ts';

/** Shortest time between two reports. */
const INTERVAL_MS = 1000;

/** The losses of one sink. */
export class LossReport {
  readonly #clock: Clock;
  readonly #report: (loss: Loss) => void;
  #gops = 0;
  #frames = 0;
  #reportedMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, report: (loss: Loss) => void) {
    this.#clock = clock;
    this.#report = report;
  }

  /** Adds a loss; reports it now, with the next loss after a second, or in `flush`. */
  add({ gops, frames }: Loss): void {
    this.#gops += gops;
    this.#frames += frames;
    if (this.#clock.monotonicMs() - this.#reportedMs >= INTERVAL_MS) this.flush();
  }

  /** Reports the losses since the last report. */
  flush(): void {
    const loss = { gops: this.#gops, frames: this.#frames };
    if (loss.gops + loss.frames === 0) return;
    this.#gops = 0;
    this.#frames = 0;
    this.#reportedMs = this.#clock.monotonicMs();
    this.#report(loss);
  }
}
