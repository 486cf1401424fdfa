/**
 * Measures all streams once a second.
 * In: the catalog and the viewers. Out: samples of each stream, see streams/measure, and a hook for features.
 * Ladders start and stop with their viewers.
 */
import type { AppContext, Delivery, Hooks, Streams } from '../features/core.ts';
import type { Catalog } from '../streams/catalog.ts';
import { guarded } from '../streams/stream-reports.ts';

/** Interval of the samples, ms. */
const EVERY_MS = 1000;

/** Measures until the shutdown. */
export function startMeasuring(
  { process: part, shutdown, metrics, log }: Pick<AppContext, 'process' | 'shutdown' | 'metrics' | 'log'>,
  { catalog, contentMode }: Pick<Streams, 'contentMode'> & { readonly catalog: Pick<Catalog, 'all'> },
  { viewers }: Pick<Delivery, 'viewers'>,
  { measured }: Pick<Hooks, 'measured'>,
): void {
  const timer = setInterval(() => {
    const live = catalog.all.filter(({ stream }) => stream.placement.context !== undefined).length;
    // The other processes of this server have as many.
    contentMode.liveStreams = live * (part?.link.start.names.length ?? 1);
    for (const { name, measure, derived } of catalog.all) {
      guarded({ metrics, log }, name, 'it was measured', () => {
        const count = viewers.of(name);
        measure.tick(count);
        derived.ladder.tick(count);
      });
    }
    measured.emit(catalog.all);
  }, EVERY_MS);
  shutdown.signal.addEventListener('abort', () => clearInterval(timer), { once: true });
}
