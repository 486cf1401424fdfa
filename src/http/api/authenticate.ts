/**
 * Who asks: an administrator by token or by the cookie of a session, a program that may look, or anyone. And whether a request that a
 * browser sends with the cookie comes from a page of ours.
 * In: header fields, the connection. Out: Principal, or a refusal. RFC 6265bis, 4.1.3 and 5.6; Fetch Metadata; RFC 9110, 9.2.1.
 */

import type { Session } from '../../accounts/sessions.ts';
import { SESSION_MS } from '../../accounts/sessions.ts';
import { OxbowError } from '../../lib/errors.ts';
import { createClientAddress } from '../client/client-address.ts';
import { readForwarded } from '../client/forwarded.ts';
import { isLocalRequest } from '../client/local-request.ts';
import { createPublicAddress, type RequestOrigin } from '../client/public-address.ts';
import type { RequestClient } from '../client/request-client.ts';
import type { HttpDeps } from '../deps.ts';

/** A request, as far as it says who sent it. */
export interface AuthRequest extends RequestOrigin {
  readonly method: string;
}

/** Whoever sent a request. */
export interface Principal {
  /** May do everything. */
  readonly isAdmin: boolean;
  /** May watch and read of every stream; every administrator may. */
  readonly seesAll: boolean;
  /** The browser's session, where a cookie says who asks. */
  readonly session: Session | undefined;
  /** For the log: which session or token, `''` for nobody that is known. No secret. */
  readonly name: string;
}

/** Tells who asks. */
export interface Authenticator {
  /**
   * Compares a request's bearer token, where it has one. To be called once for each request, before anything else asks who sent it.
   *
   * @throws OxbowError `too-many-requests` where the address has tried too many tokens
   */
  tryToken(request: RequestOrigin): void;
  /** Who a request is from, whatever it wants. */
  principalOf(request: RequestOrigin): Principal;
  /**
   * Who a request is from that may change something: each with an unsafe method, and each that opens a WebSocket.
   *
   * @throws OxbowError `cross-site` where a page of another site sent it with our cookie
   */
  authenticate(request: AuthRequest): Principal;
  /** Whether a page of another site sent it, or it does not tell. */
  isForeign(request: RequestOrigin): boolean;
  /** Throws `cross-site` where a page of another site sent it, whoever is signed in. */
  refuseForeign(request: RequestOrigin): void;
  clientOf(request: RequestOrigin): RequestClient;
  /** The word in the cookie, for telling the browser again how long it lasts. */
  secretOf(request: RequestOrigin): string | undefined;
}

const SAFE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);
const BEARER = /^Bearer +([^\s]+) *$/i;
const nobody: Principal = { isAdmin: false, seesAll: false, session: undefined, name: '' };
const administrator: Principal = { isAdmin: true, seesAll: true, session: undefined, name: 'admin token' };

/** @param deps `access` knows the rights */
export function createAuthenticator({
  access,
  publicUrl,
  trustedProxies = [],
  tokenTries,
}: Pick<HttpDeps, 'access' | 'publicUrl' | 'trustedProxies' | 'tokenTries'>): Authenticator {
  const ownAddress = createPublicAddress(undefined, trustedProxies);
  const clientAddress = createClientAddress(trustedProxies);
  const publicOrigin = publicUrl === undefined ? undefined : new URL(publicUrl).origin;

  /** Origins are compared as browsers write them: without the port that goes without saying. */
  function originOf(request: RequestOrigin): string | undefined {
    const own = URL.parse(ownAddress(request) ?? '');
    if (!own) return undefined;
    // A proxy that says nothing of the scheme: the setting knows it.
    return publicOrigin !== undefined && own.host === new URL(publicOrigin).host ? publicOrigin : own.origin;
  }

  function cookieName(request: RequestOrigin): string {
    const { protocol, port } = new URL(originOf(request) ?? 'http://unknown');
    // A cookie is for all ports of a host: each oxbow there has one of its own. `__Host-` can be set by no other host, nor without TLS.
    return `${protocol === 'https:' ? '__Host-' : ''}oxbow${port === '' ? '' : `-${port}`}`;
  }

  function secretOf(request: RequestOrigin): string | undefined {
    const name = `${cookieName(request)}=`;
    const pair = request.headers.cookie?.split(/; */).find((one) => one.startsWith(name));
    return pair?.slice(name.length);
  }

  function principalOf(request: RequestOrigin): Principal {
    const { authorization } = request.headers;
    if (authorization !== undefined && BEARER.test(authorization)) {
      if (access.admin.isAdmin(authorization)) return administrator;
      const token = access.tokens.find(BEARER.exec(authorization)![1]!);
      if (!token) return nobody;
      const name = `token ${token.label}`;
      return token.scopes.includes('admin') ? { ...administrator, name } : { ...nobody, seesAll: true, name };
    }
    const secret = secretOf(request);
    const session = secret === undefined ? undefined : access.sessions.find(secret);
    return session ? { isAdmin: true, seesAll: true, session, name: `session ${session.id}` } : nobody;
  }

  function isForeign(request: RequestOrigin): boolean {
    const { origin, 'sec-fetch-site': site } = request.headers;
    if (site === 'same-origin') return false;
    return origin === undefined || (origin !== originOf(request) && origin !== publicOrigin);
  }

  function refuse(request: RequestOrigin): never {
    const from = request.headers.origin ?? 'an unknown page';
    throw new OxbowError('cross-site', `The request came from ${from.slice(0, 200)}, not from a page of this server.`);
  }

  function clientOf(request: RequestOrigin): RequestClient {
    const { headers, remoteAddress } = request;
    const origin = originOf(request);
    const attributes = `; Path=/; HttpOnly; SameSite=Strict${origin?.startsWith('https:') ? '; Secure' : ''}`;
    const name = cookieName(request);
    return {
      address: clientAddress(remoteAddress, readForwarded(headers).for),
      origin: publicOrigin ?? origin,
      isLocal: isLocalRequest(request),
      cookie: (secret) => `${name}=${secret}; Max-Age=${SESSION_MS / 1000}${attributes}`,
      noCookie: () => `${name}=; Max-Age=0${attributes}`,
    };
  }

  return {
    tryToken(request) {
      const token = BEARER.exec(request.headers.authorization ?? '')?.[1];
      if (token !== undefined) tokenTries.check(token, clientOf(request), () => principalOf(request) !== nobody);
    },
    principalOf,
    authenticate(request) {
      const principal = principalOf(request);
      const isSafe = SAFE.has(request.method) && request.headers.upgrade === undefined;
      if (principal.session && !isSafe && isForeign(request)) refuse(request);
      return principal;
    },
    isForeign,
    refuseForeign(request) {
      const isBrowser = request.headers.origin !== undefined || request.headers['sec-fetch-site'] !== undefined;
      if (isBrowser && isForeign(request)) refuse(request);
    },
    clientOf,
    secretOf,
  };
}
