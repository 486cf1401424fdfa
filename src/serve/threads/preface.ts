/**
 * The first line of a connection from a serving thread to the main thread. Like the PROXY protocol, it
 * carries the addresses of the real client; it adds a secret, TLS and the HTTP version.
 * In: the client's socket; on the main thread the forwarded socket. Out: the line; a socket that has the
 * client's addresses.
 */
import { timingSafeEqual } from 'node:crypto';
import type { Socket } from 'node:net';
import type { ConnectionEnds } from '../client/socket-owner.ts';

/** The client's own connection. */
export interface Client extends ConnectionEnds {
  /** Over TLS. */
  readonly isSecure: boolean;
  readonly protocol: 'http1' | 'http2';
}

const LINE = /^oxbow (\S+) (\S+) (\d{1,5}) (\S+) (\d{1,5}) (tls|plain) (http1|http2)\n$/;
/** A longer first line is refused, bytes. */
const MAX_BYTES = 256;
/** A connection that has not sent the line by then is closed, ms. */
const TIMEOUT_MS = 5000;

/**
 * Prints the line.
 *
 * @param secret of the internal endpoint
 */
export function printPreface(secret: string, client: Client): string {
  const { remoteAddress, remotePort, localAddress, localPort, isSecure, protocol } = client;
  const ends = `${remoteAddress || '-'} ${remotePort} ${localAddress || '-'} ${localPort}`;
  return `oxbow ${secret} ${ends} ${isSecure ? 'tls' : 'plain'} ${protocol}\n`;
}

/** Parses the line; undefined if it is malformed or has another secret. */
export function parsePreface(line: string, secret: string): Client | undefined {
  const [, sentSecret = '', remote = '', remotePort, local = '', localPort, transport, protocol] =
    LINE.exec(line) ?? [];
  const [expected, sent] = [Buffer.from(secret), Buffer.from(sentSecret)];
  if (expected.length !== sent.length || !timingSafeEqual(expected, sent)) return undefined;
  return {
    remoteAddress: remote === '-' ? '' : remote,
    remotePort: Number(remotePort),
    localAddress: local === '-' ? '' : local,
    localPort: Number(localPort),
    isSecure: transport === 'tls',
    protocol: protocol === 'http2' ? 'http2' : 'http1',
  };
}

/**
 * Reads the line off a connection; closes a connection that does not begin with a valid one.
 *
 * @param take called once, with the socket, which then reports the client's addresses
 */
export function readPreface(socket: Socket, secret: string, take: (socket: Socket, client: Client) => void): void {
  let read = Buffer.alloc(0);
  const close = () => socket.destroy();
  socket.setTimeout(TIMEOUT_MS, close);
  socket.on('error', close);
  const onData = (bytes: Buffer) => {
    read = Buffer.concat([read, bytes]);
    const end = read.indexOf('\n') + 1;
    if (end === 0 && read.length < MAX_BYTES) return;
    const client = parsePreface(read.toString('latin1', 0, end), secret);
    if (!client) {
      close();
      return;
    }
    socket.pause();
    socket.setTimeout(0);
    socket.off('timeout', close);
    socket.off('error', close);
    socket.off('data', onData);
    if (read.length > end) socket.unshift(read.subarray(end));
    const { remoteAddress, remotePort, localAddress, localPort } = client;
    for (const [name, value] of Object.entries({ remoteAddress, remotePort, localAddress, localPort }))
      Object.defineProperty(socket, name, { value });
    if (client.isSecure) Object.defineProperty(socket, 'encrypted', { value: true });
    take(socket, client);
    // node:http2 resumes the socket itself; resumed here, the bytes that were put back would be lost.
    if (client.protocol === 'http1') socket.resume();
  };
  socket.on('data', onData);
}
