/**
 * Many listeners on one port: libuv accepts one connection a turn for each, and a storm of joiners must not stand in the queue.
 * In: a server and an endpoint. Out: the address; connections of all arrive at the one server. socket(7), SO_REUSEPORT.
 */
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { Endpoint } from '../../config/address.ts';
import { isLinux } from '../../lib/platform.ts';

/** As measured: 1,000 joiners beside 100 that load; first byte at p99 5.6 s with one, 0.3 s with sixteen. */
const LISTENERS = 16;
/** Connections that wait to be accepted, of each; the system may allow fewer. */
const BACKLOG = 4096;

/** Listeners that are open. */
export interface Listeners {
  readonly port: number;
  /** How many there are: one where the system cannot share a port. */
  readonly count: number;
  /** Takes no new connections; resolves when those of all have ended. */
  close(): Promise<void>;
}

/** Whether several listeners, of several threads too, may have one port. */
export const canSharePorts: boolean = isLinux;

/**
 * Finds out that somebody else listens on a port, which sharing it would hide: by a listener that does not share.
 *
 * @throws the system's error, e.g. EADDRINUSE where another program has the port
 */
export async function checkFree({ address: host, port }: Endpoint): Promise<void> {
  if (port === 0) return;
  const probe = createServer();
  await listen(probe, { host, port });
  await closed(probe);
}

/**
 * Listens.
 *
 * @param first accepts by itself, and is told of what the others accept by its event `connection`
 * @param options.isShared other threads of ours have the port already, or will have it
 * @throws the system's error, e.g. EADDRINUSE where another program has the port
 */
export async function openListeners(
  first: Server,
  endpoint: Endpoint,
  { isShared = false }: { isShared?: boolean } = {},
): Promise<Listeners> {
  const canShare = canSharePorts;
  const { address: host, port } = endpoint;
  if (canShare && !isShared) await checkFree(endpoint);
  await listen(first, { host, port, reusePort: canShare });
  const bound = (first.address() as AddressInfo).port;
  const servers = [first];
  try {
    while (canShare && servers.length < LISTENERS) {
      const accept = (socket: Socket) => first.emit('connection', socket);
      const server = createServer({ noDelay: true, allowHalfOpen: true }, accept);
      await listen(server, { host, port: bound, reusePort: true });
      servers.push(server);
    }
  } catch (error) {
    for (const server of servers) server.close();
    throw error;
  }
  return {
    port: bound,
    count: servers.length,
    close: async () => {
      await Promise.all(servers.map(closed));
    },
  };
}

function listen(server: Server, where: { host: string; port: number; reusePort?: boolean }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ ...where, backlog: BACKLOG }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}
