/**
 * Adds the counter reports of all serving threads to the metrics and viewers of the process.
 * In: reports. Out: metrics; total bytes of recordings in the threads' memory.
 */
import { showMemory } from '../../observe/metrics.ts';
import type { ServeDeps } from '../deps.ts';
import { countsOf } from '../hot/hot-deps.ts';
import type { HotCounts } from '../hot/responder.ts';
import type { CounterReport } from './messages.ts';

/** Gauges of one thread; lag is that since the last scrape. */
interface Gauges {
  held: number;
  readyBytes: number;
  blockBytes: number;
  memory: CounterReport['memory'];
  lag: CounterReport['lag'];
}

/** Counters of all threads. */
export class ThreadCounts {
  readonly #deps: Pick<ServeDeps, 'metrics' | 'viewers'>;
  readonly #counts: HotCounts;
  readonly #threads = new Map<number, Gauges>();

  constructor(deps: Pick<ServeDeps, 'metrics' | 'viewers'>) {
    this.#deps = deps;
    this.#counts = countsOf(deps.metrics);
  }

  /** Bytes of recordings in the memory of the threads. */
  get blockBytes(): number {
    return [...this.#threads.values()].reduce((sum, { blockBytes }) => sum + blockBytes, 0);
  }

  /** Adds a report. @param thread number of the thread */
  take(thread: number, report: CounterReport): void {
    const { metrics, viewers } = this.#deps;
    for (const [kind, served] of report.served) this.#counts.served(kind, served);
    for (const [kind, waits] of report.waited) for (const seconds of waits) this.#counts.waited(kind, seconds);
    for (const [kind, status] of report.refused) metrics.httpRequests.inc({ class: kind, status });
    for (const [stream, players] of report.seen) for (const player of players) viewers.seen(stream, player);
    for (const session of report.reports) {
      metrics.httpRequests.inc({ class: 'session', status: 204 });
      viewers.reported(...session);
    }
    for (const request of report.requests) viewers.requested(...request);
    if (report.starved > 0) metrics.bufferStarvations.inc(report.starved);
    metrics.heldRequests.inc(report.held);
    const { readyBytes, blockBytes, memory, lag } = report;
    const held = (this.#threads.get(thread)?.held ?? 0) + report.held;
    this.#threads.set(thread, { held, readyBytes, blockBytes, memory, lag });
  }

  /** Removes a thread that crashed, with its waiting requests. */
  forget(thread: number): void {
    this.#deps.metrics.heldRequests.dec(this.#threads.get(thread)?.held ?? 0);
    this.#threads.delete(thread);
  }

  /** Sets the gauges. Must run after the main thread's responder has set `readyBytes`, to which it adds. */
  show(): void {
    const { metrics } = this.#deps;
    for (const [number, gauges] of this.#threads) {
      metrics.readyBytes.inc(gauges.readyBytes);
      showMemory(metrics, `serving-${number}`, gauges.memory);
      const { p50, p99, max } = gauges.lag;
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
