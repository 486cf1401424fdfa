/**
 * Opens the servers of publishing protocols. A port that cannot be opened is a warning: everything else runs.
 * In: settings, PublishAccess. Out: the ports, also for addresses that the API shows; a check of /health for
 * each protocol.
 */
import { findPublishAddresses } from '../cluster/requests/publish-addresses.ts';
import { type Endpoint, printEndpoint } from '../config/address.ts';
import type { AppContext, Parts } from '../features/core.ts';
import type { PublishAccess } from '../ingest/publish-access.ts';
import { ConnectionLimits, MAX_HALF_OPEN } from '../ingest/rtmp/connection-limits.ts';
import { APPLICATION } from '../ingest/rtmp/publish-name.ts';
import { openRtmpServer, type RtmpServer, type RtmpServerSetup } from '../ingest/rtmp/server.ts';
import { openRtspServer } from '../ingest/rtsp/rtsp-server.ts';
import { openSrtServer } from '../ingest/srt/srt-server.ts';
import { takeLinks } from '../ingest/srtla/saved-links.ts';
import { openRelayedSrtla, openSrtlaServer } from '../ingest/srtla/srtla-server.ts';
import { messageOf, OxbowError } from '../lib/errors.ts';
import { checkFree } from '../serve/hot/listeners.ts';
import { certificateFiles, followCertificate, readCertificate } from '../serve/tls/tls-certificate.ts';

/**
 * Where publishers on this computer connect: a loopback address if the server listens on all addresses.
 * Undefined where a protocol is off or its port could not be opened.
 */
export interface IngestEndpoints {
  readonly rtmp: Endpoint | undefined;
  readonly rtmps: Endpoint | undefined;
  readonly srt: Endpoint | undefined;
  /** Bonded senders; their packets are SRT. */
  readonly srtla: Endpoint | undefined;
  readonly rtsp: Endpoint | undefined;
  readonly webrtc: Endpoint | undefined;
}

/** The same as URLs, e.g. `rtmp://127.0.0.1:1935/live` and `srt://127.0.0.1:8890`. */
export type IngestAddresses = { readonly [P in keyof IngestEndpoints]: string | undefined };

/** Prints the endpoints as URLs. */
export function printIngest({ rtmp, rtmps, srt, srtla, rtsp, webrtc }: IngestEndpoints): IngestAddresses {
  return {
    rtmp: rtmp && `rtmp://${printEndpoint(rtmp)}/${APPLICATION}`,
    rtmps: rtmps && `rtmps://${printEndpoint(rtmps)}/${APPLICATION}`,
    srt: srt && `srt://${printEndpoint(srt)}`,
    srtla: srtla && `srtla://${printEndpoint(srtla)}`,
    rtsp: rtsp && `rtsp://${printEndpoint(rtsp)}`,
    webrtc: webrtc && `udp://${printEndpoint(webrtc)}`,
  };
}

type Needed = Pick<Parts, 'health' | 'publishPorts' | 'webrtc' | 'nodes'> & { readonly publishAccess: PublishAccess };

/**
 * Opens all servers that the settings name.
 *
 * @throws OxbowError `bad-setting` if RTMPS is on and has no usable certificate
 */
export async function openIngest(
  app: AppContext,
  { health, publishAccess, publishPorts, webrtc: sessions, nodes }: Needed,
): Promise<IngestEndpoints> {
  const { config, settings, process: part, metrics, log, clock, shutdown } = app;
  const siblings = part?.link;
  // Sockets that share a port do not notice that another program shares it too.
  const unused = async (listen: Endpoint) => {
    if (part?.link.start.isFirst) await checkFree(listen);
    return listen;
  };
  const { connections, perAddress } = config.rtmpLimits;
  const setup = {
    access: publishAccess,
    limits: new ConnectionLimits({ connections, perAddress, halfOpen: MAX_HALF_OPEN }),
    idleMs: settings.now.rtmpLimits.idle,
    play: config.rtmpPlay,
    async successors(only?: string) {
      const fixed = only === undefined ? settings.now.rtmpSuccessor || undefined : undefined;
      // A process that follows has the streams again at once.
      const isSearched = nodes !== undefined && !part && !shutdown.isFollowed && fixed === undefined;
      return { fixed, nodes: isSearched ? await findPublishAddresses(nodes, { only, signal: shutdown.signal }) : [] };
    },
    leaving: shutdown.leaving,
    siblings,
    metrics,
    log,
  };
  const rtmp = await openPort(app, health, 'rtmp', config.rtmp, async (listen) =>
    openRtmpServer({ ...setup, listen: await unused(listen) }),
  );
  const rtmps = await openPort(app, health, 'rtmps', config.rtmps, async (listen) =>
    openRtmps(app, { ...setup, listen: await unused(listen) }),
  );
  let channels: Parameters<typeof openSrtlaServer>[0]['channels'] | undefined;
  const srt = await openPort(app, health, 'srt', config.srt, async (listen) => {
    const server = await openSrtServer({
      listen,
      fd: part?.link.start.srtFd,
      siblings,
      access: publishAccess,
      latencyMs: config.srtLatency,
      passphrase: config.srtPassphrase,
      maxCallers: config.srtMaxCallers,
      assemblyMs: config.live.assemblyDeadline,
      clock,
      log,
      metrics,
    });
    channels = server.channels;
    return server;
  });
  const srtla = await openPort(app, health, 'srtla', config.srtla, async (listen) => {
    if (!channels) throw new Error('the port of SRT could not be opened');
    const setup = { channels, maxGroups: config.srtMaxCallers, log, metrics };
    return part?.link.start.srtla
      ? openRelayedSrtla({ ...setup, link: part.link })
      : openSrtlaServer({ ...setup, listen, folder: app.dataFolder, clock });
  });
  // What the server before has kept has addresses of senders, and is of no use now.
  if (config.srtla === 'off') takeLinks(app.dataFolder, { nowMs: () => clock.nowMs(), log });
  const rtsp = await openPort(app, health, 'rtsp', config.rtsp, async (listen) =>
    openRtspServer({
      listen: await unused(listen),
      siblings,
      access: publishAccess,
      assemblyMs: config.live.assemblyDeadline,
      clock,
      log,
    }),
  );
  const webrtc = await openPort(app, health, 'webrtc', config.webrtc, (listen) => sessions.listen(listen));
  publishPorts.webrtc = webrtc?.port;
  publishPorts.rtmp = rtmp?.port;
  publishPorts.rtmps = rtmps?.port;
  publishPorts.srt = srt?.port;
  publishPorts.srtla = srtla?.port ?? part?.link.start.ports.srtla;
  publishPorts.srtLatencyMs = config.srtLatency;
  publishPorts.srtEncrypted = config.srtPassphrase !== undefined;
  return { rtmp, rtmps, srt, srtla, rtsp, webrtc };
}

/**
 * The context of a node that takes no publishers: it opens none of these servers, except that of calls in
 * rooms.
 */
export function withoutIngest(app: AppContext): AppContext {
  const { config } = app;
  const webrtc = config.cluster.roles.includes('rooms') ? config.webrtc : 'off';
  return { ...app, config: { ...config, rtmp: 'off', rtmps: 'off', srt: 'off', srtla: 'off', rtsp: 'off', webrtc } };
}

/** RTMPS with the certificate of HTTPS, which is reloaded when its files change. */
async function openRtmps(app: AppContext, setup: RtmpServerSetup): Promise<RtmpServer> {
  const files = certificateFiles(app.config.tls);
  if (!files) {
    throw new OxbowError('bad-setting', '`rtmps` is on, but there is no certificate.', {
      extra: { hint: 'Set tls.cert and tls.key: oxbow --rtmps 443 --tls-cert FILE --tls-key FILE' },
    });
  }
  const certificate = await readCertificate(files);
  const server = await openRtmpServer({ ...setup, certificate });
  const watching = new AbortController();
  const following = followCertificate(files, server, certificate, app, { signal: watching.signal });
  app.opened.defer(async () => {
    watching.abort();
    await following;
  });
  return server;
}

/**
 * Opens one port; one that is in use is a warning, and a check that degrades /health.
 *
 * @returns address and port for clients on this computer; undefined if it is off or was not opened
 */
async function openPort<T extends { readonly port: number; close(): Promise<void> }>(
  { opened, log }: AppContext,
  health: Parts['health'],
  protocol: string,
  endpoint: Endpoint | 'off',
  open: (listen: Endpoint) => Promise<T>,
): Promise<Endpoint | undefined> {
  if (endpoint === 'off') return undefined;
  const name = protocol.toUpperCase();
  try {
    const server = await open(endpoint);
    opened.defer(() => server.close());
    const where = printEndpoint({ ...endpoint, port: server.port });
    health.register(protocol, () => `listens on ${where}`, { ready: false, degrades: true });
    return { address: reachable(endpoint.address), port: server.port };
  } catch (error) {
    if (error instanceof OxbowError) throw error;
    const isTaken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
    const where = printEndpoint(endpoint);
    const problem = isTaken ? `another program uses ${where}` : `cannot listen on ${where}: ${messageOf(error)}`;
    const hint = `Choose another port with --${protocol} PORT, or turn it off with --${protocol} off.`;
    log.warn({ protocol, hint }, `${name} is off: ${problem}`);
    health.register(
      protocol,
      () => {
        throw new Error(`${problem}. ${hint}`);
      },
      { ready: false, degrades: true },
    );
    return undefined;
  }
}

/** An address on which this computer can connect. */
function reachable(address: string): string {
  return address === '0.0.0.0' ? '127.0.0.1' : address === '::' ? '::1' : address;
}
