/**
 * Sends the datagrams of one peer by a connected socket of the same port, with write(2): Node makes a
 * request, an address and a callback for each datagram that it sends, and the system looks for a route.
 * In: a socket with many peers, the address of one. Out: its datagrams; what the peer sends, as from the
 * socket of all. Linux only: elsewhere there are no paths. docs/decisions/0139.
 *
 * Nothing depends on which socket the system gives a datagram to: each is passed on with the address of its
 * sender.
 */
import type { Socket } from 'node:dgram';
import { writeSync } from 'node:fs';
import { constants } from 'node:os';
import { handleOf } from './udp-handle.ts';

/** `UV_UDP_REUSEPORT` of libuv. */
const REUSE_PORT = 64;

/** A connected socket. */
export interface UdpPath {
  /**
   * Sends a datagram at once: its bytes may change afterwards.
   * @returns false: it was not sent, and may be sent otherwise
   */
  send(datagram: Uint8Array): boolean;
  /** May be called twice. */
  close(): void;
}

/** What paths of a socket need. */
interface PathSetup {
  /** It is bound, and stays open for as long as its paths. */
  readonly socket: Socket;
  /** With `reusePort`. */
  readonly createSocket: () => Socket;
  /** Requests large buffers. */
  grow(socket: Socket): void;
  receive(packet: Uint8Array, address: string, port: number): void;
}

/** The paths of one socket. */
export class UdpPaths {
  readonly #setup: PathSetup;
  /** Undefined: not tried yet; false: not possible here. */
  #isPossible: boolean | undefined;
  readonly #open = new Set<UdpPath>();

  constructor(setup: PathSetup) {
    this.#setup = setup;
  }

  /** How many are open. */
  get size(): number {
    return this.#open.size;
  }

  /** Connects a socket. @returns undefined: the system has none, and the socket of all sends as before */
  open(address: string, port: number): UdpPath | undefined {
    this.#isPossible ??= this.#sharePort();
    return this.#isPossible && port !== 0 ? this.#connect(address, port) : undefined;
  }

  /** Closes all; none can be opened any more. */
  close(): void {
    this.#isPossible = false;
    for (const path of this.#open) path.close();
  }

  /**
   * Permits sockets of this user at the port. It was bound without that, so that another server cannot begin
   * there by mistake: it would have to permit it too. Linux takes the option before it refuses to bind once
   * more; on macOS and Windows libuv refuses the option (ENOTSUP).
   */
  #sharePort(): boolean {
    const { socket } = this.#setup;
    const handle = handleOf(socket);
    if (!handle) return false;
    const { address, port } = socket.address();
    return handle.bind(address, port, REUSE_PORT) === -constants.errno.EINVAL;
  }

  #connect(address: string, port: number): UdpPath | undefined {
    const { socket: shared, receive, grow } = this.#setup;
    const socket = this.#setup.createSocket();
    // That it cannot be bound is seen below. Later ones are answers of the network to lost datagrams (ICMP),
    // which the system does not report to a socket that is not connected.
    socket.on('error', () => {});
    socket.on('message', (packet, from) => receive(packet, from.address, from.port));
    // At once, because addresses need no lookup: until it is connected, the socket gets datagrams of others.
    const place = shared.address();
    socket.bind({ address: place.address, port: place.port, exclusive: true });
    const handle = handleOf(socket);
    if (!handle || !isBound(socket) || handle.connect(address, port) !== 0) {
      socket.close();
      return undefined;
    }
    grow(socket);
    let isOpen = true;
    const path: UdpPath = {
      send(datagram) {
        if (!isOpen) return false; // the descriptor may be that of a file by now
        try {
          writeSync(handle.fd, datagram);
          return true;
        } catch {
          return false; // its buffer is full, or an answer of the network is pending
        }
      },
      close: () => {
        if (!isOpen) return;
        isOpen = false;
        this.#open.delete(path);
        socket.close();
      },
    };
    this.#open.add(path);
    return path;
  }
}

function isBound(socket: Socket): boolean {
  try {
    return socket.address().port > 0;
  } catch {
    return false; // no descriptor is left, or the system refuses a shared port
  }
}
