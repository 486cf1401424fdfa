/**
 * Starts oxbow: opens all parts in order and closes them in reverse. Only this folder chooses
 * implementations.
 * In: settings. Out: a running server. docs/closing.md has the order of closing.
 */
import { noPublishPorts } from '../api/publish/publish-address.ts';
import { createSolePlacement } from '../cluster/placement/placement.ts';
import { isSpeaker } from '../cluster/processes/process-link.ts';
import { EffectiveSettings, type SettingFacts } from '../config/running/effective-settings.ts';
import type { Config } from '../config/schema.ts';
import type { NodeRole } from '../config/sections/cluster-section.ts';
import type { AppContext, ServerProcess } from '../features/core.ts';
import { closeInOrder, Shutdown } from '../features/shutdown.ts';
import type { HttpServer } from '../http/server.ts';
import type { PublishAccess } from '../ingest/publish-access.ts';
import type { RtpSessions } from '../ingest/rtp/rtp-sessions.ts';
import { version } from '../lib/version.ts';
import type { Log } from '../observe/log.ts';
import type { ClaimedPort } from '../serve/claimed-port.ts';
import { openDataFolder } from '../store/data-folder.ts';
import { createStreamsApi } from '../streams/api.ts';
import { firstSignIn, openAccounts, startAccounts } from './accounts.ts';
import { openCluster } from './cluster/cluster.ts';
import { openEpoch, startEpoch } from './cluster/epoch.ts';
import { openNats } from './cluster/nats.ts';
import { announceProcess, openInternalRequests, openNodes, startNodes } from './cluster/nodes.ts';
import { answerView, viewsOfServer } from './cluster/one-server.ts';
import { configOfProcess, openOwnFolder } from './cluster/processes.ts';
import { openCountries } from './countries.ts';
import { openDelivery } from './delivery.ts';
import { openDisk } from './disk.ts';
import { openEncoders } from './encoders.ts';
import { openErrorReports } from './errors.ts';
import { openEvents } from './events.ts';
import { createHooks, type OpenFeatures, openFeatures } from './features.ts';
import { startFolders } from './files/folders.ts';
import { startOffload } from './files/objects.ts';
import { openChecks, openChildren, openGauges } from './health.ts';
import { openHttp, openOwnViews } from './http.ts';
import { type IngestAddresses, type IngestEndpoints, openIngest, printIngest, withoutIngest } from './ingest.ts';
import { openJobs, openOwnWorker, startJobs } from './jobs.ts';
import { openAssetsApi, openLibrary, startTrash } from './library.ts';
import { useMachinePaths } from './machine.ts';
import { startMeasuring } from './measuring.ts';
import { openNet } from './net.ts';
import { openObservation } from './observation.ts';
import { openProcessing, startProcessing } from './processing.ts';
import { openPublishAccess } from './publish.ts';
import { openRtp } from './realtime/rtp.ts';
import { openRecordings, startRetention } from './recordings.ts';
import { openRowChanges, openStore, openStoredSettings } from './store.ts';
import { openStreams, unwritten } from './streams.ts';
import { openUploads, startUploads } from './uploads.ts';
import { createWebRtc } from './webrtc.ts';

/** A running server. */
export interface RunningApp {
  /** Address on which HTTP listens, e.g. `http://127.0.0.1:8080`. */
  readonly httpUrl: string;
  /** Where protocol servers and embedding programs publish. */
  readonly publishAccess: PublishAccess;
  /** Where encoders publish. */
  readonly ingest: IngestAddresses;
  /** The same as addresses and ports. */
  readonly endpoints: IngestEndpoints;
  /** Path of a one-time sign-in link; undefined if a browser is signed in already. */
  readonly signIn: string | undefined;
  readonly log: Log;
  /**
   * Applies changed settings. Those that need a restart must be unchanged.
   *
   * @throws OxbowError `not-ready` while closing; `bad-setting` for a file that cannot be read, and nothing
   *   has changed
   */
  reconfigure(config: Config, facts?: SettingFacts): Promise<void>;
  /** Reports an exception that nothing has caught; the caller ends the process then. */
  crash(error: unknown): Promise<void>;
  /**
   * Logs that the process ends before `close` has resolved, and of which streams the last media is not on the
   * disk.
   */
  giveUp(): void;
  /**
   * Stops accepting requests, ends sources, seals files, closes everything. May be called twice: the second
   * call ends a drain.
   *
   * @param reason for the log, e.g. `SIGTERM`
   * @param options.drainMs how long everything is still served before that, while /ready is 503 already; 0 by
   *   default
   */
  close(reason: string, options?: { readonly drainMs?: number }): Promise<void>;
}

interface StartOptions {
  readonly signal: AbortSignal;
  readonly origins?: ReadonlyMap<string, string>;
  readonly shown?: Promise<void> | undefined;
  readonly onTaken?: () => void;
  readonly claimed?: ClaimedPort | undefined;
  readonly process?: ServerProcess | undefined;
}

/**
 * Starts oxbow.
 *
 * @param options.origins where each setting was set, by path
 * @param options.shown the log waits for it: the command line prints its text first
 * @param options.onTaken called if another process takes the data folder: close the app
 * @param options.claimed the HTTP port, if it is open already
 * @param options.process this process of several that are one server; undefined: it is the server
 * @param options.signal aborts the start; a running app is ended with `close`
 * @throws OxbowError `port-taken`, `folder-unwritable`, `data-in-use`, `bad-setting`
 */
export async function startApp(
  given: Config,
  { signal, origins = new Map(), shown, onTaken = () => {}, claimed, process: part }: StartOptions,
): Promise<RunningApp> {
  const config = part ? configOfProcess(given, part) : given;
  await using opened = new AsyncDisposableStack();
  signal.throwIfAborted(); // loading the program takes long on a busy machine
  const shutdown = new Shutdown(signal);
  opened.defer(() => shutdown.begin());
  await useMachinePaths(config, origins);
  const settings = new EffectiveSettings(given, origins);
  const dataFolder = await openDataFolder(config.data);
  const observation = await openObservation(config, settings, { opened, shown, process: part });
  const ownFolder = openOwnFolder(dataFolder, part);
  const app: AppContext = { ...observation, config, settings, dataFolder, ownFolder, process: part, opened, shutdown };
  openChildren(app);

  const core = await openCore(app, { signal, onTaken });
  const features = await openFeatures(app, core);
  const served = { ...core, rtp: openRtp(app, core) };
  const http = await openHttp(app, served, await openElsewhere(app, served, features), claimed);
  core.publishPorts.http = Number(new URL(http.url).port || 80);
  await startParts(app, served, features, http);
  const endpoints = await openIngest(does(core, 'ingest') ? app : withoutIngest(app), served);
  const ingest = printIngest(endpoints);
  const { bus } = core;
  opened.defer(() => bus.flush());
  // Before anything closes, so that subscribers receive it.
  if (isSpeaker(part)) opened.defer(() => bus.publish('server.ending', {}));
  const signIn = part && !part.link.start.isFirst ? undefined : await firstSignIn(core.accounts);
  signal.throwIfAborted();
  claimed?.begin();
  app.log.info({ http: http.url, ...ingest, data: dataFolder, version }, 'oxbow runs');
  const { publishAccess } = core;
  const addresses = { httpUrl: http.url, publishAccess, ingest, endpoints, signIn };
  return runningApp(app, core, addresses, opened.move());
}

/** Opens what features and HTTP need, in this order. */
async function openCore(
  app: AppContext,
  { signal, onTaken }: { readonly signal: AbortSignal; readonly onTaken: () => void },
) {
  const store = await openStore(app, { onTaken });
  const changes = openRowChanges(app, store);
  const storedSettings = await openStoredSettings(app, store, changes);
  const net = openNet(app);
  const countries = await openCountries(app);
  const errors = openErrorReports(app, net);
  const nats = await openNats(app);
  const cluster = await openCluster(app, nats);
  const nodes = await openNodes(app, { store, net });
  const epoch = await openEpoch(app, { store, nodes }, onTaken);
  const placement = nodes?.placement ?? createSolePlacement();
  const { bus, ownEvents, eventLog, webhooks } = await openEvents(app, { store, changes, net, cluster });
  const hooks = createHooks();
  const disk = await openDisk(app, bus);
  const recordings = await openRecordings(app, { store, changes, net, bus, disk, nodes }, epoch?.guard);
  const encoders = openEncoders(app);
  const streams = await openStreams(
    app,
    { store, net, bus, disk, recordings, cluster, placement, encoders, hooks },
    { signal },
  );
  const { catalog } = streams;
  const openedJobs = await openJobs(app, { store, bus, recordings, disk }, nats);
  const { jobs, jobKinds, workers, leasedJobs, jobMedia } = openedJobs;
  const library = await openLibrary(app, { store, bus, recordings, placement });
  const processing = openProcessing(app, { store, recordings, jobs, jobKinds, library, placement });
  const openedUploads = await openUploads(app, { store, bus, recordings, disk, library, placement });
  const { health, clockWatch } = openChecks(app, { store, disk, recordings, catalog, nodes });
  const accounts = await openAccounts(app, { store, changes, catalog, net });
  const accessParts = { streams, accounts, bus, nodes, store, changes, recordings, countries };
  const publishAccess = openPublishAccess(app, accessParts);
  const assets = await openAssetsApi(app, { store, recordings, catalog, library, accounts, placement, countries });
  const delivery = openDelivery(app, { recordings, streams, library, hooks });
  const viewersOf = (name: string) => delivery.viewers.of(name);
  const streamsApi = createStreamsApi(streams.deps, streams.control, viewersOf, countries, (...gaps) =>
    hooks.gapNotes(...gaps),
  );
  const publishPorts = noPublishPorts();
  const webrtc = createWebRtc(app, publishAccess, delivery);
  return {
    store,
    changes,
    net,
    countries,
    nodes,
    epoch,
    placement,
    bus,
    ownEvents,
    eventLog,
    disk,
    recordings,
    streams,
    catalog,
    streamsApi,
    jobs,
    jobKinds,
    leasedJobs,
    jobMedia,
    library,
    accounts,
    delivery,
    publishPorts,
    webrtc,
    health,
    hooks,
    storedSettings,
    webhooks,
    openedJobs,
    workers,
    encoders,
    processing,
    openedUploads,
    uploads: openedUploads.uploads,
    uploadCreation: openedUploads.creation,
    assets,
    publishAccess,
    clockWatch,
    errors,
  };
}

type Core = Awaited<ReturnType<typeof openCore>>;

/** Whether this node does the work of a role; a single server does all. */
function does({ nodes }: Core, role: NodeRole): boolean {
  return !nodes || nodes.roles.includes(role);
}

type Served = Core & { readonly rtp: RtpSessions };

/** What answers for other servers and nodes, and the features. */
async function openElsewhere(app: AppContext, served: Served, features: OpenFeatures) {
  const { nodes, epoch } = served;
  // Read only where there are nodes: it has the cache of an edge.
  const gateway = nodes && (await import('./cluster/gateway.ts')).openGateway(app, nodes, served);
  const own = openOwnViews(app, served);
  const view = app.process && ((name: string) => answerView(own, name));
  return {
    features: features.own,
    views: viewsOfServer(app, nodes, own),
    ...(nodes &&
      gateway && {
        nodes: nodes.list,
        otherNodes: gateway,
        internalRequests: openInternalRequests(app, served, nodes, { copies: gateway, view, epoch: epoch?.hear }),
      }),
  };
}

/** Starts the streams, and what works on them and on the library, once HTTP is open. */
async function startParts(app: AppContext, served: Served, features: OpenFeatures, http: HttpServer): Promise<void> {
  const { bus, nodes, epoch, placement, streams, recordings, library, accounts, openedJobs, hooks } = served;
  openGauges(app, served, { clockWatch: served.clockWatch, http });
  await streams.control.open();
  if (nodes) startNodes(app, nodes, served);
  if (epoch) startEpoch(app, epoch);
  if (nodes) await announceProcess(app, nodes);
  startMeasuring(app, streams, served.delivery, hooks);
  await startJobs(app, openedJobs);
  if (does(served, 'worker'))
    openOwnWorker(app, openedJobs, { url: http.url, token: accounts.access.ownWorker.secret });
  await startProcessing(app, { bus, placement }, served.processing);
  startRetention(app, served);
  startFolders(app, served);
  await features.start();
  startOffload(app, served);
  startTrash(app, { library, recordings, placement });
  startAccounts(app, accounts);
  startUploads(app, served.openedUploads);
}

/** @param opened resources, closed in reverse */
function runningApp(
  app: AppContext,
  { accounts, catalog, streams, errors }: Core,
  addresses: Pick<RunningApp, 'httpUrl' | 'publishAccess' | 'ingest' | 'endpoints' | 'signIn'>,
  opened: AsyncDisposableStack,
): RunningApp {
  const { settings, shutdown, log } = app;
  let closing: Promise<void> | undefined;
  return {
    ...addresses,
    log,
    async reconfigure(next, facts) {
      const apply = await accounts.prepare(next); // throws before anything has changed
      settings.take(next, facts);
      apply();
      await streams.control.configure(next.streams);
    },
    crash: errors.crash,
    giveUp() {
      // Written at once, as the last line.
      log.fatal({ unwritten: unwritten(streams) }, 'closing takes too long: oxbow ends now');
    },
    close(reason, { drainMs = 0 } = {}) {
      if (closing) {
        shutdown.hurry();
      } else {
        app.stopping(reason);
        shutdown.isEnding = true;
        shutdown.isFollowed = reason === 'succeeded';
        const dispose = () => closeInOrder(opened, () => catalog.all);
        closing = drainMs === 0 ? dispose() : shutdown.drain(drainMs).then(dispose);
      }
      return closing;
    },
  };
}
