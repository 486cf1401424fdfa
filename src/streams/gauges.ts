/**
 * Tells the metrics what all streams are doing, when somebody asks for them.
 * In: the catalog. Out: gauges. Nothing is followed in between, so it costs nothing.
 */
import type { Metrics } from '../observe/metrics.ts';
import type { Catalog } from './catalog.ts';

/** Bytes of live media held in memory, of all streams. */
export function sharedBytes(catalog: Catalog): number {
  return catalog.all.reduce((sum, stream) => sum + stream.list.memoryBytes, 0);
}

/** Looks at every stream once and sets its gauges. */
export function readStreams(catalog: Catalog, metrics: Metrics): void {
  metrics.sharedBytes.set(sharedBytes(catalog));
  const states = { starting: 0, live: 0, waiting: 0, stopped: 0 };
  let open = 0;
  for (const stream of catalog.all) {
    const { name, state, recorded } = stream;
    states[state]++;
    if (recorded.open.length > 0) open++;
    metrics.streamLive.set({ stream: name }, state === 'live' ? 1 : 0);
    const fromUs = Math.max(stream.createdUs, stream.horizonUs());
    metrics.timelineSeconds.set({ stream: name }, Math.max(0, recorded.endUs - fromUs) / 1e6);
  }
  for (const [state, count] of Object.entries(states)) metrics.streams.set({ state }, count);
  metrics.openChunkFiles.set(open);
}

/** How the sources do, for the health check: one sentence that names those that are not live and says why. */
export function describeStreams(catalog: Catalog): string {
  const meant = catalog.all.filter(({ state }) => state !== 'stopped');
  const away = meant.filter(({ state }) => state !== 'live');
  const named = away.slice(0, 10).map(({ name, state, problem }) => `${name} (${problem || state})`);
  const more = away.length > named.length ? ` and ${away.length - named.length} more` : '';
  const list = named.length > 0 ? `; not live: ${named.join(', ')}${more}` : '';
  return `${meant.length - away.length} of ${meant.length} streams are live${list}`;
}
