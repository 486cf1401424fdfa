/**
 * A server that answers every request with another protocol, unasked.
 * In: nothing. Out: its origin.
 */
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';

/** Opens the server on a free port of loopback. */
export async function openSwitchingServer(): Promise<AsyncDisposable & { readonly url: string }> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () =>
      socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nx'),
    );
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.close();
    },
  };
}
