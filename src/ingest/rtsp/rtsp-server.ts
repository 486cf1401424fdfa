/**
 * The RTSP server: encoders connect and publish by ANNOUNCE and RECORD.
 * In: connections, PublishAccess. Out: publisher sessions; the port. RFC 2326; docs/3-publish/rtsp.md.
 */
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { PassedClient } from '../../cluster/processes/process-link.ts';
import type { Endpoint } from '../../config/address.ts';
import { messageOf } from '../../lib/errors.ts';
import { addressOf } from '../client/remote-address.ts';
import { ConnectionLimits } from '../rtmp/connection-limits.ts';
import { RtspPublication, type RtspPublicationSetup } from './rtsp-publication.ts';

/** Bounds of connections: in total, of one address, and of those that do not publish yet. */
const BOUNDS = { connections: 100, perAddress: 50, halfOpen: 50 } as const;
/** TCP keepalive begins after this time without data, ms. */
const KEEP_ALIVE_MS = 10_000;

/** What a server needs. */
interface RtspServerSetup extends RtspPublicationSetup {
  /** With its address filled in; port 0 picks a free one. */
  readonly listen: Endpoint;
}

/** A server that listens. */
interface RtspServer {
  readonly port: number;
  /**
   * Accepts no new connections, ends publishers, resolves when all connections have ended. May be called
   * twice.
   */
  close(): Promise<void>;
}

/**
 * Listens.
 *
 * @throws the system's error if it cannot listen, e.g. EADDRINUSE
 */
export async function openRtspServer(setup: RtspServerSetup): Promise<RtspServer> {
  const { listen, siblings, log } = setup;
  const limits = new ConnectionLimits(BOUNDS);
  const clients = new Set<RtspPublication>();
  const accept = (socket: Socket, passed?: PassedClient) => {
    let client: RtspPublication | undefined;
    const address = passed ? addressOf(passed.remote) : (socket.remoteAddress ?? '');
    const admission = limits.admit(address, () => client?.close('too many connections'));
    if (!admission) {
      socket.on('error', () => undefined);
      socket.destroy();
      return;
    }
    const made = new RtspPublication(socket, setup, () => admission.published(), passed);
    client = made;
    clients.add(made);
    void made.ended.then(() => {
      admission.ended();
      clients.delete(made);
    });
  };
  const options = { noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS, pauseOnConnect: true };
  const server = createServer(options, (socket) => accept(socket));
  await listening(server, listen, siblings !== undefined);
  const takeNone = siblings?.takeClients('rtsp', (client, socket) => accept(socket, client));
  server.on('error', (error) => log.error({ error: messageOf(error) }, 'the RTSP server failed'));
  let closing: Promise<void> | undefined;
  const close = async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    takeNone?.();
    server.close(() => resolve());
    for (const client of clients) client.close('oxbow stops');
    await Promise.all(Array.from(clients, ({ ended }) => ended));
    await promise;
  };
  return {
    port: (server.address() as AddressInfo).port,
    close: () => (closing ??= close()),
  };
}

function listening(server: Server, { address: host, port }: Endpoint, reusePort: boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port, reusePort }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
