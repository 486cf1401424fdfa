/**
 * The two ends of a connection within this computer. One of them can be passed to another process.
 * In: nothing. Out: sockets that do not read.
 */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** The system connects at once. */
const CONNECT_MS = 2000;

/** @throws the system's error if there is no port or descriptor left */
export async function openLocalPair(): Promise<readonly [Socket, Socket]> {
  const server = createServer({ noDelay: true, pauseOnConnect: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const near = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', noDelay: true });
  try {
    for (;;) {
      const [far] = (await once(server, 'connection', { signal: AbortSignal.timeout(CONNECT_MS) })) as [Socket];
      if (far.remotePort === near.localPort) return [near.pause(), far];
      far.destroy(); // of another program
    }
  } catch (error) {
    near.destroy();
    throw error;
  } finally {
    server.close();
  }
}
