/**
 * Node's request and response objects on a connection of ours, for one answer; the connection stays ours.
 * In: a head without a body. Out: what any listener of node:http takes. RFC 9112, 9.3.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { http } from '../../lib/memory/node-http.ts';
import type { ClientHeaders, RequestLine } from './request-head.ts';

/** How node:http's own parser hands headers over: it knows which are joined and which of two counts. */
const addHeaderLines = Reflect.get(http.IncomingMessage.prototype, '_addHeaderLines') as (
  lines: string[],
  count: number,
) => void;

/** A request with its response, while it is being answered. */
export interface NodeExchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/**
 * Makes the pair.
 *
 * @param keepAliveMs told to the client: how long the connection may rest
 * @param done the answer was written to the end; true where the connection may go on
 */
export function createNodeExchange(
  socket: Socket,
  { method, target }: Pick<RequestLine, 'method' | 'target'>,
  headers: ClientHeaders,
  { keepAliveMs, done }: { readonly keepAliveMs: number; readonly done: (keepsAlive: boolean) => void },
): NodeExchange {
  const request = new http.IncomingMessage(socket);
  Object.assign(request, { method, url: target, httpVersion: '1.1', httpVersionMajor: 1, httpVersionMinor: 1 });
  addHeaderLines.call(request, [...headers.rawHeaders], headers.rawHeaders.length);
  request.complete = true;
  request.push(null);
  const response = new http.ServerResponse(request);
  response.shouldKeepAlive = !headers.closes;
  // As node:http's own server does: so that a client does not send on a connection that is about to be closed.
  Reflect.set(response, '_keepAliveTimeout', keepAliveMs);
  response.assignSocket(socket);
  response.once('finish', () => {
    response.detachSocket(socket);
    const keepsAlive = response.shouldKeepAlive;
    process.nextTick(() => {
      response.destroyed = true;
      response.emit('close');
      done(keepsAlive);
    });
  });
  return { request, response };
}
