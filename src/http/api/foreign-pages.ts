/**
 * What pages of other sites may read from a server on a loopback address: streams that somebody made public in so many words, and what a
 * right in the path gives. The loopback default `public` is for the person at the computer, not for every page in that person's browser.
 * In: where oxbow listens, header fields, the stream. Out: header fields of the answer; yes or no. Fetch, 3.3; RFC 9110, 12.5.5. docs/decisions/0018.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { isLoopback } from '../../config/address.ts';
import { isExposed } from '../../config/exposure.ts';
import { OxbowError } from '../../lib/errors.ts';
import { isForwarded, isLoopbackName, nameOfHost, type RequestSource } from '../client/local-request.ts';
import type { HttpDeps } from '../deps.ts';
import type { HeadFields } from '../media/exchange.ts';
import { everyAnswer } from '../media/media-answer.ts';
import { createAuthenticator } from './authenticate.ts';

/**
 * Whether a page that is not on this computer sent the request straight here, as far as its fields tell: `Origin` names no loopback host,
 * and no proxy passed it on. A page cannot send the fields of proxies: they need a preflight, which no answer of ours allows.
 */
export function isFromForeignPage(headers: IncomingHttpHeaders): boolean {
  const { origin } = headers;
  if (origin === undefined) return false;
  const host = URL.parse(origin)?.host;
  return !(host !== undefined && isLoopbackName(nameOfHost(host))) && !isForwarded(headers);
}

/** What is asked for. */
export interface RequestedStream {
  /** Undefined where it is about no stream in particular. */
  readonly stream: string | undefined;
  /** Right to watch that stood in front of the path; undefined: none did. */
  readonly token: string | undefined;
}

/** Decides for one server. */
export interface ForeignPages {
  /** Fields of an answer: those that let any page read it, or none of these. */
  fieldsFor(source: RequestSource, target: RequestedStream): HeadFields;
  /**
   * Refuses a WebSocket, which browsers open to any server.
   *
   * @throws OxbowError `cross-site`
   */
  refuseForeign(source: RequestSource, target: RequestedStream): void;
}

/**
 * Fields of an answer that any page may read. Caches keep answers apart by `Origin` where only this computer reaches the server; elsewhere
 * the answers through a proxy are the same for all, and a cache there should hold one copy.
 *
 * @param address that the server listens on
 */
export function readableFields(address: string, publicUrl: string | undefined): Readonly<Record<string, string>> {
  return isExposed({ http: { address }, publicUrl }) ? everyAnswer : { ...everyAnswer, vary: 'Origin' };
}

/**
 * @param address that the server listens on
 * @param secure whether it speaks TLS
 */
export function createForeignPages(address: string, secure: boolean, deps: HttpDeps): ForeignPages {
  const { streams, access, clock, publicUrl } = deps;
  const authenticator = createAuthenticator(deps);
  const readable = readableFields(address, publicUrl);
  const { vary } = readable;
  const withheld: HeadFields = vary === undefined ? {} : { vary };
  const isGuarded = isLoopback(address);
  const mayRead = (source: RequestSource, { stream, token }: RequestedStream): boolean => {
    if (!isGuarded || !isFromForeignPage(source.headers)) return true;
    if (stream !== undefined) {
      if (streams.isMadePublic(stream)) return true;
      if (token !== undefined && access.watch.verify(token, stream, 'media', clock.nowMs()) === 'ok') return true;
    }
    const request = { ...source, secure };
    if (!authenticator.isForeign(request)) return true;
    // A program with a token: a page would need a preflight to send one.
    const { seesAll, session } = authenticator.principalOf(request);
    return seesAll && session === undefined;
  };
  return {
    fieldsFor: (source, target) => (mayRead(source, target) ? readable : withheld),
    refuseForeign(source, target) {
      if (mayRead(source, target)) return;
      const from = source.headers.origin!.slice(0, 200);
      throw new OxbowError(
        'cross-site',
        `The request came from ${from}. On a loopback address pages of other sites hear of streams that were made public, and of no others.`,
        { extra: { hint: 'Set `visibility: public` for the stream, or use a link with a right to watch it.' } },
      );
    },
  };
}
