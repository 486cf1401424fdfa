/**
 * A caching edge: the composition of cache, responders and management on one port.
 * In: settings of `oxbow edge`. Out: a server that listens. docs/9-run/edge.md; docs/decisions/0051.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { WatchTokens } from '../accounts/watch-tokens.ts';
import { type Endpoint, isLoopback } from '../config/address.ts';
import { createSystemClock } from '../lib/clock.ts';
import { messageOf, OxbowError } from '../lib/errors.ts';
import { version } from '../lib/version.ts';
import { createNet } from '../net/net.ts';
import { isDeparture, reportBug } from '../observe/errors/report-bug.ts';
import type { Log } from '../observe/log.ts';
import { createMetrics } from '../observe/metrics.ts';
import { noTelemetry, type Telemetry } from '../observe/traces/telemetry.ts';
import { traceIdOf } from '../observe/traces/trace.ts';
import { createAddressOf, createProxyCheck } from '../serve/client/client-address.ts';
import { ownHostsOf } from '../serve/client/host-check.ts';
import { openConnections } from '../serve/connections.ts';
import { everyAnswer } from '../serve/exchange/media-answer.ts';
import { toProblem } from '../serve/exchange/problem.ts';
import { listenRefusal, urlOf, usualLimits, watchedLimits } from '../serve/listening.ts';
import { openOwnPorts } from '../serve/ports.ts';
import { type CertificateFiles, followCertificate, readCertificate } from '../serve/tls/tls-certificate.ts';
import { WaitLimiter, waitLimits } from '../serve/wait-limiter.ts';
import { DiskCache } from './cache/disk-cache.ts';
import { EdgeCache } from './cache/edge-cache.ts';
import { warmUp } from './cache/warm-up.ts';
import { EdgeCounts } from './edge-counts.ts';
import { createEdgeMedia } from './edge-media.ts';
import { createEdgeResponder } from './edge-responder.ts';
import { createManagement } from './management/management.ts';
import { isLoop, openOrigin } from './origin.ts';
import { Passer } from './pass-on.ts';
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
  /** Names that the edge answers to besides loopback ones, where only this computer can reach it. */
  readonly hosts: readonly string[];
}

/** An edge that listens. */
export interface Edge extends AsyncDisposable {
  readonly url: string;
  /** Copies that were on the disk at the start. */
  readonly kept: number;
}

/**
 * Starts an edge.
 * @throws OxbowError `port-taken`, `bad-setting`; the system's error if the folder cannot be used
 */
export async function startEdge(
  settings: EdgeSettings,
  { log, telemetry = noTelemetry }: { readonly log: Log; readonly telemetry?: Telemetry },
): Promise<Edge> {
  const { origin: originUrl, listen, tls, trustedProxies } = settings;
  await using opened = new AsyncDisposableStack();
  const certificate = tls && (await readCertificate(tls));
  const clock = createSystemClock();
  const counts = new EdgeCounts();
  const metrics = opened.use(createMetrics());
  const failed = (error: unknown, where: string): void => {
    if (isDeparture(error)) log.debug({ where, error: messageOf(error) }, 'a client left before the answer');
    else reportBug({ metrics, log }, error, { where }, 'a request failed');
  };
  const net = createNet({ allow: [], userAgent: `oxbow/${version}`, maxPerHost: MAX_ORIGIN_SOCKETS });
  const origin = opened.use(
    openOrigin({
      url: originUrl,
      net,
      clock,
      maxBytes: Math.min(MAX_OBJECT_BYTES, Math.floor(settings.memoryBytes / 8)),
      onDown: (isDown) =>
        log[isDown ? 'warn' : 'info'](
          { origin: originUrl.host },
          isDown ? 'the origin does not answer' : 'the origin answers again',
        ),
    }),
  );
  const none = { all: async () => [], put: async () => {}, remove: async () => {} };
  const tokens =
    settings.watchSecret === undefined
      ? undefined
      : await WatchTokens.open({ secret: Buffer.from(settings.watchSecret), epochs: none });
  const { recheckMs, staleMs } = settings;
  const gate = new TokenGate({ tokens, recheckMs, staleMs, nowMs: () => clock.nowMs() });
  const disk =
    settings.folder === undefined
      ? undefined
      : opened.use(
          await DiskCache.open({
            folder: settings.folder,
            maxBytes: settings.diskBytes,
            failed: (error) => log.warn({ error: messageOf(error) }, 'the disk cache failed'),
          }),
        );
  const cache = opened.use(
    new EdgeCache({
      origin,
      gate,
      counts,
      clock,
      disk,
      staleMs,
      memory: settings.memoryBytes,
      prefetches: settings.prefetches,
    }),
  );
  const sizes = () => ({
    memory: cache.memory.bytes,
    disk: disk?.bytes ?? 0,
    objects: cache.memory.objects,
    isDown: origin.isDown,
  });
  opened.defer(counts.show(metrics, sizes));

  const isGuarded = isLoopback(listen.address);
  const head = isGuarded ? { ...everyAnswer, vary: 'Origin' } : everyAnswer;
  const ownHosts = ownHostsOf(listen.address, { hosts: settings.hosts });
  const passer = opened.use(
    new Passer({
      origin: originUrl,
      net,
      name: origin.name,
      isSecure: tls !== undefined,
      telemetry,
      isProxy: createProxyCheck(trustedProxies),
    }),
  );
  const held = (change: 1 | -1): void => {
    counts.held += change;
  };
  const waitLimiter = new WaitLimiter({ ...waitLimits, total: MAX_HELD }, held);
  const shared = { cache, counts, clock, name: origin.name, head, failed };
  const addressOf = createAddressOf(trustedProxies);
  const media = createEdgeMedia({ ...shared, passer, addressOf, isGuarded }, waitLimiter);
  const ending = new AbortController();
  const startedMs = clock.nowMs();
  const manage = createManagement({
    token: settings.token,
    metrics,
    failed,
    isOriginDown: () => origin.isDown,
    status: () => ({
      version,
      name: origin.name,
      origin: `${originUrl.protocol}//${originUrl.host}`,
      originDown: origin.isDown,
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
    warm: async (request) => ({ ...(await warmUp(cache, request, { signal: ending.signal })) }),
  });

  const refuse = (response: ServerResponse, request: IncomingMessage, reason: OxbowError): void => {
    const { status, headers, body } = toProblem(reason, traceIdOf(request.headers.traceparent));
    response.writeHead(status, headers).end(JSON.stringify(body));
  };
  function toApi(request: IncomingMessage, response: ServerResponse): void {
    if (manage(request, response)) return;
    if (isLoop(request.headers, origin.name)) {
      refuse(response, request, new OxbowError('edge-loop', 'The request has come through this edge before.'));
    } else if (settings.onlyMedia) {
      refuse(response, request, new OxbowError('not-found', 'This edge serves media only.'));
    } else {
      counts.requests.passed++;
      passer.request(request, response, (reason) => refuse(response, request, reason));
    }
  }

  const wantsUpgrade = ({ headers }: Pick<IncomingMessage, 'headers'>) =>
    !settings.onlyMedia && headers.upgrade?.toLowerCase() === 'websocket' && !isLoop(headers, origin.name);
  const connections = openConnections({
    metrics,
    media,
    toApi,
    ownHosts,
    unsent: undefined,
    certificate,
    acceptsHere: true,
    openHot: (slowPath) => createEdgeResponder({ ...shared, trustedProxies, ownHosts }, waitLimiter, slowPath),
    limits: { ...usualLimits, ...watchedLimits, shouldUpgradeCallback: wantsUpgrade },
  });
  opened.use(connections);
  const { server, secure } = connections;
  server.on('upgrade', (request, socket, first) => passer.upgrade(request, socket, first));
  const ports = await openOwnPorts(server, listen).catch((error: NodeJS.ErrnoException) => {
    throw listenRefusal(error, listen);
  });
  const following = tls && followCertificate(tls, secure!, certificate!, { log, clock }, ending);
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
    await owned[Symbol.asyncDispose]();
  };
  return {
    url: urlOf(certificate ? 'https' : 'http', listen.address, ports.port),
    kept: disk?.size ?? 0,
    [Symbol.asyncDispose]() {
      closing ??= close();
      return closing;
    },
  };
}
