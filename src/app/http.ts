/**
 * Opens HTTP over everything else, and announces the server to other processes.
 * In: all that is open. Out: HttpServer.
 */
import { fileURLToPath } from 'node:url';
import { printRfc3339 } from '../api/instant.ts';
import { steeringOf } from '../delivery/format/pathways.ts';
import { findWindow } from '../delivery/live/quality-window.ts';
import { unruled } from '../delivery/rules/viewer-guard.ts';
import type { ServedStream } from '../delivery/served-stream.ts';
import type { AppContext, Parts } from '../features/core.ts';
import type { HttpDeps } from '../http/deps.ts';
import { type HttpServer, startHttp } from '../http/server.ts';
import { messageOf } from '../lib/errors.ts';
import { packageFile } from '../lib/program-files.ts';
import { version } from '../lib/version.ts';
import { RefusalLog } from '../observe/refusal-log.ts';
import { SystemDay } from '../observe/system-day.ts';
import type { ClaimedPort } from '../serve/claimed-port.ts';
import { certificateFiles } from '../serve/tls/tls-certificate.ts';
import { announceRunning, describeRunning } from '../store/running.ts';
import { createPublishKeysApi } from '../streams/publish/publish-keys-api.ts';
import { describeSystem } from '../streams/system-view.ts';
import type { ServerViews } from './cluster/one-server.ts';
import { describeStorage } from './disk.ts';
import { additions, routes } from './features.ts';

type ServedParts = Omit<Parts, 'store' | 'changes' | 'net' | 'cluster' | 'nodes' | 'placement' | 'ownEvents'>;

/** What answers for other servers and nodes, and the features. */
type Elsewhere = Pick<HttpDeps, 'features' | 'nodes' | 'otherNodes' | 'internalRequests'> & {
  readonly views: ServerViews;
};

/**
 * Listens. Requests for streams that are not open yet are refused with `not-ready`.
 *
 * @throws OxbowError `port-taken`, `bad-setting`
 */
export async function openHttp(
  app: AppContext,
  parts: ServedParts,
  elsewhere: Elsewhere,
  claimed?: ClaimedPort,
): Promise<HttpServer> {
  const { config, dataFolder, process: part, opened } = app;
  const { catalog, recordings, delivery } = parts;
  const startedMs = app.clock.nowMs();
  const http = await startHttp({
    listen: config.http,
    tls: certificateFiles(config.tls),
    claimed,
    isShared: part?.link.start.ports.http !== undefined,
    siblings: part && { internal: part.internal, connection: part.link.connection },
    routes,
    additions,
    threads: {
      count: config.threads,
      mediaFolder: dataFolder,
      steering: steeringOf(config),
      cachedSegments: delivery.segmentCache.added,
      forgotten: recordings.deleted,
      find: (name) => findWindow<ServedStream>((stream) => unruled(catalog.find(stream)?.served), name),
    },
    deps: httpDepsOf(app, parts, elsewhere),
  });
  opened.defer(() => http.close());
  if (!part) await announce(app, http, startedMs); // a supervisor announces itself
  return http;
}

/** What this process says of itself. */
export function openOwnViews(
  app: AppContext,
  {
    disk,
    catalog,
    health,
    recordings: { objects, folders },
  }: Pick<Parts, 'disk' | 'catalog' | 'health' | 'recordings'>,
): ServerViews {
  const { clock, logs, metrics } = app;
  const startedMs = clock.nowMs();
  const day = openDay(app, disk);
  return {
    metrics: () => metrics.print(),
    system: () => describeSystem(clock, startedMs, disk.now(), catalog, metrics),
    history: async () => day.history(),
    logs: async (wish) => logs.read(wish),
    health: () => health.checkHealth(),
    async storage() {
      const [bytes, growing] = await Promise.all([catalog.recordings.bytes(), catalog.recordings.growing()]);
      return { bytes, growing, folders: folders?.describe() ?? [], objectStores: (await objects?.describe?.()) ?? [] };
    },
  };
}

function openDay({ clock, opened }: AppContext, disk: Parts['disk']): SystemDay {
  const cpuSeconds = () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  };
  const diskUsed = () => disk.now().total - disk.now().free;
  return opened.use(new SystemDay(clock, { cpuSeconds, diskUsed }));
}

function httpDepsOf(
  { config, settings, clock, log, metrics, telemetry }: AppContext,
  parts: ServedParts,
  { views, ...elsewhere }: Elsewhere,
): HttpDeps {
  const {
    bus,
    eventLog,
    countries,
    webhooks,
    hooks,
    disk,
    recordings,
    streams,
    catalog,
    streamsApi,
    jobs,
    workers,
    encoders,
    leasedJobs,
    jobMedia,
    assets,
    health,
    accounts,
    delivery,
    publishPorts,
    rtp,
    webrtc,
    uploads,
    uploadCreation,
  } = parts;
  const { answer, lookup, viewers, defaultStream } = delivery;
  return {
    ...accounts,
    publishKeys: createPublishKeysApi(accounts.access.publishKeys, catalog, settings),
    ...elsewhere,
    publishPorts,
    rtp,
    webrtc,
    streams: streamsApi,
    countryHeader: config.watchRules.countryHeader,
    countries,
    jobs,
    workers,
    encoders,
    leasedJobs,
    jobMedia,
    uploads,
    uploadCreation,
    assets,
    clips: hooks.clips,
    edgePurges: hooks.edgePurges,
    steering: hooks.steering,
    abilities: hooks.abilities,
    events: bus,
    eventLog,
    webhooks,
    lookup,
    answer,
    defaultStream,
    viewers,
    reader: recordings.reader,
    ...(recordings.objects && { presign: recordings.objects.presign }),
    ...(recordings.objects?.direct && { direct: recordings.objects.direct }),
    storage: async () => describeStorage(disk, await views.storage(), settings.now.record.maxDisk),
    settings: { list: () => settings.rows(), change: (texts) => parts.storedSettings.change(texts) },
    logs: { read: views.logs },
    printMetrics: views.metrics,
    system: async () => ({ ...(await views.system()), waitingForRestart: [...settings.waiting] }),
    systemHistory: views.history,
    probe: streams.probe,
    trustedProxies: config.trustedProxies,
    traceCallers: config.telemetry.callers,
    hosts: config.hosts,
    publicUrl: config.publicUrl,
    altSvc: config.altSvc,
    health: { ...health, checkHealth: views.health },
    metrics,
    refusals: new RefusalLog({ log, clock }, 'requests were refused', (code) => metrics.refusals.inc({ code })),
    telemetry,
    clock,
    log,
    version,
    webRoot: fileURLToPath(packageFile('web/dist')),
    staticUrl: config.staticUrl,
  };
}

/** Other commands find the server by its data folder until it ends. */
async function announce(
  { config, dataFolder, opened, log }: AppContext,
  http: HttpServer,
  startedMs: number,
): Promise<void> {
  const announcing = announceRunning(dataFolder, describeRunning(config, http.url, printRfc3339(startedMs)));
  try {
    opened.use(await announcing);
  } catch (error) {
    // A full disk ends no live stream.
    log.warn(
      { error: messageOf(error) },
      'the address of this server was not stored; other commands will not find it by the data folder',
    );
  }
}
