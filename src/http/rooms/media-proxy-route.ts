/**
 * `GET /api/v1/rooms/{id}/media/{token}/…`: media from elsewhere for the members of a room, outside the table
 * of routes because players put any path behind it.
 * In: addresses that rooms/proxy has issued. Out: what the other server answers, as it comes.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { HttpDeps } from '../deps.ts';
import type { Authorizer } from '../route/authorize.ts';
import { sendRelayed } from '../route/relayed-answer.ts';
import { readRoom } from '../routes/rooms/room-reader.ts';

interface Params {
  readonly id: string;
}

/** Registers the address. `signalOf`: aborts when the client disconnects. */
export function registerMediaProxy(
  app: FastifyInstance,
  deps: HttpDeps,
  authorizer: Authorizer,
  signalOf: (reply: FastifyReply) => AbortSignal,
): void {
  const handler = async (request: FastifyRequest<{ Params: Params }>, reply: FastifyReply) => {
    authorizer.tryToken(request);
    const { principal, client } = authorizer.authorized(request);
    const { params } = request;
    await readRoom({ params, principal, client }, deps);
    const { range } = request.headers;
    // As it is written: the server of the media decides what an encoded character means.
    const [path, query] = cut(request.url);
    const [token = '', ...rest] = path.split('/').slice(TOKEN_AT);
    const answer = await deps.mediaProxy.fetch(params.id, {
      token,
      rest: rest.join('/'),
      query,
      range,
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
