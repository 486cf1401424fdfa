/**
 * Authenticates requests: by the admin token, an API token, or a session cookie. Refuses requests that a page
 * of another site sends with the cookie (CSRF).
 * In: header fields, the connection. Out: Principal, or a refusal. RFC 6265bis 4.1.3 and 5.6; Fetch Metadata;
 * RFC 9110 9.2.1.
 */
import { administrator, anonymous, ownWorker, type Principal } from '../../accounts/principal.ts';
import type { LimitedClient } from '../../accounts/rate-limit.ts';
import { SESSION_MS } from '../../accounts/sessions.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { ServeDeps } from '../deps.ts';
import { createAddressOf } from './client-address.ts';
import { createClientCountry } from './client-country.ts';
import { readForwarded } from './forwarded.ts';
import { isForwarded, isLocalRequest } from './local-request.ts';
import { createPublicAddress, type RequestOrigin } from './public-address.ts';

/** The parts of a request that authenticate it. */
export interface AuthRequest extends RequestOrigin {
  readonly method: string;
}

export interface RequestClient extends LimitedClient {
  /** Code of its country; undefined: unknown. */
  readonly country?: string | undefined;
  /** Origin by which it reaches this server; undefined if the request names no host. */
  readonly origin: string | undefined;
  /** Set-Cookie that starts a session. */
  cookie(secret: string): string;
  /** Set-Cookie that deletes it. */
  noCookie(): string;
}

/** Authenticates requests. */
export interface Authenticator {
  /**
   * Finds a request's credentials that another node has created a moment ago. Undefined: there is nothing to
   * wait for.
   */
  lookUp(request: RequestOrigin): Promise<void> | undefined;
  /**
   * Compares a request's bearer token, where it has one. Call it once for each request, before any other
   * method.
   *
   * @throws OxbowError `too-many-requests` if the address has tried too many tokens
   */
  tryToken(request: RequestOrigin): void;
  /** The principal, without the check against forged requests. */
  principalOf(request: RequestOrigin): Principal;
  /**
   * The principal of a request. Checks unsafe methods and WebSocket upgrades against forgery.
   *
   * @throws OxbowError `cross-site` if a page of another site sent it with the session cookie
   */
  authenticate(request: AuthRequest): Principal;
  /** Whether a page of another site sent it. Also true if the request does not say. */
  isForeign(request: RequestOrigin): boolean;
  /** Throws `cross-site` if a page of another site sent it, signed in or not. */
  refuseForeign(request: RequestOrigin): void;
  /** The client's address, origin and cookies. */
  clientOf(request: RequestOrigin): RequestClient;
  /** The secret in the session cookie, for setting the cookie again with a new lifetime. */
  secretOf(request: RequestOrigin): string | undefined;
}

const SAFE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);
const BEARER = /^Bearer +([^\s]+) *$/i;
/** @param deps `access` holds the credentials */
export function createAuthenticator(
  deps: Pick<ServeDeps, 'access' | 'publicUrl' | 'trustedProxies' | 'countryHeader' | 'countries' | 'tokenTries'>,
): Authenticator {
  const { access, publicUrl, trustedProxies = [], tokenTries } = deps;
  const ownAddress = createPublicAddress(undefined, trustedProxies);
  const addressOf = createAddressOf(trustedProxies);
  const countryOf = createClientCountry(deps);
  const publicOrigin = publicUrl === undefined ? undefined : new URL(publicUrl).origin;

  /** The server's origin as browsers write it, without the default port. */
  function originOf(request: RequestOrigin): string | undefined {
    const url = URL.parse(ownAddress(request) ?? '');
    // A proxy that passes on neither the host nor the scheme: clients use the public address.
    if (publicOrigin !== undefined && isForwarded(request.headers)) {
      const { host, proto } = readForwarded(request.headers);
      if (host === undefined && proto === undefined) return publicOrigin;
    }
    if (!url) return undefined;
    // A proxy may not report the scheme; `publicUrl` has it.
    return publicOrigin !== undefined && url.host === new URL(publicOrigin).host ? publicOrigin : url.origin;
  }

  function cookieName(request: RequestOrigin): string {
    const { protocol, port } = new URL(originOf(request) ?? 'http://unknown');
    // A cookie is valid for all ports of a host, so the name has the port. Only this host can set `__Host-`,
    // and only over TLS.
    return `${protocol === 'https:' ? '__Host-' : ''}oxbow${port === '' ? '' : `-${port}`}`;
  }

  function secretOf(request: RequestOrigin): string | undefined {
    const name = `${cookieName(request)}=`;
    const pair = request.headers.cookie?.split(/; */).find((cookie) => cookie.startsWith(name));
    return pair?.slice(name.length);
  }

  function principalOf(request: RequestOrigin): Principal {
    const { authorization } = request.headers;
    if (authorization !== undefined && BEARER.test(authorization)) {
      if (access.admin.isAdmin(authorization)) return administrator;
      const secret = BEARER.exec(authorization)![1]!;
      if (access.ownWorker.matches(secret)) return ownWorker;
      return access.ofToken(secret);
    }
    const secret = secretOf(request);
    return secret === undefined ? anonymous : access.ofCookie(secret);
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
    const origin = originOf(request);
    const attributes = `; Path=/; HttpOnly; SameSite=Strict${origin?.startsWith('https:') ? '; Secure' : ''}`;
    const name = cookieName(request);
    return {
      address: addressOf(request),
      country: countryOf(request),
      origin: publicOrigin ?? origin,
      isLocal: isLocalRequest(request),
      cookie: (secret) => `${name}=${secret}; Max-Age=${SESSION_MS / 1000}${attributes}`,
      noCookie: () => `${name}=; Max-Age=0${attributes}`,
    };
  }

  return {
    lookUp(request) {
      const { authorization } = request.headers;
      const token = authorization === undefined ? undefined : BEARER.exec(authorization)?.[1];
      if (token !== undefined) return access.lookUpToken(token);
      const secret = secretOf(request);
      return secret === undefined ? undefined : access.lookUpCookie(secret);
    },
    tryToken(request) {
      const token = BEARER.exec(request.headers.authorization ?? '')?.[1];
      // No one guesses what this server has made: wrong tokens of another local program are no reason to
      // refuse the worker or a script.
      if (token === undefined || access.ownWorker.matches(token) || access.ofToken(token) !== anonymous) return;
      tokenTries.check(token, clientOf(request), () => principalOf(request) !== anonymous);
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
