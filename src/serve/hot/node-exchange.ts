/**
 * Creates node:http's request and response objects for one request of a hot connection, which keeps the
 * socket.
 * In: a parsed request head without a body. Out: the pair that any `request` listener of node:http accepts.
 * RFC 9112 9.3.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { http } from '../../lib/memory/node-http.ts';
import type { ClientHeaders, RequestLine } from './request-head.ts';

/** What node:http's own parser calls: it joins or drops repeated headers as the standard requires. */
const addHeaderLines = Reflect.get(http.IncomingMessage.prototype, '_addHeaderLines') as (
  lines: string[],
  count: number,
) => void;

/** A request and its response. */
export interface NodeExchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/**
 * Creates the pair.
 *
 * @param keepAliveMs sent to the client as the timeout of Keep-Alive
 * @param done called when the response was written; true if the connection stays open
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
  // As node:http's server does, so that clients do not send on a connection that is about to close.
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
