/**
 * Measures all streams once a second.
 * In: the catalog and the viewers. Out: samples of each stream, see streams/measure; alarms. Ladders start
 * and stop with their viewers.
 */
import type { Catalog } from '../streams/catalog.ts';
import { guarded } from '../streams/stream-reports.ts';
import type { Alarms, AppContext, Delivery, Streams } from './parts.ts';

/** Interval of the samples, ms. */
const EVERY_MS = 1000;

/** Measures until the shutdown. */
export function startMeasuring(
  { shutdown, metrics, log }: Pick<AppContext, 'shutdown' | 'metrics' | 'log'>,
  { catalog, contentMode }: Pick<Streams, 'contentMode'> & { readonly catalog: Pick<Catalog, 'all'> },
  { viewers }: Pick<Delivery, 'viewers'>,
  { center }: Pick<Alarms, 'center'>,
): void {
  const timer = setInterval(() => {
    contentMode.liveStreams = catalog.all.filter(({ stream }) => stream.context !== undefined).length;
    for (const { name, measure, ladder } of catalog.all) {
      guarded({ metrics, log }, name, 'it was measured', () => {
        const count = viewers.of(name);
        measure.tick(count);
        ladder.tick(count);
      });
    }
    center.tick(catalog.all);
  }, EVERY_MS);
  shutdown.signal.addEventListener('abort', () => clearInterval(timer), { once: true });
}
