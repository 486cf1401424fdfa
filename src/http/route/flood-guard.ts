/**
 * Refuses reports of a client that has used up its limit, before a route is looked for: a flood costs a look
 * at its header fields, and of what it sent in advance on one connection only the first request is answered.
 * In: requests. Out: 429 and a closed connection, or the next handler.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { LimitName } from '../../accounts/rate-limit.ts';
import { OxbowError } from '../../lib/errors.ts';
import { createAddressOf } from '../../serve/client/client-address.ts';
import { isLocalRequest } from '../../serve/client/local-request.ts';
import { toProblem } from '../../serve/exchange/problem.ts';
import { requestSourceOf } from '../../serve/exchange/request-source.ts';
import type { HttpDeps } from '../deps.ts';
import type { Route } from './route.ts';

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** The limit whose routes are guarded. */
const GUARDED: LimitName = 'reports';
const RETRY_AFTER_S = 5;

/** @param routes those with the guarded limit are looked at; paths have no parameters */
export function withFloodGuard(
  { limits, metrics, trustedProxies = [] }: Pick<HttpDeps, 'limits' | 'metrics' | 'trustedProxies'>,
  routes: readonly Pick<Route, 'limit' | 'method' | 'path'>[],
  handler: Handler,
): Handler {
  const guarded = routes.filter(({ limit }) => limit === GUARDED);
  const addressOf = createAddressOf(trustedProxies);
  const closing = new WeakSet<Socket>();
  const problem = toProblem(
    new OxbowError('too-many-requests', 'This address sends too many reports. Send several of them in one body.', {
      extra: { retryAfterSeconds: RETRY_AFTER_S },
    }),
    '0'.repeat(32),
  );
  const body = Buffer.from(JSON.stringify(problem.body));
  const head = { ...problem.headers, 'content-length': body.length, 'access-control-allow-origin': '*' };
  const isGuarded = ({ method, url = '' }: IncomingMessage) => {
    const path = url.split('?', 1)[0]!;
    return guarded.some((route) => route.method === method && path.endsWith(route.path));
  };
  return (request, response) => {
    const { socket } = request;
    if (closing.has(socket)) return;
    if (!isGuarded(request)) return handler(request, response);
    const source = requestSourceOf(request);
    const client = { address: addressOf(source), isLocal: isLocalRequest(source) };
    if (!limits.isUsedUp(GUARDED, client)) return handler(request, response);
    metrics.httpRequests.inc({ class: 'api', status: problem.status });
    if (request.httpVersionMajor > 1) return void response.writeHead(problem.status, head).end(body);
    closing.add(socket);
    response.writeHead(problem.status, { ...head, connection: 'close' }).end(body);
  };
}
