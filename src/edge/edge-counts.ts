/**
 * The counts of an edge since its start: plain numbers on the hot path, metrics when they are read.
 * In: calls of the edge. Out: metrics, and the numbers of /edge/status.
 */
import type { Metrics } from '../observe/metrics.ts';
import type { OriginReason } from './origin.ts';

/**
 * How a request for an object was answered. `joined`: by the answer to another client's request that was
 * under way.
 */
type EdgeResult = 'hit' | 'disk' | 'stale' | 'miss' | 'joined' | 'refused' | 'passed';

/** The numbers. */
export class EdgeCounts {
  readonly requests: Record<EdgeResult, number> = {
    hit: 0,
    disk: 0,
    stale: 0,
    miss: 0,
    joined: 0,
    refused: 0,
    passed: 0,
  };
  readonly origin: Record<OriginReason, number> = { miss: 0, revalidate: 0, prefetch: 0, warm: 0, check: 0 };
  originFailures = 0;
  originBytes = 0;
  servedBytes = 0;
  cmcd = 0;
  starved = 0;
  /** Prefetches that were left out because too many were under way. */
  prefetchesDropped = 0;
  evicted = 0;
  held = 0;

  /**
   * Shows the numbers as metrics before each read; returns how to stop.
   * @param sizes current sizes of the caches
   */
  show(metrics: Metrics, sizes: () => { memory: number; disk: number; objects: number; isDown: boolean }): () => void {
    const shown = new Map<string, number>();
    /** Counters only rise: the difference since the last time. */
    const rise = (name: string, value: number): number => {
      const more = value - (shown.get(name) ?? 0);
      shown.set(name, value);
      return more;
    };
    return metrics.beforeScrape(() => {
      for (const [result, value] of Object.entries(this.requests))
        metrics.edgeRequests.inc({ result }, rise(`request ${result}`, value));
      for (const [reason, value] of Object.entries(this.origin))
        metrics.edgeOriginRequests.inc({ reason }, rise(`origin ${reason}`, value));
      metrics.edgeOriginFailures.inc(rise('failures', this.originFailures));
      metrics.edgeOriginBytes.inc(rise('origin bytes', this.originBytes));
      metrics.edgeServedBytes.inc(rise('served', this.servedBytes));
      metrics.edgeCmcdRequests.inc(rise('cmcd', this.cmcd));
      metrics.edgeStarvations.inc(rise('starved', this.starved));
      metrics.edgePrefetchesDropped.inc(rise('dropped', this.prefetchesDropped));
      metrics.edgeEvictions.inc(rise('evicted', this.evicted));
      const { memory, disk, objects, isDown } = sizes();
      metrics.edgeCacheBytes.set({ store: 'memory' }, memory);
      metrics.edgeCacheBytes.set({ store: 'disk' }, disk);
      metrics.edgeObjects.set(objects);
      metrics.edgeHeld.set(this.held);
      metrics.edgeOriginDown.set(isDown ? 1 : 0);
    });
  }
}
