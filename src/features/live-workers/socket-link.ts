/**
 * A WebSocket as the link of an encoder.
 * In: a socket that is open. Out: EncoderLink, for the server and for a worker.
 */
import type { RawData, WebSocket } from 'ws';
import { messageOf } from '../../lib/errors.ts';
import { MAX_LINK_MESSAGE } from '../../transcode/live/remote/linked-encoder.ts';
import type { EncoderLink } from '../../transcode/live/remote/remote-encoders.ts';
import { closeReason } from './messages.ts';

/** Most bytes that wait for the network: a side that is so slow is left. */
const MAX_BUFFERED = 64 * 1024 * 1024;
/** A side that does not answer the close frame within this is disconnected, ms. */
const CLOSE_WITHIN_MS = 1000;

/** Options of both sides of a WebSocket. */
export const socketOptions = { perMessageDeflate: false, maxPayload: MAX_LINK_MESSAGE + 16 } as const;

/** Closes a socket, at once where the other side does not answer. */
export function closeSocket(socket: WebSocket, why: string): void {
  socket.close(1000, closeReason(why));
  const late = setTimeout(() => socket.terminate(), CLOSE_WITHIN_MS);
  late.unref();
  socket.once('close', () => clearTimeout(late));
}

/** Bytes of a binary message. */
export function bytesOf(data: RawData): Uint8Array {
  return Array.isArray(data) ? Buffer.concat(data) : new Uint8Array(data as Buffer);
}

/**
 * Uses a socket as a link; its owner passes binary messages on to `onMessage`.
 *
 * @param count called with the bytes of each message in either direction
 */
export function openSocketLink(
  socket: WebSocket,
  count: (direction: 'in' | 'out', bytes: number) => void,
): EncoderLink & { receive(data: RawData): void } {
  const { promise: ended, resolve } = Promise.withResolvers<string>();
  let isOver = false;
  socket.once('close', (_, reason: Buffer) => {
    isOver = true;
    resolve(reason.toString() || 'the connection ended');
  });
  const close = (why: string) => {
    if (isOver) return;
    isOver = true;
    closeSocket(socket, why);
    resolve(why);
  };
  return {
    ended,
    close,
    onMessage: () => {},
    send(message) {
      if (isOver) return;
      count('out', message.length);
      socket.send(message, { binary: true });
      if (socket.bufferedAmount > MAX_BUFFERED) close('the network is too slow');
    },
    receive(data) {
      if (isOver) return;
      const bytes = bytesOf(data);
      count('in', bytes.length);
      try {
        this.onMessage(bytes);
      } catch (error) {
        close(messageOf(error));
      }
    },
  };
}
