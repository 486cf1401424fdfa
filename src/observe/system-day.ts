/**
 * What the process and its disk needed in the last 24 hours, for the charts of the admin page.
 * In: a reading every minute. Out: one value for each ten minutes. In memory: it begins with the process.
 */
import type { SystemHistory } from '../api/admin-shapes.ts';
import { printRfc3339 } from '../api/instant.ts';
import type { Clock } from '../lib/clock.ts';

const READ_EVERY_MS = 60_000;
const STEP_MS = 600_000;
/** Steps of a day, and the one that has begun. */
const STEPS = 145;

/** What is read. */
interface SystemReadings {
  /** CPU time of the process since it started, seconds. */
  cpuSeconds(): number;
  /** Bytes of the disk that are used. */
  diskUsed(): number;
}

interface Step {
  /** Number of the step since 1970. */
  readonly number: number;
  cpuSeconds: number;
  measuredMs: number;
  disk: number;
}

/** The series of one process. */
export class SystemDay implements Disposable {
  readonly #clock: Clock;
  readonly #readings: SystemReadings;
  readonly #timer: NodeJS.Timeout;
  readonly #steps: Step[] = [];
  #cpuSeconds: number;
  #atMs: number;

  constructor(clock: Clock, readings: SystemReadings) {
    this.#clock = clock;
    this.#readings = readings;
    this.#cpuSeconds = readings.cpuSeconds();
    this.#atMs = clock.monotonicMs();
    this.#timer = setInterval(() => this.#read(), READ_EVERY_MS).unref();
  }

  /** The last day; null where nothing was measured. */
  history(): SystemHistory {
    const last = this.#numberNow();
    const values = (of: (step: Step) => number) => {
      const series = new Array<number | null>(STEPS).fill(null);
      for (const step of this.#steps) {
        const place = step.number - (last - STEPS + 1);
        if (place >= 0 && place < STEPS) series[place] = of(step);
      }
      return series;
    };
    return {
      from: printRfc3339((last - STEPS + 1) * STEP_MS),
      res: STEP_MS / 1000,
      cpu: values((step) => Math.round((100_000 * step.cpuSeconds) / step.measuredMs)),
      disk: values((step) => step.disk),
    };
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #numberNow(): number {
    return Math.floor(this.#clock.nowMs() / STEP_MS);
  }

  #read(): void {
    const [cpuSeconds, atMs, number] = [this.#readings.cpuSeconds(), this.#clock.monotonicMs(), this.#numberNow()];
    let step = this.#steps.at(-1);
    if (step?.number !== number) {
      step = { number, cpuSeconds: 0, measuredMs: 0, disk: 0 };
      this.#steps.push(step);
      if (this.#steps.length > STEPS) this.#steps.shift();
    }
    step.cpuSeconds += cpuSeconds - this.#cpuSeconds;
    step.measuredMs += atMs - this.#atMs;
    step.disk = this.#readings.diskUsed();
    this.#cpuSeconds = cpuSeconds;
    this.#atMs = atMs;
  }
}
