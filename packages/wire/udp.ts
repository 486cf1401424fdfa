/**
 * One UDP socket of SRT or WebRTC: large buffers, and a tick every 10 ms.
 * In: an address to bind or to connect to. Out: datagrams, without copies. Node.js dgram.
 *
 * Node allocates the buffer of each received datagram and keeps no reference to it, so packets may be kept
 * and changed.
 */
import { createSocket, type Socket, type SocketType } from 'node:dgram';
import { UdpBatches } from './udp-batches.ts';
import { type UdpPath, UdpPaths } from './udp-path.ts';

/** The interval of the tick, ms: full ACKs, deadlines and pacing (draft-sharabayko-srt-01 4.8.1). */
const TICK_MS = 10;
/**
 * Buffers of the socket, bytes; the system may give less (`net.core.rmem_max`), and uses them only while this
 * process is busy. The system counts about 2,300 bytes for each packet against twice this size: 32 MiB are
 * 0.26 s of 25 callers with 50 Mbps.
 */
const BUFFER_BYTES = 32 * 1024 * 1024;

/** Paths of a socket: the system compares the sender of each datagram with all of them. */
const MAX_PATHS = 512;

/** Callbacks of a socket. */
export interface UdpHandlers {
  /** A datagram, and where it came from. */
  receive(packet: Uint8Array, address: string, port: number): void;
  /** Every 10 ms while it returns true, and after each datagram. */
  tick(): boolean;
  /**
   * An error of the socket after it was opened: a port that nothing listens on, a network that is down. It
   * stays open.
   */
  onError(error: Error): void;
}

/** An open UDP socket. */
export interface UdpSocket {
  /** Local port. */
  readonly port: number;
  /**
   * Sends a datagram; without an address, to the connected one. Datagrams that the system refuses are lost,
   * as in a network, and so are answers to port 0, from which anyone may send (RFC 768: no reply is
   * expected).
   */
  transmit(packet: Uint8Array, address?: string, port?: number): void;
  /**
   * Opens a faster way to a peer that gets much; the caller closes it. Undefined where there is none, and
   * beyond 512 peers.
   */
  openPath(address: string, port: number): UdpPath | undefined;
  /** Starts the tick again without a datagram. */
  wake(): void;
  /** Closes the socket and ends its tick. May be called twice. */
  close(): Promise<void>;
}

/** Where a socket is bound. */
export interface UdpPlace {
  readonly address: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** File descriptor of a socket that another process has bound there, for this one. */
  readonly fd?: number | undefined;
}

/** Time for protocols: µs of the clock that never steps, plus an origin above 0. */
export function microseconds(): number {
  return 1 + performance.now() * 1000;
}

type Lookup = (host: string, options: unknown, done: (error: null, address: string, family: number) => void) => void;

/** Addresses are IP addresses: without this, Node calls its resolver for each datagram. */
const lookupAddress: Lookup = (address, _options, done) => done(null, address, address.includes(':') ? 6 : 4);

/**
 * Opens a socket.
 *
 * @param local where to bind
 * @param peer connects to it: datagrams of others are dropped by the system
 * @throws the error of the system when it cannot be bound or connected
 */
export async function openUdp(
  local: UdpPlace | undefined,
  peer: { readonly address: string; readonly port: number } | undefined,
  handlers: UdpHandlers,
): Promise<UdpSocket> {
  const family = (local ?? peer)!.address.includes(':') ? 'udp6' : 'udp4';
  const socket = createSocket({ type: family, lookup: lookupAddress as never });
  try {
    await bound(socket, local);
    if (peer) await connected(socket, peer);
  } catch (error) {
    socket.close();
    throw error;
  }
  grow(socket);
  // With several processes, other sockets of the port would change which of them gets the datagrams of a
  // caller.
  const hasPaths = !peer && local?.fd === undefined;
  return attach(socket, family, handlers, { hasPaths, hasBatches: !peer });
}

/** What a socket of many peers may have. */
interface Means {
  readonly hasPaths: boolean;
  readonly hasBatches: boolean;
}

function attach(socket: Socket, type: SocketType, handlers: UdpHandlers, { hasPaths, hasBatches }: Means): UdpSocket {
  let isOpen = true;
  const onSent = (error: Error | null): void => {
    if (error && isOpen) handlers.onError(error);
  };
  // A listener without callers must not wake the process a hundred times a second.
  let timer: NodeJS.Timeout | undefined;
  const wake = () => {
    if (!isOpen) return;
    timer ??= setInterval(() => {
      if (handlers.tick()) return;
      clearInterval(timer);
      timer = undefined;
    }, TICK_MS);
  };
  wake();
  const receive: UdpHandlers['receive'] = (packet, address, port) => {
    wake();
    handlers.receive(packet, address, port);
  };
  const batches = hasBatches ? new UdpBatches({ socket, receive }) : undefined;
  socket.on('message', (packet, { address, port }) => {
    receive(packet, address, port);
    batches?.received(packet.length);
  });
  socket.on('error', (error) => handlers.onError(error));
  const { port } = socket.address();
  const createPath = () => createSocket({ type, lookup: lookupAddress as never, reusePort: true });
  const paths = hasPaths ? new UdpPaths({ socket, grow, createSocket: createPath, receive }) : undefined;
  const ended = new Promise<void>((resolve) => {
    socket.once('close', resolve);
  });
  return {
    port,
    wake,
    openPath: (address, to) => (isOpen && paths && paths.size < MAX_PATHS ? paths.open(address, to) : undefined),
    transmit(packet, address, to) {
      if (!isOpen || to === 0) return;
      if (address === undefined) socket.send(packet, onSent);
      else socket.send(packet, to, address, onSent);
    },
    close() {
      if (isOpen) {
        isOpen = false;
        clearInterval(timer);
        paths?.close();
        batches?.close();
        // Shutdown packets of this turn leave first: datagrams that the system has not taken yet are lost
        // with the socket.
        setImmediate(() => socket.close());
      }
      return ended;
    },
  };
}

function bound(socket: Socket, local: UdpPlace | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    const { address, port = 0, fd } = local ?? {};
    socket.bind(fd === undefined ? ({ address, port, exclusive: true } as never) : { fd, exclusive: true }, () => {
      socket.off('error', reject);
      resolve();
    });
  });
}

function connected(socket: Socket, peer: { readonly address: string; readonly port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.connect(peer.port, peer.address, (error?: Error) => {
      socket.off('error', reject);
      if (error) reject(error);
      else resolve();
    });
  });
}

/** Requests large buffers, or for half of them until the system agrees. */
function grow(socket: Socket): void {
  for (const set of [socket.setRecvBufferSize, socket.setSendBufferSize]) {
    for (let bytes = BUFFER_BYTES; bytes >= 256 * 1024; bytes /= 2) {
      try {
        set.call(socket, bytes);
        break;
      } catch {
        // Some systems refuse a size that Linux reduces; the next size is smaller.
      }
    }
  }
}
