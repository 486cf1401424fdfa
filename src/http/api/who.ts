/**
 * Who asks: an administrator by token or by the cookie of a session, a program that may look, or anyone. And whether a request that a
 * browser sends with the cookie comes from a page of ours.
 * In: header fields, the connection. Out: Asker, or a refusal. RFC 6265bis, 4.1.3 and 5.6; Fetch Metadata; RFC 9110, 9.2.1.
 */

import type { Session } from '../../accounts/sessions.ts';
import { SESSION_MS } from '../../accounts/sessions.ts';
import { OxbowError } from '../../lib/errors.ts';
import { createClientAddress } from '../client/client-address.ts';
import { readForwarded } from '../client/forwarded.ts';
import { isLocalRequest } from '../client/local-request.ts';
import { type AskedAt, createPublicAddress } from '../client/public-address.ts';
import type { RequestClient } from '../client/request-client.ts';
import type { HttpDeps } from '../deps.ts';

/** A request, as far as it says who sent it. */
export interface Asked extends AskedAt {
  readonly method: string;
}

/** Whoever sent a request. */
export interface Asker {
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
export interface Who {
  /**
   * Compares a request's bearer token, where it has one. To be called once for each request, before anything else asks who sent it.
   *
   * @throws OxbowError `too-many-requests` where the address has tried too many tokens
   */
  tryToken(asked: AskedAt): void;
  /** Who a request is from, whatever it wants. */
  whoAsks(asked: AskedAt): Asker;
  /**
   * Who a request is from that may change something: each with an unsafe method, and each that opens a WebSocket.
   *
   * @throws OxbowError `cross-site` where a page of another site sent it with our cookie
   */
  mayAct(asked: Asked): Asker;
  /** Whether a page of another site sent it, or it does not tell. */
  isForeign(asked: AskedAt): boolean;
  /** Throws `cross-site` where a page of another site sent it, whoever is signed in. */
  refuseForeign(asked: AskedAt): void;
  clientOf(asked: AskedAt): RequestClient;
  /** The word in the cookie, for telling the browser again how long it lasts. */
  secretOf(asked: AskedAt): string | undefined;
}

const SAFE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);
const BEARER = /^Bearer +([^\s]+) *$/i;
const nobody: Asker = { isAdmin: false, seesAll: false, session: undefined, name: '' };
const administrator: Asker = { isAdmin: true, seesAll: true, session: undefined, name: 'admin token' };

/** @param deps `access` knows the rights */
export function createWho({
  access,
  publicUrl,
  trustedProxies = [],
  tokenTries,
}: Pick<HttpDeps, 'access' | 'publicUrl' | 'trustedProxies' | 'tokenTries'>): Who {
  const ownAddress = createPublicAddress(undefined, trustedProxies);
  const clientAddress = createClientAddress(trustedProxies);
  const publicOrigin = publicUrl === undefined ? undefined : new URL(publicUrl).origin;

  /** Origins are compared as browsers write them: without the port that goes without saying. */
  function originOf(asked: AskedAt): string | undefined {
    const own = URL.parse(ownAddress(asked) ?? '');
    if (!own) return undefined;
    // A proxy that says nothing of the scheme: the setting knows it.
    return publicOrigin !== undefined && own.host === new URL(publicOrigin).host ? publicOrigin : own.origin;
  }

  function cookieName(asked: AskedAt): string {
    const { protocol, port } = new URL(originOf(asked) ?? 'http://unknown');
    // A cookie is for all ports of a host: each oxbow there has one of its own. `__Host-` can be set by no other host, nor without TLS.
    return `${protocol === 'https:' ? '__Host-' : ''}oxbow${port === '' ? '' : `-${port}`}`;
  }

  function secretOf(asked: AskedAt): string | undefined {
    const name = `${cookieName(asked)}=`;
    const pair = asked.headers.cookie?.split(/; */).find((one) => one.startsWith(name));
    return pair?.slice(name.length);
  }

  function whoAsks(asked: AskedAt): Asker {
    const { authorization } = asked.headers;
    if (authorization !== undefined && BEARER.test(authorization)) {
      if (access.admin.isAdmin(authorization)) return administrator;
      const token = access.tokens.find(BEARER.exec(authorization)![1]!);
      if (!token) return nobody;
      const name = `token ${token.label}`;
      return token.scopes.includes('admin') ? { ...administrator, name } : { ...nobody, seesAll: true, name };
    }
    const secret = secretOf(asked);
    const session = secret === undefined ? undefined : access.sessions.find(secret);
    return session ? { isAdmin: true, seesAll: true, session, name: `session ${session.id}` } : nobody;
  }

  function isForeign(asked: AskedAt): boolean {
    const { origin, 'sec-fetch-site': site } = asked.headers;
    if (site === 'same-origin') return false;
    return origin === undefined || (origin !== originOf(asked) && origin !== publicOrigin);
  }

  function refuse(asked: AskedAt): never {
    const from = asked.headers.origin ?? 'an unknown page';
    throw new OxbowError('cross-site', `The request came from ${from.slice(0, 200)}, not from a page of this server.`);
  }

  function clientOf(asked: AskedAt): RequestClient {
    const { headers, remoteAddress } = asked;
    const origin = originOf(asked);
    const attributes = `; Path=/; HttpOnly; SameSite=Strict${origin?.startsWith('https:') ? '; Secure' : ''}`;
    const name = cookieName(asked);
    return {
      address: clientAddress(remoteAddress, readForwarded(headers).for),
      origin: publicOrigin ?? origin,
      isLocal: isLocalRequest(asked),
      cookie: (secret) => `${name}=${secret}; Max-Age=${SESSION_MS / 1000}${attributes}`,
      noCookie: () => `${name}=; Max-Age=0${attributes}`,
    };
  }

  return {
    tryToken(asked) {
      const token = BEARER.exec(asked.headers.authorization ?? '')?.[1];
      if (token !== undefined) tokenTries.check(token, clientOf(asked), () => whoAsks(asked) !== nobody);
    },
    whoAsks,
    mayAct(asked) {
      const asker = whoAsks(asked);
      const isSafe = SAFE.has(asked.method) && asked.headers.upgrade === undefined;
      if (asker.session && !isSafe && isForeign(asked)) refuse(asked);
      return asker;
    },
    isForeign,
    refuseForeign(asked) {
      const isBrowser = asked.headers.origin !== undefined || asked.headers['sec-fetch-site'] !== undefined;
      if (isBrowser && isForeign(asked)) refuse(asked);
    },
    clientOf,
    secretOf,
  };
}
