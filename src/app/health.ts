/**
 * The checks of /health and /ready, in the order of the response, and the gauges of a metrics scrape.
 * In: the parts that are checked and measured. Out: Health; metrics.
 */
import type { AppContext, Parts } from '../features/core.ts';
import { childCounts } from '../ffmpeg/child-process.ts';
import type { HttpServer } from '../http/server.ts';
import { networkState } from '../lib/confine/confine.ts';
import { OxbowError } from '../lib/errors.ts';
import { many } from '../lib/text/many.ts';
import { createHealth, type Health } from '../observe/health.ts';
import { ClockWatch, loopCheck, memoryCheck } from '../observe/host-health.ts';
import { checkDisk } from '../streams/disk.ts';
import { checkStreams, readGauges } from '../streams/gauges.ts';
import { describeRetention } from '../streams/record/open-horizons.ts';

/** The checks, and the clock watch, which the gauges share. */
interface Checks {
  readonly health: Health;
  readonly clockWatch: ClockWatch;
}

/** Registers all checks. */
export function openChecks(
  { shutdown, clock, metrics, services }: AppContext,
  { store, disk, recordings, catalog, nodes }: Pick<Parts, 'store' | 'disk' | 'recordings' | 'catalog' | 'nodes'>,
): Checks {
  const health = createHealth();
  const clockWatch = new ClockWatch(clock, () => metrics.clockSteps.inc());
  const lag = loopCheck(() => metrics.loopLagS);
  // A server that is lost stops neither live streams nor recording: what cannot be written waits.
  health.register('database', () => store.check().then(() => undefined), { degrades: store.engine !== 'sqlite' });
  for (const shard of store.shards) {
    const check = () => shard.check().then(() => undefined);
    health.register(`database ${shard.name}`, check, { ready: false, degrades: true });
  }
  health.register(
    'disk',
    () =>
      checkDisk(
        disk.now(),
        catalog.all.map(({ status }) => status),
      ),
    { degrades: true },
  );
  health.register('memory', memoryCheck(), { ready: false });
  health.register('event loop', lag, { ready: false });
  health.register('clock', clockWatch.check, { ready: false });
  health.register('retention', () => describeRetention(recordings.horizons), { ready: false });
  health.register('sources', () => checkStreams(catalog, clock.nowMs()), { ready: false, degrades: true });
  health.register('children', async () => (await networkState()).text, { ready: false });
  health.register('services', () => services.check(), { ready: false, degrades: true });
  if (nodes) health.register('nodes', () => nodes.list.check(), { ready: false, degrades: true });
  health.register('streams', () => {
    if (shutdown.isDraining) throw new OxbowError('not-ready', 'oxbow is shutting down.');
    if (!catalog.isOpen) throw new OxbowError('not-ready', 'oxbow is recovering the recordings.');
    return many(catalog.all.length, 'stream');
  });
  return { health, clockWatch };
}

/** Sets the gauges at each scrape. */
export function openGauges(
  { opened, metrics }: AppContext,
  parts: Pick<Parts, 'net' | 'disk' | 'recordings' | 'catalog' | 'jobs' | 'jobKinds' | 'workers' | 'delivery'>,
  { clockWatch, http }: Pick<Checks, 'clockWatch'> & { readonly http: Pick<HttpServer, 'blockBytes'> },
): void {
  const { net, disk, recordings, catalog, jobs, jobKinds, workers, delivery } = parts;
  const stop = readGauges({
    metrics,
    catalog,
    viewers: delivery.viewers,
    forecast: disk.forecast,
    clockWatch,
    net,
    jobs,
    jobKinds,
    workers,
    horizons: recordings.horizons,
    blockBytes: () => recordings.reader.blockBytes + http.blockBytes,
    disk: disk.now,
    children: childCounts,
  });
  opened.defer(stop);
}

/** Tries once what the system allows; the start does not wait for it. */
export function openChildren({
  config,
  metrics,
  log,
  failed,
}: Pick<AppContext, 'config' | 'metrics' | 'log' | 'failed'>): void {
  const { network } = config.children;
  networkState().then(({ state, text }) => {
    metrics.childrenWithoutNetwork.set(state === 'isolated' ? 1 : 0);
    if (state === 'unavailable') log[network === 'required' ? 'error' : 'info']({ setting: 'children.network' }, text);
  }, failed('the isolation of child processes'));
}
