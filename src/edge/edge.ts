/**
 * A caching edge: the composition of cache, responders and management on one port.
 * In: settings of `oxbow edge`. Out: a server that listens. docs/9-run/edge.md; docs/decisions/0051.
 */
import type { EventEmitter } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { WatchTokens } from '../accounts/watch-tokens.ts';
import { type Endpoint, isLoopback } from '../config/address.ts';
import { type Clock, createSystemClock } from '../lib/clock.ts';
import { messageOf, OxbowError } from '../lib/errors.ts';
import { version } from '../lib/version.ts';
import { createNet, type Net } from '../net/net.ts';
import { isDeparture, reportBug } from '../observe/errors/report-bug.ts';
import type { Log } from '../observe/log.ts';
import { createMetrics, type Metrics } from '../observe/metrics.ts';
import { noTelemetry, type Telemetry } from '../observe/traces/telemetry.ts';
import { traceIdOf } from '../observe/traces/trace.ts';
import { createAddressOf, createProxyCheck } from '../serve/client/client-address.ts';
import { createCountryOf } from '../serve/client/client-country.ts';
import { ownHostsOf } from '../serve/client/host-check.ts';
import { type Connections, openConnections } from '../serve/connections.ts';
import { everyAnswer } from '../serve/exchange/media-answer.ts';
import { toProblem } from '../serve/exchange/problem.ts';
import { listenRefusal, urlOf, usualLimits, watchedLimits } from '../serve/listening.ts';
import { openOwnPorts } from '../serve/ports.ts';
import {
  type Certificate,
  type CertificateFiles,
  followCertificate,
  readCertificate,
} from '../serve/tls/tls-certificate.ts';
import { WaitLimiter, waitLimits } from '../serve/wait-limiter.ts';
import { DiskCache } from './cache/disk-cache.ts';
import { EdgeCache } from './cache/edge-cache.ts';
import { warmUp } from './cache/warm-up.ts';
import { EdgeCounts } from './edge-counts.ts';
import { EdgeMedia } from './edge-media.ts';
import { createEdgeResponder } from './edge-responder.ts';
import { createManagement } from './management/management.ts';
import { isLoop, type Origin, openOrigin } from './origin.ts';
import { Passer } from './pass-on.ts';
import { EdgeReporter } from './steering/edge-reporter.ts';
import { TokenGate } from './token-gate.ts';

/** Connections to the origin: each held reload has one. */
const MAX_ORIGIN_SOCKETS = 4096;
/** Largest object that is kept; larger ones are passed on. At most an eighth of the memory. */
const MAX_OBJECT_BYTES = 64 * 1024 * 1024;
/** An edge holds the viewers of many streams. */
const MAX_HELD = 100_000;
const CLOSE_WITHIN_MS = 4000;

export interface EdgeSettings {
  readonly origin: URL;
  readonly listen: Endpoint;
  /** Most bytes of copies in memory. */
  readonly memoryBytes: number;
  /** Folder of copies; undefined: none are on the disk. */
  readonly folder: string | undefined;
  /** Most bytes of copies on the disk. */
  readonly diskBytes: number;
  /** The setting `watchSecret` of the origin. */
  readonly watchSecret: string | undefined;
  /** Of the management API. */
  readonly token: string | undefined;
  /** How long copies answer after they have expired, while the origin does not, ms. */
  readonly staleMs: number;
  /** How long the origin's answer to a playback token holds, ms. */
  readonly recheckMs: number;
  readonly prefetches: boolean;
  /** Pages and the API are refused. */
  readonly onlyMedia: boolean;
  readonly tls: CertificateFiles | undefined;
  readonly trustedProxies: readonly string[];
  /** Header field in which they report the country of a client, in lower case; empty: none. */
  readonly countryHeader: string;
  /** Names that the edge answers to, in addition to loopback ones, where only this computer can reach it. */
  readonly hosts: readonly string[];
  /** Its name in `steering.pathways` of the origin; undefined: it does not report. Needs `token`. */
  readonly pathway: string | undefined;
}

/** An edge that listens. */
export interface Edge extends AsyncDisposable {
  readonly url: string;
  /** Copies that were on the disk at the start. */
  readonly kept: number;
  /** From now on load balancers and players are sent to other edges. Everything is still served. */
  drain(): void;
}

/** Whether an edge is about to end. */
interface Draining {
  isOn: boolean;
  /** Reports it to the origin. */
  changed: () => void;
}

/** The receivers of an edge's reports, and its metrics. */
interface EdgeContext {
  readonly settings: EdgeSettings;
  readonly log: Log;
  readonly telemetry: Telemetry;
  readonly clock: Clock;
  readonly counts: EdgeCounts;
  readonly metrics: Metrics;
  readonly draining: Draining;
  /** Closed in reverse when the edge ends. */
  readonly opened: AsyncDisposableStack;
  failed(error: unknown, where: string): void;
}

/** The copies, and where they come from. */
interface EdgeCopies {
  readonly origin: Origin;
  readonly passer: Passer;
  readonly gate: TokenGate;
  readonly disk: DiskCache | undefined;
  readonly cache: EdgeCache;
  readonly net: Net;
}

/**
 * Starts an edge.
 * @throws OxbowError `port-taken`, `bad-setting`; the system's error if the folder cannot be used
 */
export async function startEdge(
  settings: EdgeSettings,
  { log, telemetry = noTelemetry }: { readonly log: Log; readonly telemetry?: Telemetry },
): Promise<Edge> {
  const { listen, tls } = settings;
  await using opened = new AsyncDisposableStack();
  const certificate = tls && (await readCertificate(tls));
  const metrics = opened.use(createMetrics());
  const failed = (error: unknown, where: string): void => {
    if (isDeparture(error)) log.debug({ where, error: messageOf(error) }, 'a client left before the answer');
    else reportBug({ metrics, log }, error, { where }, 'a request failed');
  };
  const clock = createSystemClock();
  const edge = {
    settings,
    log,
    telemetry,
    clock,
    counts: new EdgeCounts(),
    metrics,
    draining: { isOn: false, changed() {} },
    opened,
    failed,
  };
  const copies = await openCopies(edge);
  const ending = new AbortController();
  const connections = opened.use(openEdgeConnections(edge, copies, certificate, ending.signal));
  const { server, secure } = connections;
  server.on('upgrade', (request, socket, first) => copies.passer.upgrade(request, socket, first));
  const ports = await openOwnPorts(server, listen).catch((error: NodeJS.ErrnoException) => {
    throw listenRefusal(error, listen);
  });
  const following = tls && followCertificate(tls, secure!, certificate!, { log, clock }, ending);
  const reporting = startReports(edge, copies.net, openSockets(server, secure?.server), ending.signal);
  const owned = opened.move();
  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    ending.abort(new DOMException('the edge is ending', 'AbortError'));
    const closed = ports.leave();
    const reason = new OxbowError('not-ready', 'The edge is stopping.', { extra: { retryAfterSeconds: 1 } });
    const left = connections.leave(reason);
    const late = setTimeout(() => connections.destroy(), CLOSE_WITHIN_MS);
    await left;
    await closed;
    clearTimeout(late);
    await following;
    await reporting;
    await owned[Symbol.asyncDispose]();
  };
  return {
    url: urlOf(certificate ? 'https' : 'http', listen.address, ports.port),
    kept: copies.disk?.size ?? 0,
    drain: () => setDraining(edge, true),
    [Symbol.asyncDispose]() {
      closing ??= close();
      return closing;
    },
  };
}

/** Opens the origin and the copies of it. */
async function openCopies({
  settings,
  log,
  telemetry,
  clock,
  counts,
  metrics,
  opened,
}: EdgeContext): Promise<EdgeCopies> {
  const { origin: url, memoryBytes, recheckMs, staleMs, prefetches, tls, trustedProxies, countryHeader } = settings;
  const net = createNet({ allow: [], userAgent: `oxbow/${version}`, maxPerHost: MAX_ORIGIN_SOCKETS });
  const origin = opened.use(
    openOrigin({
      url,
      net,
      clock,
      countryHeader,
      maxBytes: Math.min(MAX_OBJECT_BYTES, Math.floor(memoryBytes / 8)),
      onDown: (isDown) =>
        log[isDown ? 'warn' : 'info'](
          { origin: url.host },
          isDown ? 'the origin does not answer' : 'the origin answers again',
        ),
    }),
  );
  const tokens = await openTokens(settings.watchSecret);
  const gate = new TokenGate({ tokens, recheckMs, staleMs, nowMs: () => clock.nowMs() });
  const disk = await openDisk(settings, log);
  if (disk) opened.use(disk);
  const cache = opened.use(
    new EdgeCache({ origin, gate, counts, clock, disk, staleMs, memory: memoryBytes, prefetches }),
  );
  const sizes = () => ({
    memory: cache.memory.bytes,
    disk: disk?.bytes ?? 0,
    objects: cache.memory.objects,
    isDown: origin.isDown,
  });
  opened.defer(counts.show(metrics, sizes));
  const passer = opened.use(
    new Passer({
      origin: url,
      net,
      name: origin.name,
      isSecure: tls !== undefined,
      telemetry,
      isProxy: createProxyCheck(trustedProxies),
      countryHeader,
    }),
  );
  return { origin, passer, gate, disk, cache, net };
}

/** Reports until the edge ends; undefined: it has no name at the origin. */
function startReports(
  { settings: { origin, pathway, token }, draining, clock, log }: EdgeContext,
  net: Net,
  connections: () => number,
  signal: AbortSignal,
): Promise<void> | undefined {
  if (pathway === undefined || token === undefined) return undefined;
  const onRefused = (reason: string | undefined): void => {
    if (reason === undefined) log.info({ pathway }, 'the origin takes the reports of this edge');
    else log.warn({ pathway, reason }, 'the origin does not take the reports of this edge');
  };
  const nowMs = () => clock.nowMs();
  const reporter = new EdgeReporter({ origin, net, pathway, token, nowMs, connections, onRefused });
  draining.changed = () => reporter.drain(draining.isOn);
  return reporter.run({ signal });
}

/** Counts the open connections of servers. */
function openSockets(...servers: readonly (EventEmitter | undefined)[]): () => number {
  let count = 0;
  for (const server of servers) {
    server?.on('connection', (socket: EventEmitter) => {
      count++;
      socket.once('close', () => count--);
    });
  }
  return () => count;
}

function setDraining({ draining, log }: Pick<EdgeContext, 'draining' | 'log'>, isOn: boolean): void {
  if (draining.isOn === isOn) return;
  draining.isOn = isOn;
  draining.changed();
  log.info({}, isOn ? 'the edge drains; viewers are sent to others' : 'the edge takes viewers again');
}

/** Verifies playback tokens as the origin does; undefined: the origin verifies them. */
async function openTokens(watchSecret: string | undefined): Promise<WatchTokens | undefined> {
  const epochs = { all: async () => [], put: async () => {}, remove: async () => {} };
  return watchSecret === undefined ? undefined : WatchTokens.open({ secret: Buffer.from(watchSecret), epochs });
}

async function openDisk({ folder, diskBytes }: EdgeSettings, log: Log): Promise<DiskCache | undefined> {
  if (folder === undefined) return undefined;
  return DiskCache.open({
    folder,
    maxBytes: diskBytes,
    failed: (error) => log.warn({ error: messageOf(error) }, 'the disk cache failed'),
  });
}

/** @param signal aborts the warming of copies */
function openEdgeConnections(
  edge: EdgeContext,
  copies: EdgeCopies,
  certificate: Certificate | undefined,
  signal: AbortSignal,
): Connections {
  const { settings, clock, counts, metrics, failed } = edge;
  const { origin, passer, cache } = copies;
  const { listen, trustedProxies, countryHeader, onlyMedia } = settings;
  const isGuarded = isLoopback(listen.address);
  const head = isGuarded ? { ...everyAnswer, vary: 'Origin' } : everyAnswer;
  const ownHosts = ownHostsOf(listen.address, { hosts: settings.hosts });
  const held = (change: 1 | -1): void => {
    counts.held += change;
  };
  const waitLimiter = new WaitLimiter({ ...waitLimits, total: MAX_HELD }, held);
  const shared = { cache, counts, clock, name: origin.name, head, failed };
  const addressOf = createAddressOf(trustedProxies);
  const countryOf = createCountryOf(trustedProxies, countryHeader);
  const wantsUpgrade = ({ headers }: Pick<IncomingMessage, 'headers'>) =>
    !onlyMedia && headers.upgrade?.toLowerCase() === 'websocket' && !isLoop(headers, origin.name);
  return openConnections({
    metrics,
    media: new EdgeMedia({ ...shared, passer, addressOf, countryOf, isGuarded }, waitLimiter),
    toApi: answerOthers(edge, copies, signal),
    ownHosts,
    unsent: undefined,
    certificate,
    acceptsHere: true,
    openHot: (slowPath) =>
      createEdgeResponder({ ...shared, trustedProxies, countryHeader, ownHosts }, waitLimiter, slowPath),
    limits: { ...usualLimits, ...watchedLimits, shouldUpgradeCallback: wantsUpgrade },
  });
}

/** Answers requests that are not for media: management, and those for the origin. */
function answerOthers(
  edge: EdgeContext,
  copies: EdgeCopies,
  signal: AbortSignal,
): (request: IncomingMessage, response: ServerResponse) => void {
  const { settings, counts } = edge;
  const { origin, passer } = copies;
  const manage = openManagement(edge, copies, signal);
  return (request, response) => {
    if (manage(request, response)) return;
    if (isLoop(request.headers, origin.name)) {
      refuse(response, request, new OxbowError('edge-loop', 'The request has come through this edge before.'));
    } else if (settings.onlyMedia) {
      refuse(response, request, new OxbowError('not-found', 'This edge serves media only.'));
    } else {
      counts.requests.passed++;
      passer.request(request, response, (reason) => refuse(response, request, reason));
    }
  };
}

function refuse(response: ServerResponse, request: IncomingMessage, reason: OxbowError): void {
  const { status, headers, body } = toProblem(reason, traceIdOf(request.headers.traceparent));
  response.writeHead(status, headers).end(JSON.stringify(body));
}

function openManagement(
  edge: EdgeContext,
  { origin, cache, disk, gate }: EdgeCopies,
  signal: AbortSignal,
): ReturnType<typeof createManagement> {
  const { settings, log, clock, counts, metrics, draining, failed } = edge;
  const startedMs = clock.nowMs();
  return createManagement({
    token: settings.token,
    metrics,
    failed,
    isOriginDown: () => origin.isDown,
    isDraining: () => draining.isOn,
    drain(isOn) {
      setDraining(edge, isOn);
      return { draining: isOn };
    },
    status: () => ({
      version,
      name: origin.name,
      origin: `${settings.origin.protocol}//${settings.origin.host}`,
      originDown: origin.isDown,
      draining: draining.isOn,
      uptime: Math.round((clock.nowMs() - startedMs) / 1000),
      memory: { ...cache.memory, maxBytes: settings.memoryBytes },
      disk: disk ? { bytes: disk.bytes, objects: disk.size, maxBytes: settings.diskBytes } : null,
      requests: counts.requests,
      originRequests: counts.origin,
      originFailures: counts.originFailures,
      originBytes: counts.originBytes,
      servedBytes: counts.servedBytes,
      held: counts.held,
      flights: cache.flights,
      tokens: gate.size,
    }),
    async purge({ sentence, isMeant }) {
      const purged = await cache.purge(isMeant);
      log.info({ purged, what: sentence }, 'copies were purged');
      return { purged };
    },
    warm: async (request) => ({ ...(await warmUp(cache, request, { signal })) }),
  });
}
