/**
 * The routes of tus, outside of the table of routes: their requests have no JSON.
 * In: fastify, the authorizer. Out: answers of tus.ts.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { HttpDeps } from '../deps.ts';
import type { Authorizer } from '../route/authorize.ts';
import { defineRoute, type Route } from '../route/route.ts';
import type { createTus } from './tus.ts';
import { TUS_PATH } from './tus-context.ts';

/** Registers them in a scope whose parser does not read bodies. */
export function registerTus(
  scope: FastifyInstance,
  { uploads, uploadCreation }: Pick<HttpDeps, 'uploads' | 'uploadCreation'>,
  authorizer: Authorizer,
  signalOf: (reply: FastifyReply) => AbortSignal,
): void {
  // @tus/server takes 0.1 s and some MiB, for nothing where there are no uploads.
  let opening: Promise<ReturnType<typeof createTus>> | undefined;
  const open = async () => (await import('./tus.ts')).createTus(uploads, uploadCreation);
  const handler = async (request: FastifyRequest, reply: FastifyReply) => {
    const { principal, client } = authorizer.authorized(request);
    const { method, url: target, headers, raw: body } = request;
    opening ??= open();
    const call = { method, target, headers, body, who: principal, origin: client.origin, signal: signalOf(reply) };
    const { status, headers: fields } = await (await opening)(call);
    return reply.code(status).headers(fields).send();
  };
  const routes = [
    ['POST', TUS_PATH, 'writes'],
    ['PATCH', `${TUS_PATH}/:id`, 'uploads'],
    ['HEAD', `${TUS_PATH}/:id`, 'uploads'],
    ['DELETE', `${TUS_PATH}/:id`, 'writes'],
  ] as const;
  for (const [method, url, limit] of routes) {
    const row = permission(limit);
    scope.route({
      method,
      url,
      schema: { hide: true },
      onRequest: async (request, reply) => {
        await authorizer.lookUp(request);
        authorizer.tryToken(request);
        await authorizer.authorize(row, request, reply);
      },
      handler,
    });
  }
  // The abilities of the server are no secret, and clients request them without credentials.
  for (const url of [TUS_PATH, `${TUS_PATH}/:id`]) {
    scope.route({ method: 'OPTIONS', url, schema: { hide: true }, handler });
  }
}

/** A row that has only the permission. */
function permission(limit: 'writes' | 'uploads'): Route {
  return defineRoute({
    method: 'POST',
    path: TUS_PATH,
    tag: 'uploads',
    access: 'uploader',
    limit,
    sentence: '',
    replies: {},
    answer: () => ({}),
  });
}
