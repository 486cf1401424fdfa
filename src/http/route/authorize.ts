/**
 * Authorizes each request to the API before its route answers: rate limits first, then the principal, then
 * its permissions.
 * In: fastify's requests and the row of the table. Out: principal, client and permissions for the route;
 * refusals. docs/9-run/access.md.
 */
import type { IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { may } from '../../accounts/permissions.ts';
import type { Principal } from '../../accounts/principal.ts';
import type { LimitName } from '../../accounts/rate-limit.ts';
import { parseSignedPath } from '../../api/signed-path.ts';
import { OxbowError } from '../../lib/errors.ts';
import { type AuthRequest, createAuthenticator } from '../../serve/client/authenticate.ts';
import { maySee } from '../../serve/client/may-see.ts';
import { endsOf } from '../../serve/client/socket-owner.ts';
import { requestSourceOf } from '../../serve/exchange/request-source.ts';
import { checkVerdict } from '../../serve/media/watch-token-policy.ts';
import type { HttpDeps } from '../deps.ts';
import { subscriberOf } from '../events/subscriber.ts';
import type { Route, RouteCall } from './route.ts';

/**
 * Paths that a player needs, and that may have a playback token in front: a program that knows one signed
 * address needs no other.
 */
const SIGNED_PATHS =
  /^\/(?:api\/v1\/(?:streams\/|clips\/|(?:events|time|cmcd)(?:\?|$))|(?:playlist\.m3u8?|xmltv\.xml(?:\.gz)?)(?:\?|$))/;

/** Limits of requests that start a session: a page of another site must not sign someone in. */
const SIGNS_IN: ReadonlySet<LimitName> = new Set(['sign-in', 'sign-up', 'guests', 'televisions']);
const FOR_PEOPLE: ReadonlySet<Route['access']> = new Set(['self', 'user', 'person']);

/** What routes receive about the sender of a request. */
export type Authorized = Pick<
  RouteCall,
  'isOperator' | 'principal' | 'client' | 'ends' | 'token' | 'sees' | 'subscriber'
>;

/** Authorizes requests to the API. */
export interface Authorizer {
  /** The address without the playback token in front of it, for fastify's `rewriteUrl`. */
  readonly unwrap: (request: IncomingMessage) => string;
  /** The playback token that `unwrap` removed. */
  tokenOf(request: FastifyRequest): string | undefined;
  /**
   * Compares the bearer token of a request, once. Throws `too-many-requests` for an address that has tried
   * too many.
   */
  tryToken(request: FastifyRequest): void;
  /** As `Authenticator.lookUp`. */
  lookUp(request: FastifyRequest): Promise<void> | undefined;
  /** Throws the refusal of a request that exceeds its rate limit or lacks the permission of the route. */
  authorize(route: Route, request: FastifyRequest, reply: FastifyReply): Promise<void>;
  /** The principal, client and permissions of a request. */
  authorized(request: FastifyRequest): Authorized;
  /** The request succeeded: a successful sign-in does not count against its rate limit. */
  succeeded(route: Route, request: FastifyRequest): void;
}

/** @param deps access, rate limits, trusted proxies */
export function createAuthorizer(deps: HttpDeps): Authorizer {
  const { access, limits, clock, streams } = deps;
  const authenticator = createAuthenticator(deps);
  const tokens = new WeakMap<IncomingMessage, string>();

  const limitOf = ({ limit, method }: Route): LimitName | undefined =>
    limit ?? (method === 'GET' ? undefined : 'writes');

  function seesBy(token: string | undefined, principal: Principal): RouteCall['sees'] {
    return (stream) => {
      if (token === undefined) return maySee(principal, stream, streams);
      // Administrators too: media checks only the token, so the page is notified here that it needs another.
      checkVerdict(access.watch.verify(token, stream, 'playlist', clock.nowMs()));
      return true;
    };
  }

  function authorized(request: FastifyRequest): Authorized {
    const authRequest = authRequestOf(request);
    const principal = authenticator.authenticate(authRequest);
    const client = authenticator.clientOf(authRequest);
    return {
      principal,
      client,
      isOperator: may({ ...principal, isLocal: client.isLocal }, 'operator'),
      ends: endsOf(request.socket),
      token: tokens.get(request.raw),
      sees: seesBy(tokens.get(request.raw), principal),
      subscriber: (filter) =>
        subscriberOf({ access, clock, authenticator, streams }, authRequest, tokens.get(request.raw), filter),
    };
  }

  return {
    unwrap(request) {
      const url = request.url ?? '/';
      const signed = parseSignedPath(url);
      if (!signed || !SIGNED_PATHS.test(signed.path)) return url;
      tokens.set(request, signed.token);
      return signed.path;
    },

    tokenOf: (request) => tokens.get(request.raw),

    lookUp: (request) => authenticator.lookUp(authRequestOf(request)),
    tryToken: (request) => authenticator.tryToken(authRequestOf(request)),

    async authorize(route, request, reply) {
      const authRequest = authRequestOf(request);
      const limit = limitOf(route);
      if (limit !== undefined) reply.headers(limits.take(limit, authenticator.clientOf(authRequest)));
      await access.watch.admit(tokens.get(request.raw), clock.nowMs());
      const { principal, client } = authorized(request);
      if (limit !== undefined && SIGNS_IN.has(limit)) authenticator.refuseForeign(authRequest);
      if (principal.session && (await access.sessions.seen(principal.session))) {
        if (principal.user) await access.users.seen(principal.user.id);
        reply.header('set-cookie', authenticator.clientOf(authRequest).cookie(authenticator.secretOf(authRequest)!));
      }
      if (may({ ...principal, isLocal: client.isLocal }, route.access)) return;
      if (principal.name !== '') throw forbidden(route, principal);
      if (FOR_PEOPLE.has(route.access))
        throw new OxbowError('unauthorized', 'This needs an account or a guest name.', { extra: { hint: 'Sign in.' } });
      access.admin.requireAdmin(request.headers.authorization);
    },

    authorized,

    succeeded(route, request) {
      if (route.limit === 'sign-in' || route.limit === 'passwords')
        limits.giveBack(route.limit, authenticator.clientOf(authRequestOf(request)));
    },
  };
}

function forbidden({ access }: Route, { session }: Authorized['principal']): OxbowError {
  if (session?.isTelevision) {
    const extra = { hint: 'Do it in a browser in which you are signed in.' };
    return new OxbowError('forbidden', 'A television watches and joins rooms, and changes nothing else.', { extra });
  }
  if (session) {
    const who = access === 'user' ? 'users with an account' : 'administrators';
    return new OxbowError('forbidden', `Only ${who} may do this.`, { extra: { hint: 'Sign in as one of them.' } });
  }
  const scope =
    access === 'operator' ? 'view' : access === 'uploader' ? 'upload' : FOR_PEOPLE.has(access) ? 'account' : access;
  return new OxbowError('forbidden', `This token lacks the scope ${scope} that the request needs.`);
}

/** Redirects pages under a signed path to the page's own address, with the playback token in the query. */
export function registerSignedPages(app: FastifyInstance): void {
  for (const page of ['watch', 'embed', 'c']) {
    app.get<{ Params: { token: string; name: string } }>(
      `/t/:token/${page}/:name`,
      { schema: { hide: true } },
      async (request, reply) => {
        const { token, name } = request.params;
        const query = new URLSearchParams(request.url.split('?')[1]);
        query.set('token', token);
        reply.header('cache-control', 'no-store');
        return reply.redirect(`/${page}/${encodeURIComponent(name)}?${query}`);
      },
    );
  }
}

function authRequestOf({ method, raw, protocol }: FastifyRequest): AuthRequest {
  return { ...requestSourceOf(raw), method, secure: protocol === 'https' };
}
