/**
 * Opens an SRT listener: many callers on one UDP port.
 * In: options with `accept`, which decides about each caller. Out: connections, passed to `onConnection`.
 * draft-sharabayko-srt-01 4.3.1.
 */
import { microseconds, openUdp } from '../udp.ts';
import { ListenerProtocol } from './handshake/listener.ts';
import type { SrtListener, SrtListenerOptions } from './srt.ts';

const FORWARDED = { isForwarded: true } as const;

/**
 * Binds the port and answers callers.
 *
 * @throws the error of the system when the port cannot be bound (`EADDRINUSE`, `EACCES`)
 */
export async function openSrtListener(options: SrtListenerOptions): Promise<SrtListener> {
  const protocol = new ListenerProtocol(options, {
    now: microseconds,
    transmit: (packet, address, port) => socket.transmit(packet, address, port),
  });
  const socket = await openUdp({ address: options.address, port: options.port, fd: options.fd }, undefined, {
    receive: (packet, address, port) => protocol.receive(packet, address, port),
    tick: () => protocol.tick(),
    // Of a socket for many peers: one of them is unreachable. Its connection ends when it stays silent.
    onError: (error) => options.onError?.(error),
  });
  const close = () => {
    protocol.close();
    return socket.close();
  };
  return {
    port: socket.port,
    stats: protocol.stats,
    receiveForwarded(packet, { address, port }) {
      socket.wake();
      protocol.receive(packet, address, port, FORWARDED);
    },
    receiveThrough(channel, packet) {
      socket.wake();
      protocol.receive(packet, channel.address, channel.port, { channel });
    },
    closeThrough: (channel) => protocol.closeThrough(channel),
    close,
    [Symbol.asyncDispose]: close,
  };
}
