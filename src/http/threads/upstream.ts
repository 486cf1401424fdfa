/**
 * What a serving thread does not answer itself goes to the main thread: single requests of a connection that stays, or all of it.
 * In: requests without a body, sockets. Out: the main thread's answers. RFC 9110, 7.6.1.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { pipeline } from 'node:stream';
import { OxbowError } from '../../lib/errors.ts';
import { http } from '../../lib/memory/node-http.ts';
import { endsOf } from '../client/socket-owner.ts';
import type { InternalEndpoint } from './messages.ts';
import { type Client, printPreface } from './preface.ts';

/** Headers that belong to one connection, and how its answer ends, which is written anew. */
const OF_CONNECTION: ReadonlySet<string> = new Set(['connection', 'keep-alive', 'transfer-encoding']);

/** The way to the main thread. */
export interface Upstream {
  /**
   * Has a request answered there.
   *
   * @param failed told of the OxbowError where nothing could be answered
   */
  forward(request: IncomingMessage, response: ServerResponse, failed: (reason: OxbowError) => void): void;
  /** Gives a connection away for good; nothing of it was read. */
  join(socket: Socket, protocol: Client['protocol']): void;
}

/** @param endpoint where the main thread accepts connections */
export function createUpstream({ port, secret }: InternalEndpoint): Upstream {
  /** One connection to the main thread for each of a client that needs it: it has the client's address. */
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
        // An answer that is cut off there is cut off here: `pipeline` destroys both.
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
      for (const [one, way] of [
        [socket, other],
        [other, socket],
      ] as const) {
        one.on('error', () => one.destroy());
        one.once('close', () => way.destroySoon());
        one.pipe(way);
      }
    },
  };
}

function withoutConnection(rawHeaders: readonly string[]): string[] {
  const kept: string[] = [];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    if (!OF_CONNECTION.has(rawHeaders[i]!.toLowerCase())) kept.push(rawHeaders[i]!, rawHeaders[i + 1]!);
  }
  return kept;
}
