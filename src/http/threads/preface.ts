/**
 * The first line of a connection from a serving thread to the main thread: whose connection it really is, and how it came.
 * In: a client's socket; the main thread's end. Out: one line of text; the address as if the client had come by itself.
 */
import { timingSafeEqual } from 'node:crypto';
import type { Socket } from 'node:net';
import type { ConnectionEnds } from '../client/socket-owner.ts';

/** How a client came: the ends of its own connection, and what it speaks. */
export interface Client extends ConnectionEnds {
  /** By TLS. */
  readonly isSecure: boolean;
  readonly protocol: 'http1' | 'http2';
}

const LINE = /^oxbow (\S+) (\S+) (\d{1,5}) (\S+) (\d{1,5}) (tls|plain) (http1|http2)\n$/;
/** A longer first line is none of ours, bytes. */
const MAX_BYTES = 256;
/** The line is the first that is sent. */
const WITHIN_MS = 5000;

/** @param secret known to the threads of this process alone */
export function printPreface(secret: string, client: Client): string {
  const { remoteAddress, remotePort, localAddress, localPort, isSecure, protocol } = client;
  const ends = `${remoteAddress || '-'} ${remotePort} ${localAddress || '-'} ${localPort}`;
  return `oxbow ${secret} ${ends} ${isSecure ? 'tls' : 'plain'} ${protocol}\n`;
}

/** Parses the line; undefined where it is none of ours. */
export function parsePreface(line: string, secret: string): Client | undefined {
  const [, given = '', remote = '', remotePort, local = '', localPort, way, protocol] = LINE.exec(line) ?? [];
  const [own, other] = [Buffer.from(secret), Buffer.from(given)];
  if (own.length !== other.length || !timingSafeEqual(own, other)) return undefined;
  return {
    remoteAddress: remote === '-' ? '' : remote,
    remotePort: Number(remotePort),
    localAddress: local === '-' ? '' : local,
    localPort: Number(localPort),
    isSecure: way === 'tls',
    protocol: protocol === 'http2' ? 'http2' : 'http1',
  };
}

/**
 * Reads the line off a connection; whoever does not begin with it is cut off.
 *
 * @param take called once, with the socket as if the client itself had connected
 */
export function readPreface(socket: Socket, secret: string, take: (socket: Socket, client: Client) => void): void {
  let read = Buffer.alloc(0);
  const giveUp = () => socket.destroy();
  socket.setTimeout(WITHIN_MS, giveUp);
  socket.on('error', giveUp);
  const onData = (bytes: Buffer) => {
    read = Buffer.concat([read, bytes]);
    const end = read.indexOf('\n') + 1;
    if (end === 0 && read.length < MAX_BYTES) return;
    const client = parsePreface(read.toString('latin1', 0, end), secret);
    if (!client) {
      giveUp();
      return;
    }
    socket.pause();
    socket.setTimeout(0);
    socket.off('timeout', giveUp);
    socket.off('error', giveUp);
    socket.off('data', onData);
    if (read.length > end) socket.unshift(read.subarray(end));
    const { remoteAddress, remotePort, localAddress, localPort } = client;
    for (const [name, value] of Object.entries({ remoteAddress, remotePort, localAddress, localPort }))
      Object.defineProperty(socket, name, { value });
    if (client.isSecure) Object.defineProperty(socket, 'encrypted', { value: true });
    take(socket, client);
    // node:http2 reads what was put back in its own time; flowing, it would be lost.
    if (client.protocol === 'http1') socket.resume();
  };
  socket.on('data', onData);
}
