/**
 * Opens HTTP over everything else, and announces the server to other processes.
 * In: all that is open. Out: HttpServer.
 */
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { printRfc3339 } from '../api/instant.ts';
import { findWindow } from '../delivery/live/quality-window.ts';
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
import { announceRunning } from '../store/running.ts';
import { createPublishKeysApi } from '../streams/publish/publish-keys-api.ts';
import { describeSystem } from '../streams/system-view.ts';
import { describeStorage } from './disk.ts';
import { additions, routes } from './features.ts';

type ServedParts = Omit<Parts, 'store' | 'changes' | 'net' | 'cluster' | 'nodes' | 'placement' | 'ownEvents'>;

/** What answers for other servers and nodes, and the features. */
type Elsewhere = Pick<HttpDeps, 'features' | 'nodes' | 'otherNodes' | 'internalRequests'>;

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
  const { config, dataFolder, opened } = app;
  const { catalog, recordings, delivery } = parts;
  const startedMs = app.clock.nowMs();
  const http = await startHttp({
    listen: config.http,
    tls: certificateFiles(config.tls),
    claimed,
    routes,
    additions,
    threads: {
      count: config.threads,
      mediaFolder: dataFolder,
      cachedSegments: delivery.segmentCache.added,
      forgotten: recordings.deleted,
      find: (name) => findWindow<ServedStream>((stream) => catalog.find(stream)?.served, name),
    },
    deps: httpDepsOf(app, parts, elsewhere, startedMs, openDay(app, parts.disk)),
  });
  opened.defer(() => http.close());
  await announce(app, http, startedMs);
  return http;
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
  { config, settings, clock, log, logs, metrics, telemetry }: AppContext,
  parts: ServedParts,
  elsewhere: Elsewhere,
  startedMs: number,
  day: SystemDay,
): HttpDeps {
  const {
    bus,
    webhooks,
    hooks,
    disk,
    recordings,
    streams,
    catalog,
    streamsApi,
    jobs,
    workers,
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
    jobs,
    workers,
    leasedJobs,
    jobMedia,
    uploads,
    uploadCreation,
    assets,
    clips: hooks.clips,
    edgePurges: hooks.edgePurges,
    abilities: hooks.abilities,
    events: bus,
    webhooks,
    lookup,
    answer,
    defaultStream,
    viewers,
    reader: recordings.reader,
    ...(recordings.objects && { presign: recordings.objects.presign }),
    storage: async () => {
      const objectStores = (await recordings.objects?.describe?.()) ?? [];
      const folders = recordings.folders?.describe() ?? [];
      return describeStorage(disk, catalog, settings.now.record.maxDisk, { folders, objectStores });
    },
    settings: { list: () => settings.rows(), change: (texts) => parts.storedSettings.change(texts) },
    logs,
    system: async () => ({
      ...(await describeSystem(clock, startedMs, disk.now(), catalog, metrics)),
      waitingForRestart: [...settings.waiting],
    }),
    systemHistory: () => day.history(),
    probe: streams.probe,
    trustedProxies: config.trustedProxies,
    traceCallers: config.telemetry.callers,
    hosts: config.hosts,
    publicUrl: config.publicUrl,
    health,
    metrics,
    refusals: new RefusalLog({ log, clock }, 'requests were refused', (code) => metrics.refusals.inc({ code })),
    telemetry,
    clock,
    log,
    version,
    webRoot: fileURLToPath(packageFile('web/dist')),
  };
}

/** Other commands find the server by its data folder until it ends. */
async function announce(
  { config, dataFolder, opened, log }: AppContext,
  http: HttpServer,
  startedMs: number,
): Promise<void> {
  const announcing = announceRunning(dataFolder, {
    pid: process.pid,
    startedAt: printRfc3339(startedMs),
    version,
    http: http.url,
    ...(http.url.startsWith('https:') && { certificate: resolve(config.tls.cert) }),
    ...(config.publicUrl !== undefined && { publicUrl: config.publicUrl.replace(/\/+$/, '') }),
  });
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
