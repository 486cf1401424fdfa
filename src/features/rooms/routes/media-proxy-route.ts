/**
 * `GET /api/v1/rooms/{id}/media/{token}/…`: media from elsewhere for the members of a room, outside the table
 * of routes because players put any path after it.
 * In: addresses that rooms/proxy has issued. Out: the answer of the other server, as it comes.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { ScopeTools } from '../../../http/additions.ts';
import type { HttpDeps } from '../../../http/deps.ts';
import { sendRelayed } from '../../../http/route/relayed-answer.ts';
import type { RoomParts } from '../parts.ts';
import { readRoom } from './room-reader.ts';

interface Params {
  readonly id: string;
}

/** Registers the address. */
export function registerMediaProxy(
  app: FastifyInstance,
  parts: RoomParts,
  deps: HttpDeps,
  { authorizer, signalOf }: ScopeTools,
): void {
  const handler = async (request: FastifyRequest<{ Params: Params }>, reply: FastifyReply) => {
    authorizer.tryToken(request);
    const { principal, client } = authorizer.authorized(request);
    const { params } = request;
    const { user } = await readRoom({ params, principal, client }, parts);
    const { range } = request.headers;
    deps.limits.check('addresses', client);
    // As it is written: the server of the media decides what an encoded character means.
    const [path, query] = cut(request.url);
    const [token = '', ...segments] = path.split('/').slice(TOKEN_AT);
    const answer = await parts.mediaProxy.fetch(params.id, {
      token,
      rest: segments.join('/'),
      query,
      range,
      user: user.id,
      rewrote: (addresses) => deps.limits.charge('addresses', client, addresses),
      signal: signalOf(reply),
    });
    return sendRelayed(request, reply, answer, deps);
  };
  // The token is longer than the router's parameters.
  app.get<{ Params: Params }>('/api/v1/rooms/:id/media/*', { schema: { hide: true } }, handler);
}

/** Parts of the path before the token: '', api, v1, rooms, id, media. */
const TOKEN_AT = 6;

function cut(url: string): readonly [path: string, query: string] {
  const mark = url.indexOf('?');
  return mark < 0 ? [url, ''] : [url.slice(0, mark), url.slice(mark)];
}
