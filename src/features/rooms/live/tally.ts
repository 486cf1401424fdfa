/**
 * Counts what happens thousands of times a second: prom-client makes a text of the labels at each call.
 * In: labels. Out: sums, added to a counter before each scrape.
 */
import type { Metrics } from '../../../observe/metrics.ts';

/** The counts of one label since the last scrape. Disposing adds them. */
export class Tally<L extends string> implements Disposable {
  readonly #counts = new Map<L, number>();
  readonly #add: (label: L, count: number) => void;
  readonly #stopReading: () => void;

  /** @param add adds to a counter; labels are few, and known before */
  constructor(metrics: Pick<Metrics, 'beforeScrape'>, add: (label: L, count: number) => void) {
    this.#add = add;
    this.#stopReading = metrics.beforeScrape(() => this.#flush());
  }

  /** Counts one more. */
  count(label: L): void {
    this.#counts.set(label, (this.#counts.get(label) ?? 0) + 1);
  }

  [Symbol.dispose](): void {
    this.#stopReading();
    this.#flush();
  }

  #flush(): void {
    for (const [label, count] of this.#counts) this.#add(label, count);
    this.#counts.clear();
  }
}
