/**
 * Adds up what a sink had to drop, and reports it at most once a second.
 * In: losses as they happen. Out: their sum since the last report.
 */
import type { Clock } from '../lib/clock.ts';

/** Shortest time between two reports. */
const INTERVAL_MS = 1000;

/** What a sink dropped. */
export interface SinkLoss {
  readonly gops: number;
  readonly frames: number;
}

/** The losses of one sink. */
export class LossReport {
  readonly #clock: Clock;
  readonly #report: (loss: SinkLoss) => void;
  #gops = 0;
  #frames = 0;
  #reportedMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, report: (loss: SinkLoss) => void) {
    this.#clock = clock;
    this.#report = report;
  }

  /** Adds a loss. It is reported now, with the next loss after a second, or by `flush`. */
  add({ gops, frames }: SinkLoss): void {
    this.#gops += gops;
    this.#frames += frames;
    if (this.#clock.monotonicMs() - this.#reportedMs >= INTERVAL_MS) this.flush();
  }

  /** Reports what was not reported yet. */
  flush(): void {
    const loss = { gops: this.#gops, frames: this.#frames };
    if (loss.gops + loss.frames === 0) return;
    this.#gops = 0;
    this.#frames = 0;
    this.#reportedMs = this.#clock.monotonicMs();
    this.#report(loss);
  }
}
