/**
 * HTTPS on one port: connections of HTTP/1.1, and of HTTP/2 where ALPN chose it; whoever speaks plain HTTP is told where to go.
 * In: a certificate and handlers. Out: a server like any of node:http. RFC 7301; RFC 9113, 3.2.
 */
import type { RequestListener, ServerOptions } from 'node:http';
import type { Server } from 'node:https';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { https } from '../../lib/memory/node-http.ts';
import { takeListener } from '../take-listener.ts';
import type { ShownCertificate } from './tls-certificate.ts';

/** How long a peer may take for its first byte, and then for the handshake, ms. */
const HANDSHAKE_MS = 10_000;
/** First byte of a TLS record that holds a handshake (RFC 8446, 5.1). */
const TLS_HANDSHAKE = 22;

/** The server, and what it alone knows of its connections. */
export interface TlsServer {
  readonly server: Server;
  /** Gives a connection of HTTP/1.1 to node:https. */
  readonly toHttp1: (socket: Socket) => void;
  /** Shows another certificate to connections from now on. */
  use(certificate: ShownCertificate): void;
  /** Drops connections that have said nothing yet. */
  leave(): void;
  /** Cuts off every connection. */
  destroy(): void;
}

/**
 * Makes the server; it does not listen yet.
 *
 * @param limits of HTTP/1.1
 * @param onRequest answers what comes by HTTP/1.1
 */
export function createTlsServer(
  { cert, key }: ShownCertificate,
  limits: ServerOptions,
  onRequest: RequestListener,
  handlers: {
    /** Takes a connection of HTTP/1.1. */
    readonly openHttp1: (socket: TLSSocket) => void;
    /** Takes a connection of HTTP/2. */
    readonly openHttp2: (socket: TLSSocket) => void;
  },
): TlsServer {
  const tls = { minVersion: 'TLSv1.2', ALPNProtocols: ['h2', 'http/1.1'], handshakeTimeout: HANDSHAKE_MS } as const;
  const server = https.createServer({ ...limits, ...tls, cert, key }, onRequest);
  const toHttp1 = takeListener<Socket>(server, 'secureConnection');
  server.on('secureConnection', (socket: TLSSocket) => {
    if (socket.alpnProtocol === 'h2') handlers.openHttp2(socket);
    else handlers.openHttp1(socket);
  });
  const toTls = takeListener<Socket>(server, 'connection');
  const sockets = new Set<Socket>();
  const silent = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    silent.add(socket);
    socket.once('close', () => {
      sockets.delete(socket);
      silent.delete(socket);
    });
    whenItSpeaks(socket, (first) => {
      silent.delete(socket);
      if (first[0] !== TLS_HANDSHAKE) return answerPlain(socket, first);
      socket.unshift(first);
      toTls(socket);
    });
  });
  return {
    server,
    toHttp1,
    use: (fresh) => server.setSecureContext({ minVersion: tls.minVersion, cert: fresh.cert, key: fresh.key }),
    leave() {
      for (const socket of silent) socket.destroy();
    },
    destroy() {
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** Waits for the first bytes, and leaves the socket as it was; one that says nothing is given up. */
function whenItSpeaks(socket: Socket, hear: (first: Buffer) => void): void {
  const giveUp = () => socket.destroy();
  socket.setTimeout(HANDSHAKE_MS, giveUp);
  socket.once('error', giveUp);
  socket.once('data', (first: Buffer) => {
    socket.pause();
    socket.setTimeout(0);
    socket.off('timeout', giveUp);
    socket.off('error', giveUp);
    hear(first);
  });
}

/** A person who typed `http:` is sent to `https:`; anything else learns why it is refused. */
function answerPlain(socket: Socket, first: Buffer): void {
  const text = first.toString('latin1');
  const [, path] = /^(?:GET|HEAD) (\/[!-~]*) HTTP\/1\.[01]\r\n/.exec(text) ?? [];
  const [, host] = /\r\nhost:[ \t]*([A-Za-z0-9.:[\]-]{1,255})[ \t]*\r\n/i.exec(text) ?? [];
  const [status, field, body] =
    path !== undefined && host !== undefined
      ? ['308 Permanent Redirect', `Location: https://${host}${path}\r\n`, '']
      : ['400 Bad Request', 'Content-Type: text/plain\r\n', 'This port speaks HTTPS.\n'];
  socket.on('error', () => {});
  socket.setTimeout(HANDSHAKE_MS, () => socket.destroy());
  socket.end(
    `HTTP/1.1 ${status}\r\n${field}Cache-Control: no-store\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  socket.resume();
}
