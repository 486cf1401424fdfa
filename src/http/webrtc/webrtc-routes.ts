/**
 * WHIP and WHEP: `POST /whip/{stream}` opens the session of a publisher, `POST /whep/{stream}` that of a
 * viewer; `DELETE` on its address ends it. Outside the table of routes, because bodies are SDP.
 * In: offers. Out: answers as `201 Created` with `Location`. RFC 9725, draft-ietf-wish-whep.
 */

import { MAX_SDP_LENGTH } from '@oxbow/media/sdp/sdp';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { WebRtcApi } from '../../api/realtime/webrtc-api.ts';
import { OxbowError } from '../../lib/errors.ts';
import { createAddressOf } from '../../serve/client/client-address.ts';
import { createClientCountry } from '../../serve/client/client-country.ts';
import { corsOf, type ForeignPages } from '../../serve/client/foreign-pages.ts';
import type { HeadFields } from '../../serve/exchange/exchange.ts';
import { requestSourceOf } from '../../serve/exchange/request-source.ts';
import type { HttpDeps } from '../deps.ts';

/** Type of offers and answers. */
export const SDP = 'application/sdp';
const TRICKLE = 'application/trickle-ice-sdpfrag';

interface SessionParams {
  readonly name: string;
  readonly id: string;
}

/** Of an answer to a page that may read it. No cookie is used. RFC 9725 4.2 */
const readable = { 'access-control-expose-headers': 'Location, Link, ETag' } as const;
/** A session has an address that no one can guess: only its client has it. */
const anyPage = { 'access-control-allow-origin': '*', ...readable } as const;

const preflight = {
  ...readable,
  'access-control-allow-methods': 'POST, PATCH, DELETE, OPTIONS',
  'access-control-allow-headers': 'Authorization, Content-Type, If-Match',
  'access-control-max-age': '86400',
  'accept-post': SDP,
} as const;

/**
 * Registers the addresses in their own scope.
 *
 * @param pages what pages of other sites may watch; without it everything
 * @param signalOf aborts when the client disconnects
 */
export function registerWebRtc(
  scope: FastifyInstance,
  deps: HttpDeps,
  pages: ForeignPages | undefined,
  signalOf: (reply: FastifyReply) => AbortSignal,
): void {
  const { webrtc } = deps;
  const addressOf = createAddressOf(deps.trustedProxies ?? []);
  const countryOf = createClientCountry(deps);
  scope.addContentTypeParser([SDP, TRICKLE], { parseAs: 'string', bodyLimit: MAX_SDP_LENGTH }, (_, body, done) =>
    done(null, body),
  );
  const route = { schema: { hide: true } };

  for (const kind of ['whip', 'whep'] as const) {
    const open = `/${kind}/:name`;
    const session = `${open}/:id`;
    scope.options(open, route, async (request, reply) => {
      const fields = preflightFields(kind, request, pages);
      return reply.code(204).headers(fields).send();
    });
    scope.options(session, route, async (_, reply) =>
      reply
        .code(204)
        .headers({ ...anyPage, ...preflight })
        .send(),
    );
    scope.post(open, route, async (request: FastifyRequest, reply: FastifyReply) => {
      const { name } = request.params as SessionParams;
      const { headers, socket } = request.raw;
      const key = bearerOf(headers.authorization);
      reply.headers(refuseForeign(kind, request, key, pages));
      const asked = {
        name,
        key,
        remote: `${addressOf(requestSourceOf(request.raw))}:${socket.remotePort ?? 0}`,
        country: countryOf(requestSourceOf(request.raw)),
        reachedAt: socket.localAddress,
        userAgent: headers['user-agent'],
        offer: bodyOf(request, SDP),
      };
      const opened = kind === 'whip' ? webrtc.publish(asked) : webrtc.play(asked, { signal: signalOf(reply) });
      const { id, sdp } = await opened;
      reply.headers(offeredServers(webrtc, { location: `/${kind}/${name}/${id}`, etag: `"${id}"` }));
      return reply.code(201).type(SDP).send(sdp);
    });
    scope.patch(session, route, async (request, reply) => {
      const { name, id } = request.params as SessionParams;
      reply.headers(anyPage);
      webrtc.trickle(name, id, bodyOf(request, TRICKLE));
      return reply.code(204).send();
    });
    scope.delete(session, route, async (request, reply) => {
      const { name, id } = request.params as SessionParams;
      reply.headers(anyPage);
      await webrtc.end(name, id);
      return reply.code(200).send();
    });
  }
}

/**
 * CORS fields of the answer to a page.
 * @throws OxbowError `cross-site` for a page that may not send this offer
 */
function refuseForeign(
  kind: 'whip' | 'whep',
  { params, raw }: FastifyRequest,
  key: string | undefined,
  pages: ForeignPages | undefined,
): HeadFields {
  if (!pages) return anyPage;
  const source = requestSourceOf(raw);
  const { name: stream } = params as SessionParams;
  // What a page may watch says nothing about what it may publish: for that it has a key, or nothing.
  const target = kind === 'whep' ? { stream, token: key } : { stream: undefined, token: undefined };
  if (kind === 'whip' && key !== undefined) return { ...corsOf(pages.fieldsFor(source, target)), ...anyPage };
  pages.refuseForeign(source, target);
  return { ...corsOf(pages.fieldsFor(source, target)), ...readable };
}

/**
 * Fields of the answer to a preflight. It carries no token: with one to come, the request itself is judged.
 */
function preflightFields(
  kind: 'whip' | 'whep',
  { params, headers, raw }: FastifyRequest,
  pages: ForeignPages | undefined,
): HeadFields {
  const willAuthorize = /(?:^|[\s,])authorization(?:$|[\s,])/i.test(
    String(headers['access-control-request-headers'] ?? ''),
  );
  if (!pages || willAuthorize) return { ...anyPage, ...preflight };
  const source = requestSourceOf(raw);
  const stream = kind === 'whep' ? (params as SessionParams).name : undefined;
  const fields = corsOf(pages.fieldsFor(source, { stream, token: undefined }));
  return fields['access-control-allow-origin'] === undefined ? fields : { ...fields, ...preflight };
}

/** The body. @throws OxbowError `unsupported-media` for another type */
export function bodyOf({ body, headers }: FastifyRequest, type: string): string {
  if (headers['content-type']?.split(';')[0]?.trim().toLowerCase() === type && typeof body === 'string') return body;
  throw new OxbowError('unsupported-media', `The body must have the type ${type}.`, {
    extra: { hint: `Send the SDP itself, with \`Content-Type: ${type}\`.` },
  });
}

/** The token of `Authorization: Bearer`, RFC 6750 2.1. */
function bearerOf(field: string | undefined): string | undefined {
  return /^Bearer +(\S+) *$/i.exec(field ?? '')?.[1];
}

/**
 * Header fields with the servers for STUN and TURN, RFC 9725 4.6; for a client that was authorized: they have
 * credentials.
 */
function offeredServers({ iceServers }: WebRtcApi, fields: Readonly<Record<string, string>>): Record<string, string> {
  if (iceServers.length === 0) return { ...fields };
  const link = iceServers.map(({ url, username, credential }) => {
    const secret =
      username === undefined ? '' : `; username="${username}"; credential="${credential}"; credential-type="password"`;
    return `<${url}>; rel="ice-server"${secret}`;
  });
  return { ...fields, link: link.join(', ') };
}
