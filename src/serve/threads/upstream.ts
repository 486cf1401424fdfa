/**
 * Forwards to the main thread what a serving thread does not answer: single requests, as a reverse proxy, or
 * a whole connection, as a tunnel (HTTP/2, WebSocket, requests with a body).
 * In: requests without a body, sockets. Out: the main thread's responses. RFC 9110 7.6.1.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { pipeline } from 'node:stream';
import { OxbowError } from '../../lib/errors.ts';
import { http } from '../../lib/memory/node-http.ts';
import { endsOf } from '../client/socket-owner.ts';
import type { InternalEndpoint } from './messages.ts';
import { type Client, printPreface } from './preface.ts';

/** Hop-by-hop headers: node:http writes its own. */
const HOP_BY_HOP: ReadonlySet<string> = new Set(['connection', 'keep-alive', 'transfer-encoding']);

/** Client of the internal endpoint. */
interface Upstream {
  /**
   * Forwards a request and its response.
   *
   * @param failed called if the main thread cannot be reached and no byte of a response was sent
   */
  forward(request: IncomingMessage, response: ServerResponse, failed: (reason: OxbowError) => void): void;
  /** Tunnels a connection of which nothing has been read. */
  join(socket: Socket, protocol: Client['protocol']): void;
}

/**
 * Creates the client. It opens connections when they are needed.
 *
 * @param endpoint where the main thread accepts connections
 */
export function createUpstream({ port, secret }: InternalEndpoint): Upstream {
  /** One upstream connection for each client connection, since its preface names that client. */
  const agents = new WeakMap<Socket, InstanceType<typeof http.Agent>>();

  function open(client: Socket, protocol: Client['protocol']): Socket {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true, allowHalfOpen: true });
    const isSecure = 'encrypted' in client;
    socket.write(printPreface(secret, { ...endsOf(client), isSecure, protocol }));
    return socket;
  }

  function agentOf(client: Socket): InstanceType<typeof http.Agent> {
    let agent = agents.get(client);
    if (!agent) {
      agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
      agent.createConnection = () => open(client, 'http1');
      agents.set(client, agent);
      client.once('close', () => agent?.destroy());
    }
    return agent;
  }

  return {
    forward(request, response, failed) {
      const { method, url: path, rawHeaders } = request;
      const outgoing = http.request({
        agent: agentOf(request.socket),
        method,
        path,
        setHost: false,
        headers: withoutConnection(rawHeaders),
      });
      outgoing.on('response', (incoming) => {
        response.sendDate = false;
        if (incoming.headers.connection === 'close') response.shouldKeepAlive = false;
        response.writeHead(incoming.statusCode!, incoming.statusMessage, withoutConnection(incoming.rawHeaders));
        // A response that is cut off upstream is cut off here: `pipeline` destroys both.
        pipeline(incoming, response, () => {});
      });
      outgoing.on('error', (error) => {
        if (response.headersSent || response.destroyed) response.destroy();
        else failed(new OxbowError('not-ready', 'oxbow is starting or ending.', { cause: error }));
      });
      response.once('close', () => {
        if (!response.writableFinished) outgoing.destroy();
      });
      outgoing.end();
    },
    join(socket, protocol) {
      const other = open(socket, protocol);
      for (const [from, to] of [
        [socket, other],
        [other, socket],
      ] as const) {
        from.on('error', () => from.destroy());
        from.once('close', () => to.destroySoon());
        from.pipe(to);
      }
    },
  };
}

function withoutConnection(rawHeaders: readonly string[]): string[] {
  const kept: string[] = [];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    if (!HOP_BY_HOP.has(rawHeaders[i]!.toLowerCase())) kept.push(rawHeaders[i]!, rawHeaders[i + 1]!);
  }
  return kept;
}
