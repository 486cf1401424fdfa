/**
 * Sockets of one UDP port, one for each process. The kernel gives all datagrams of a caller to the same
 * socket, as long as none of them closes: so the supervisor keeps them open while a process is started again.
 * In: an address. Out: file descriptors. socket(7), SO_REUSEPORT.
 */
import { createSocket, type Socket } from 'node:dgram';
import type { Endpoint } from '../../config/address.ts';

/** Open sockets. */
export interface SharedSockets extends Disposable {
  readonly port: number;
  /** One for each process. */
  readonly fds: readonly number[];
}

/**
 * Opens them.
 *
 * @throws the system's error, e.g. EADDRINUSE
 */
export async function openSharedSockets({ address, port }: Endpoint, count: number): Promise<SharedSockets> {
  using opened = new DisposableStack();
  if (port !== 0) (await bind({ address, port }, false)).close(); // another program has it
  let bound = port;
  const fds: number[] = [];
  for (let number = 0; number < count; number++) {
    const socket = opened.adopt(await bind({ address, port: bound }, true), (each) => each.close());
    bound = socket.address().port;
    fds.push(descriptorOf(socket));
  }
  const owned = opened.move();
  return { port: bound, fds, [Symbol.dispose]: () => owned.dispose() };
}

function bind({ address, port }: Endpoint, reusePort: boolean): Promise<Socket> {
  const socket = createSocket({ type: address.includes(':') ? 'udp6' : 'udp4', reusePort });
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.bind({ address, port, exclusive: true }, () => {
      socket.off('error', reject);
      resolve(socket.unref());
    });
  });
}

/** Node reads a socket as soon as it is bound, and names no descriptor: both are of its handle. */
function descriptorOf(socket: Socket): number {
  const { handle } = Reflect.get(socket, stateKeyOf(socket)) as {
    readonly handle: { readonly fd: number; recvStop(): void };
  };
  handle.recvStop();
  return handle.fd;
}

function stateKeyOf(socket: Socket): symbol {
  return Object.getOwnPropertySymbols(socket).find(({ description }) => description === 'state symbol')!;
}
