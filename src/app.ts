/**
 * Puts oxbow together: the only file that knows which implementation is used. Starts in order, closes in reverse.
 * In: settings. Out: a running server. docs/closing.md says who closes whom.
 */
import { access, constants } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { openAccess } from './accounts/access.ts';
import { accountTables } from './accounts/account-tables.ts';
import { signInPath } from './accounts/sign-in-links.ts';
import { printRfc3339 } from './api/instant.ts';
import type { StorageView } from './api/operate-shapes.ts';
import { openLocalSegmentStore } from './archive/local-segment-store.ts';
import { openRangeReader } from './archive/range-reader.ts';
import type { SegmentPrefix } from './archive/segment-store.ts';
import { createSyncQueue, timeSyncs } from './archive/sync-queue.ts';
import { Leases } from './cluster/lease.ts';
import { createLocalEventBus } from './cluster/local-event-bus.ts';
import { createLocalLeases } from './cluster/local-leases.ts';
import type { Config } from './config/schema.ts';
import { type SettingFacts, SettingsInForce } from './config/settings-in-force.ts';
import { createAnswer } from './delivery/answer.ts';
import { KnownSegments } from './delivery/known-segments.ts';
import { createLiveNow } from './delivery/live-now.ts';
import { Stills } from './delivery/stills.ts';
import { Viewers } from './delivery/viewers.ts';
import { childCounts } from './ffmpeg/child-process.ts';
import { closeEngine, makeStill } from './ffmpeg/engine.ts';
import { createLocalSignIn } from './http/local-sign-in.ts';
import { RateLimits } from './http/rate-limit.ts';
import { startHttp } from './http/server.ts';
import { certificateFiles } from './http/tls-certificate.ts';
import { TokenTries } from './http/token-tries.ts';
import type { PublisherClaims } from './ingest/publisher.ts';
import { openJobs } from './jobs/open-jobs.ts';
import { sleep } from './lib/abort.ts';
import { createSystemClock } from './lib/clock.ts';
import { messageOf, OxbowError } from './lib/errors.ts';
import { Emitter } from './lib/events.ts';
import { makeFolder } from './lib/folder.ts';
import { GarbageWatch } from './lib/garbage-watch.ts';
import { version } from './lib/version.ts';
import { createNet } from './net/net.ts';
import { DiskForecast } from './observe/disk-forecast.ts';
import { createHealth } from './observe/health.ts';
import { ClockWatch, loopCheck, memoryCheck } from './observe/host-health.ts';
import { createLog, type Log } from './observe/log.ts';
import { LogRing } from './observe/log-ring.ts';
import { createMetrics } from './observe/metrics.ts';
import { noTelemetry, openTelemetry } from './observe/telemetry.ts';
import { ChunkTable } from './recording/chunk-table.ts';
import { MarkerTable } from './recording/marker-table.ts';
import { PinTable } from './recording/pin-table.ts';
import { runRetention } from './recording/retention.ts';
import { openStore } from './store/db.ts';
import { announceRunning } from './store/running.ts';
import { createStreamsApi } from './streams/api.ts';
import { Catalog } from './streams/catalog.ts';
import { checkDisk, type Disk, describeDisk, NO_ROOM, watchDisk } from './streams/disk.ts';
import { ExportJobs } from './streams/export-jobs.ts';
import { checkStreams, readGauges } from './streams/gauges.ts';
import type { House } from './streams/house.ts';
import { describeRetention, openHorizons } from './streams/open-horizons.ts';
import { openMsnMarks } from './streams/open-msn-marks.ts';
import { createProber } from './streams/probe-desk.ts';
import { DATABASE_FILE } from './streams/rebuild.ts';
import { runSource } from './streams/sources.ts';
import { adoptRecordings } from './streams/stream-table.ts';
import { describeSystem } from './streams/system-view.ts';
import { WebhookTable } from './webhooks/webhook-table.ts';
import { Webhooks } from './webhooks/webhooks.ts';

/** A server that runs. */
export interface RunningApp {
  /** Where HTTP really listens, e.g. `http://127.0.0.1:8080`. */
  readonly httpUrl: string;
  /** Where protocol servers publish, and programs that contain oxbow. */
  readonly publishers: PublisherClaims;
  /** Path of a one-time link that signs a browser in, while nobody has signed in yet. */
  readonly signIn: string | undefined;
  /** For whoever owns the app. */
  readonly log: Log;
  /**
   * Takes changed settings over. Those that need a restart must be as they were.
   *
   * @throws OxbowError `not-ready` while closing
   */
  reconfigure(config: Config, facts?: SettingFacts): Promise<void>;
  /**
   * Stops taking requests, ends sources, seals files, closes everything. May be called twice.
   *
   * @param reason for the log, e.g. `SIGTERM`
   */
  close(reason: string): Promise<void>;
}

/** How a start differs. */
interface StartOptions {
  readonly signal: AbortSignal;
  readonly origins?: ReadonlyMap<string, string>;
  readonly shown?: Promise<void> | undefined;
}

/**
 * Starts oxbow.
 *
 * @param options.origins where each setting was set, by its path, for whoever looks at them
 * @param options.shown the log waits for it: the start has told a person what is where
 * @param options.signal ends a start that is under way; a running app ends by `close`
 * @throws OxbowError `port-taken`, `folder-unwritable`, `data-in-use` and what settings may be refused with
 */
export async function startApp(
  config: Config,
  { signal, origins = new Map(), shown }: StartOptions,
): Promise<RunningApp> {
  const settings = new SettingsInForce(config, origins);
  await using opened = new AsyncDisposableStack();
  const running = new AbortController();
  opened.defer(() => running.abort(new DOMException('oxbow is shutting down', 'AbortError')));
  const dataFolder = path.resolve(config.data);
  await openFolder(dataFolder);

  const clock = createSystemClock();
  const metrics = opened.use(createMetrics());
  opened.use(new GarbageWatch());
  const logs = new LogRing(clock.nowMs());
  const log = createLog({
    level: settings,
    format: config.logFormat,
    fd: 2,
    after: shown,
    onWritten: (line) => logs.take(line),
    onLine: (level) => metrics.logLines.inc({ level }),
    onSuppressed: (reason) => metrics.logSuppressed.inc({ reason }),
  });
  opened.defer(() => log.flush());
  let stop: { readonly reason: string; readonly atMs: number } | undefined;
  opened.defer(() => {
    if (stop) log.info({ reason: stop.reason, tookMs: Math.round(clock.monotonicMs() - stop.atMs) }, 'oxbow stopped');
  });
  const { otlp, sample, slowQuery } = config.telemetry;
  const telemetry =
    otlp === undefined
      ? noTelemetry
      : await openTelemetry({
          ...{ endpoint: otlp, sample: sample / 100, nowMs: () => clock.nowMs() },
          onSpan: (kind) => metrics.spans.inc({ kind }),
        });
  opened.use(telemetry);
  const onWait = (seconds: number, sql: string) => {
    metrics.databaseWaitSeconds.observe(seconds);
    if (seconds * 1000 < slowQuery) return;
    telemetry.ended({
      ...{ kind: 'database', name: sql.slice(0, sql.indexOf(' ')).toUpperCase(), tookMs: seconds * 1000 },
      attributes: { 'db.system.name': 'sqlite', 'db.query.text': sql.slice(0, 2000) },
    });
  };
  const store = opened.use(await openStore({ file: path.join(dataFolder, DATABASE_FILE), log, onWait }));
  const syncQueue = timeSyncs(createSyncQueue(), (seconds) => metrics.syncSeconds.observe(seconds));
  const segments = opened.use(openLocalSegmentStore({ folder: dataFolder, syncQueue }));
  const adopted = await adoptRecordings(store.db, segments, { onlyIfEmpty: true });
  if (adopted > 0) log.warn({ streams: adopted }, 'the database was empty; streams were found in the recordings');

  const failed = (what: string) => (error: unknown) => log.error({ error: messageOf(error) }, `${what} failed`);
  const bus = createLocalEventBus({ clock, failed: failed('a subscriber to events'), counters: metrics });
  const onReply = (seconds: number, host: string, status: number, traceparent: string | undefined) => {
    metrics.sourceFetchSeconds.observe(seconds);
    telemetry.ended({
      ...{ kind: 'fetch', name: 'GET', tookMs: seconds * 1000, traceparent },
      attributes: { 'server.address': host, 'http.response.status_code': status },
    });
  };
  const net = opened.use(createNet({ allow: config.net.allow, userAgent: `oxbow/${version}`, onReply }));
  const webhooks = opened.use(
    await Webhooks.open({
      ...{ table: new WebhookTable(store.db), bus, net, clock, sleep, telemetry },
      ended: (state) => metrics.webhookDeliveries.inc({ state }),
      failed: failed('a webhook'),
    }),
  );
  bus.publish('server.starting', { version });
  const forecast = new DiskForecast();
  const disk = await watchDisk(dataFolder, settings, {
    signal: running.signal,
    failed: failed('looking at the disk'),
    looked: ({ free }) => forecast.add(clock.monotonicMs(), free),
    changed(now) {
      const { free, total, hasRoom } = now;
      if (hasRoom) log.info({ free, total }, 'the disk has room again: recording continues');
      else log.error({ free, total, least: now.least }, describeDisk(now));
      bus.publish(hasRoom ? 'disk.ok' : 'disk.low', { free, total });
    },
  });
  opened.defer(async () => {
    running.abort(new DOMException('oxbow is shutting down', 'AbortError'));
    await disk.done;
  });
  const sources = {
    awaitReturn: true,
    ...{ settings, clock, log, metrics, net },
  };
  const reader = opened.use(openRangeReader(segments));
  const known = new KnownSegments(reader);
  /** Stored media that is deleted. */
  const forgotten = new Emitter<SegmentPrefix>();
  const table = new ChunkTable(store.db);
  const msnMarks = opened.use(await openMsnMarks({ dataFolder, store, table, clock, log }));
  const horizons = await openHorizons({ store, table, clock, log });
  const house: House = {
    ...{ settings, segments, clock, log, metrics, store, table, msnMarks, horizons },
    leases: new Leases({ store: createLocalLeases(clock), clock, failed: failed('a lease') }),
    pins: await PinTable.open(store.db),
    markers: new MarkerTable(store.db),
    events: bus,
    runSource: (definition, input, options) => runSource(sources, definition, input, options),
    mayWrite: () => disk.now().hasRoom,
    noRoom: () => (disk.now().hasRoom ? '' : NO_ROOM),
    release(prefix) {
      reader.forget(prefix);
      forgotten.emit(prefix);
    },
  };
  opened.defer(() => closeEngine());
  const catalog = new Catalog(house, { signal: AbortSignal.any([signal, running.signal]) });
  opened.defer(() => catalog.close());
  const { jobs } = opened.use(
    await openJobs({
      ...{ db: store.db, clock, events: bus, metrics, telemetry, settings: config.jobs },
      failed: failed('a job'),
    }),
  );
  const exports = new ExportJobs({
    ...{ jobs, catalog, table: house.table, reader, clock, dataFolder, settings, mayWrite: house.mayWrite },
  });
  jobs.register(exports.kind);
  const stills = new Stills({ makeStill, reader, signal: running.signal });

  const health = createHealth();
  health.register('database', () => store.check().then(() => undefined));
  health.register('disk', () => checkDisk(disk.now()), { degrades: true });
  health.register('memory', memoryCheck(), { ready: false });
  health.register(
    'event loop',
    loopCheck(() => metrics.loopLagS),
    { ready: false },
  );
  const clockWatch = new ClockWatch(clock, () => metrics.clockSteps.inc());
  health.register('clock', clockWatch.check, { ready: false });
  health.register('retention', () => describeRetention(horizons), { ready: false });
  health.register('sources', () => checkStreams(catalog), { ready: false, degrades: true });
  const startedMs = clock.nowMs();
  const viewers = new Viewers({ nowMs: () => clock.monotonicMs(), onOver: () => metrics.viewersOver.inc() });
  const streams = createStreamsApi(house, catalog, (name) => viewers.of(name));
  const defaultStream = () => defaultStreamOf(settings.now, catalog);
  const access = await openAccess({
    ...{ tables: accountTables(store.db), dataFolder, clock },
    ...{ adminToken: config.adminToken, watchSecret: config.watchSecret },
    targetDurationMs: (name) => targetDurationMs(catalog, name),
  });
  const limits = new RateLimits(() => clock.monotonicMs());
  const http = await startHttp({
    listen: config.http,
    tls: certificateFiles(config.tls),
    threads: {
      ...{ count: config.threads, mediaFolder: dataFolder, places: known.found, forgotten },
      find: (name) => catalog.find(name),
    },
    deps: {
      streams,
      ...{ jobs, exports },
      events: bus,
      webhooks,
      now: createLiveNow((name) => catalog.find(name), known),
      answer: createAnswer({
        find: (name) => catalog.lookUp(name),
        clock,
        reader,
        known,
        stills,
        metrics,
        defaultStream() {
          const name = defaultStream();
          if (name === undefined) catalog.assertOpen();
          return name;
        },
      }),
      defaultStream,
      reader,
      storage: async () => describeStorage(disk.now(), await catalog.recordedBytes(), forecast),
      settings: () => settings.rows(),
      logs,
      system: async () => ({
        ...(await describeSystem(clock, startedMs, disk.now(), catalog, metrics)),
        waitingForRestart: [...settings.waiting],
      }),
      probe: createProber(sources, running.signal),
      viewers,
      access,
      localSignIn: createLocalSignIn({ reach: config, mode: config.localSignIn, dataFolder }),
      limits,
      tokenTries: new TokenTries(limits, () => clock.monotonicMs()),
      trustedProxies: config.trustedProxies,
      hosts: config.hosts,
      publicUrl: config.publicUrl,
      health,
      metrics,
      telemetry,
      clock,
      log,
      version,
      webRoot: fileURLToPath(new URL('../web/dist', import.meta.url)),
    },
  });
  opened.defer(() => http.close());
  opened.use(
    announceRunning(dataFolder, {
      ...{ pid: process.pid, startedAt: printRfc3339(startedMs), http: http.url },
      ...(config.publicUrl !== undefined && { publicUrl: config.publicUrl.replace(/\/+$/, '') }),
    }),
  );
  opened.defer(
    readGauges({
      ...{ metrics, catalog, viewers, forecast, clockWatch, net, queue: jobs.queue, horizons },
      blockBytes: () => reader.blockBytes + http.blockBytes,
      disk: () => disk.now(),
      children: childCounts,
    }),
  );
  let openedStreams = false;
  health.register('streams', () => {
    if (running.signal.aborted) throw new OxbowError('not-ready', 'oxbow is shutting down');
    if (!openedStreams) throw new OxbowError('not-ready', 'the recordings are being looked through');
    return `${catalog.all.length} streams`;
  });
  await catalog.open();
  openedStreams = true;
  await jobs.work();
  const expiring = jobs.expire({ signal: running.signal });
  opened.defer(async () => {
    running.abort(new DOMException('oxbow is shutting down', 'AbortError'));
    await expiring;
  });
  const retention = runRetention(
    {
      ...{ segments, table, clock },
      streams: () => catalog.keeping,
      pinned: (streamId) => house.pins.ranges(streamId),
      settings,
      openBytes: () => catalog.openBytes,
      open: (streamId) => catalog.oldestOpen(streamId),
      horizons,
      forgot: (streamId, us) => catalog.forgot(streamId, us),
      release: house.release,
      deleted: (files, bytes) => {
        metrics.retentionDeletions.inc(files);
        log.info({ files, bytes }, 'old recordings were deleted: record.keep (--keep) or record.maxDisk (--max-disk)');
      },
      failed: failed('retention'),
    },
    { signal: running.signal },
  );
  opened.defer(async () => {
    running.abort(new DOMException('oxbow is shutting down', 'AbortError'));
    await retention;
  });
  opened.defer(() => bus.flush());
  opened.defer(() => bus.publish('server.ending', {})); // first of all, while the subscribers are still connected
  const isNew = access.sessions.all.length === 0;
  const signIn = isNew ? signInPath((await access.links.make()).code) : undefined;
  signal.throwIfAborted();
  log.info({ http: http.url, data: dataFolder, version }, 'oxbow runs');

  const owned = opened.move();
  let closing: Promise<void> | undefined;
  return {
    httpUrl: http.url,
    publishers: catalog,
    signIn,
    log,
    async reconfigure(next, facts) {
      settings.take(next, facts);
      await catalog.configure(next.streams);
    },
    close(reason) {
      if (!closing) {
        stop = { reason, atMs: clock.monotonicMs() };
        log.info({ reason }, 'oxbow stops');
        closing = owned.disposeAsync();
      }
      return closing;
    },
  };
}

function targetDurationMs(catalog: Catalog, name: string): number | undefined {
  const seconds = catalog.find(name)?.list.generation?.targetDurationS;
  return seconds === undefined ? undefined : seconds * 1000;
}

async function openFolder(folder: string): Promise<void> {
  try {
    makeFolder(folder);
    await access(folder, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new OxbowError('folder-unwritable', `${folder}: ${messageOf(error)}`, { cause: error });
  }
}

/** The stream behind addresses that name none: the one that is set, else the first of the settings, else the one made first. */
function defaultStreamOf({ defaultStream, streams }: Config, catalog: Catalog): string | undefined {
  if (defaultStream !== '') return defaultStream;
  const [configured] = Object.keys(streams);
  return configured ?? [...catalog.all].sort((a, b) => a.createdUs - b.createdUs)[0]?.name;
}

function describeStorage({ free, total, hasRoom }: Disk, recordings: number, forecast: DiskForecast): StorageView {
  const { growth, fullInSeconds } = forecast;
  return {
    free,
    total,
    hasRoom,
    recordings,
    growth,
    fullInSeconds: Number.isFinite(fullInSeconds) ? fullInSeconds : null,
  };
}
