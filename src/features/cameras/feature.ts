/**
 * Cameras over ONVIF: found in the network, added as streams, their events on the timeline, moved by viewers
 * with the right. A stream without a camera has nothing of it.
 * In: streams, rows, requests. Out: the feature. docs/2-sources/cameras.md, docs/decisions/0119.
 */
import { cameraEvents } from '../../api/cameras/camera-events.ts';
import { withoutForeign } from '../../cluster/bus/shadow.ts';
import { streamRoutes } from '../../http/routes/streams/streams.ts';
import { OncePer } from '../../lib/once-per.ts';
import type { AppContext } from '../core.ts';
import { type CoreParts, defineFeature, type OpenFeature } from '../feature.ts';
import { CameraMover } from './camera-mover.ts';
import { CameraTable, type StoredCamera } from './camera-table.ts';
import { CameraWatch } from './camera-watch.ts';
import { Cameras, type CameraWork } from './cameras.ts';
import { MadeByMoments, type MadeParts } from './made-by-moments.ts';
import { cameraMetrics } from './metrics.ts';
import { cameraRefusals } from './refusals.ts';
import { cameraRoutes } from './routes.ts';
import { camerasSection } from './settings.ts';

/** Failures of cameras are logged at most this often, ms. */
const REPORT_EVERY_MS = 60_000;

/** Opens it; cameras are watched from `start` on. */
async function openCameras(app: AppContext, parts: CoreParts): Promise<OpenFeature<Cameras>> {
  const { settings, clock, log, metrics, opened, shutdown, failed } = app;
  const { store, net, bus, catalog, streamsApi, recordings, accounts, hooks, placement } = parts;
  const table = new CameraTable(store.db, accounts.access.box('cameras'));
  const reported = new OncePer(REPORT_EVERY_MS, () => clock.monotonicMs());
  const made: MadeParts = {
    table,
    markers: recordings.markers,
    clips: () => hooks.clipMaker,
    events: bus,
    stream: (id) => catalog.definitionOf(id),
    failed: (error, stream) =>
      reported.call((more) => log.warn({ error, stream, more }, 'an event of a camera made no marker or clip')),
  };
  const cameras = new Cameras({
    table,
    net,
    clock,
    catalog,
    streams: streamsApi,
    probe: () => settings.now.cameras.probe,
    signal: shutdown.signal,
    open: (camera) => openWork(app, parts, { made, reported, camera }),
  });
  const report = failed('the cameras of streams');
  const subscription = await withoutForeign(bus).subscribe({
    event({ event }) {
      if (event.type === 'stream.removed') cameras.open().catch(report);
      else if (event.type === 'stream.live' && event.stream !== null) cameras.lives(event.stream).catch(report);
    },
  });
  opened.use(cameras);
  opened.defer(() => subscription.close());
  opened.defer(placement.moved.subscribe(({ kind }) => kind === 'stream' && cameras.moves().catch(report)));
  opened.defer(metrics.beforeScrape(() => metrics.camerasWatched.set({}, cameras.watched)));
  return {
    own: cameras,
    async start() {
      await table.resealAll().catch(report); // what is sealed with an earlier key is read all the same
      await cameras.open().catch(report);
    },
  };
}

interface WorkParts {
  readonly made: MadeParts;
  readonly reported: OncePer;
  readonly camera: () => StoredCamera;
}

/** What runs for one camera. */
function openWork(
  { clock, log, metrics }: AppContext,
  { net }: CoreParts,
  { made, reported, camera }: WorkParts,
): CameraWork {
  const makes = new MadeByMoments(made, camera);
  const watch = new CameraWatch(
    {
      net,
      clock,
      metrics,
      took: (moment) => makes.take(moment),
      left: () => makes.left(),
      tick: (nowMs) => makes.makeDue(nowMs),
      dueMs: () => makes.dueMs,
    },
    camera,
  );
  const failed = (error: unknown) => reported.call((more) => log.warn({ error, more }, 'a camera did not move'));
  const mover = new CameraMover({ net, clock, failed }, camera);
  let running: { readonly ends: AbortController; readonly ended: Promise<void> } | undefined;
  const leave = async () => {
    if (!running) return false;
    const { ends, ended } = running;
    running = undefined;
    ends.abort();
    await ended;
    return true;
  };
  return {
    watch,
    mover,
    start() {
      if (running) return;
      const ends = new AbortController();
      running = { ends, ended: watch.run(ends) };
    },
    async stop() {
      if (!(await leave())) return;
      await watch.finish();
      await makes.makeRest(clock.nowMs());
    },
    async [Symbol.asyncDispose]() {
      // Moments that are open stay in their rows: the next owner of the stream continues them.
      await Promise.all([leave(), mover[Symbol.asyncDispose]()]);
    },
  };
}

/** The feature. */
export const cameras = defineFeature({
  name: 'cameras',
  routes: cameraRoutes,
  after: streamRoutes,
  adds: {
    settings: { cameras: camerasSection },
    refusals: cameraRefusals,
    metrics: cameraMetrics,
    events: cameraEvents,
  },
  open: openCameras,
});
