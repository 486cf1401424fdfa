/**
 * HTTPS on one port: HTTP/1.1, or HTTP/2 if ALPN chose it; plain HTTP is redirected.
 * In: a certificate and handlers. Out: a server of node:https. RFC 7301; RFC 9113 3.2.
 */
import type { RequestListener, ServerOptions } from 'node:http';
import type { Server } from 'node:https';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { https } from '../../lib/memory/node-http.ts';
import { takeListener } from '../take-listener.ts';
import type { ServerCertificate } from './tls-certificate.ts';

/** Timeout for the first byte, and then for the handshake, ms. */
const HANDSHAKE_MS = 10_000;
/** First byte of a TLS record with a handshake (RFC 8446 5.1). */
const TLS_HANDSHAKE = 22;

/** The server and its connections. */
export interface TlsServer {
  readonly server: Server;
  /** Passes an HTTP/1.1 connection to node:https. */
  readonly toHttp1: (socket: Socket) => void;
  /** Uses another certificate for new connections. */
  use(certificate: ServerCertificate): void;
  /** Destroys connections that have sent nothing yet. */
  leave(): void;
  /** Destroys every connection. */
  destroy(): void;
}

/**
 * Creates the server; it does not listen yet.
 *
 * @param limits of HTTP/1.1
 * @param onRequest answers requests over HTTP/1.1
 */
export function createTlsServer(
  { cert, key }: ServerCertificate,
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
    onFirstBytes(socket, (first) => {
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

/** Reads the first bytes, then pauses the socket. Destroys a socket that sends none in time. */
function onFirstBytes(socket: Socket, receive: (first: Buffer) => void): void {
  const giveUp = () => socket.destroy();
  socket.setTimeout(HANDSHAKE_MS, giveUp);
  socket.once('error', giveUp);
  socket.once('data', (first: Buffer) => {
    socket.pause();
    socket.setTimeout(0);
    socket.off('timeout', giveUp);
    socket.off('error', giveUp);
    receive(first);
  });
}

/** Redirects GET and HEAD over plain HTTP to `https:`; answers anything else with 400. */
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
