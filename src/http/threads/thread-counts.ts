/**
 * What serving threads count, in the metrics and among the viewers of the process.
 * In: their sums. Out: metrics; bytes of recordings that they keep.
 */

import { showMemory } from '../../observe/metrics.ts';
import type { HttpDeps } from '../deps.ts';
import { countsOf } from '../hot/hot-deps.ts';
import type { HotCounts } from '../hot/responder.ts';
import type { CounterReport } from './messages.ts';

/** Of one thread, what is now; lag is that since the last scrape. */
interface Now {
  held: number;
  readyBytes: number;
  blockBytes: number;
  memory: CounterReport['memory'];
  lag: CounterReport['lag'];
}

/** Sums of all threads. */
export class ThreadCounts {
  readonly #deps: Pick<HttpDeps, 'metrics' | 'viewers'>;
  readonly #counts: HotCounts;
  readonly #threads = new Map<number, Now>();

  constructor(deps: Pick<HttpDeps, 'metrics' | 'viewers'>) {
    this.#deps = deps;
    this.#counts = countsOf(deps.metrics);
  }

  /** Bytes of recordings that the threads keep in memory. */
  get blockBytes(): number {
    return [...this.#threads.values()].reduce((sum, { blockBytes }) => sum + blockBytes, 0);
  }

  /** @param thread its number */
  take(thread: number, report: CounterReport): void {
    const { metrics, viewers } = this.#deps;
    for (const [kind, served] of report.served) this.#counts.served(kind, served);
    for (const [kind, all] of report.waited) for (const seconds of all) this.#counts.waited(kind, seconds);
    for (const [kind, status] of report.refused) metrics.httpRequests.inc({ class: kind, status });
    for (const [stream, players] of report.seen) for (const player of players) viewers.seen(stream, player);
    if (report.starved > 0) metrics.bufferStarvations.inc(report.starved);
    metrics.heldRequests.inc(report.held);
    const { readyBytes, blockBytes, memory, lag } = report;
    const held = (this.#threads.get(thread)?.held ?? 0) + report.held;
    this.#threads.set(thread, { held, readyBytes, blockBytes, memory, lag });
  }

  /** A thread ended by a mistake: what waited there waits no more. */
  forget(thread: number): void {
    this.#deps.metrics.heldRequests.dec(this.#threads.get(thread)?.held ?? 0);
    this.#threads.delete(thread);
  }

  /** Sets the gauges of all threads, behind the main thread's own responder, to whose bytes it adds. */
  show(): void {
    const { metrics } = this.#deps;
    for (const [number, now] of this.#threads) {
      metrics.readyBytes.inc(now.readyBytes);
      showMemory(metrics, `serving-${number}`, now.memory);
      const { p50, p99, max } = now.lag;
      for (const [quantile, seconds] of [
        ['0.5', p50],
        ['0.99', p99],
        ['1', max],
      ] as const) {
        metrics.eventLoopLagSeconds.set({ thread: `serving-${number}`, quantile }, seconds);
      }
    }
  }
}
