/**
 * Many listening sockets on one port. libuv accepts one connection per socket and event-loop turn, so one
 * socket makes a burst of new clients wait.
 * In: a server and an endpoint. Out: the port; the server gets the connections of all sockets. socket(7),
 * SO_REUSEPORT.
 */
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { Endpoint } from '../../config/address.ts';
import { isLinux } from '../../lib/platform.ts';

/**
 * Measured with 1,000 new clients while 100 load media: first byte at p99 after 5.6 s with one socket, 0.3 s
 * with sixteen.
 */
const LISTENERS = 16;
/** Accept queue of each socket; the system may allow fewer. */
const BACKLOG = 4096;

/** Open sockets. */
export interface Listeners {
  readonly port: number;
  /** Number of sockets; one if the system cannot share a port. */
  readonly count: number;
  /** Stops accepting; resolves when all connections have closed. */
  close(): Promise<void>;
}

/** Whether several sockets, also of several threads, can share a port. */
export const canSharePorts: boolean = isLinux;

/**
 * Checks with an unshared socket that no other program has the port, which a shared socket would not notice.
 *
 * @throws the system's error, e.g. EADDRINUSE
 */
export async function checkFree({ address: host, port }: Endpoint): Promise<void> {
  if (port === 0) return;
  const probe = createServer();
  await listen(probe, { host, port });
  await closed(probe);
}

/**
 * Opens the sockets.
 *
 * @param first accepts on the first socket; receives the connections of the others by its event `connection`
 * @param options.isShared other threads of this process, or other processes of this server, use the port too
 * @param options.isPaused whether connections are not read; false by default
 * @throws the system's error, e.g. EADDRINUSE if another program has the port
 */
export async function openListeners(
  first: Server,
  endpoint: Endpoint,
  { isShared = false, isPaused = false }: { readonly isShared?: boolean; readonly isPaused?: boolean } = {},
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
      const server = createServer({ noDelay: true, allowHalfOpen: true, pauseOnConnect: isPaused }, accept);
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

/** Takes one socket that listens already. */
export async function openListener(server: Server, { fd }: { readonly fd: number }): Promise<Listeners> {
  await listen(server, { fd });
  return { port: (server.address() as AddressInfo).port, count: 1, close: () => closed(server) };
}

function listen(
  server: Server,
  where: { host: string; port: number; reusePort?: boolean } | { fd: number },
): Promise<void> {
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
