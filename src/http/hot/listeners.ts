/**
 * Many listeners on one port: libuv accepts one connection a turn for each, and a storm of joiners must not stand in the queue.
 * In: a server and an endpoint. Out: the address; connections of all arrive at the one server. socket(7), SO_REUSEPORT.
 */
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { Endpoint } from '../../config/address.ts';

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

/**
 * Listens.
 *
 * @param first accepts by itself, and is told of what the others accept by its event `connection`
 * @throws the system's error, e.g. EADDRINUSE where another program has the port
 */
export async function openListeners(first: Server, { address: host, port }: Endpoint): Promise<Listeners> {
  const canShare = process.platform === 'linux';
  if (!canShare || port === 0) await listen(first, { host, port, reusePort: canShare });
  else {
    // Sharing would hide that somebody else listens there: a listener of its own finds out.
    const probe = createServer();
    await listen(probe, { host, port });
    await closed(probe);
    await listen(first, { host, port, reusePort: true });
  }
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
