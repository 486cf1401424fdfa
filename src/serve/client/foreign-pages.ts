/**
 * CORS of a server on a loopback address: pages of other sites may read streams that are set to `public`, and
 * those for which the path has a playback token. The loopback default `public` is for the user of the
 * computer, not for every page in their browser.
 * In: where oxbow listens, header fields, the stream. Out: header fields of the answer. Fetch 3.3; RFC 9110
 * 12.5.5. docs/decisions/0018.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { isLoopback } from '../../config/address.ts';
import { isExposed } from '../../config/exposure.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { ServeDeps } from '../deps.ts';
import type { HeadFields } from '../exchange/exchange.ts';
import { everyAnswer } from '../exchange/media-answer.ts';
import type { RequestSource } from '../exchange/request-source.ts';
import { createAuthenticator } from './authenticate.ts';
import { isForwarded, isLoopbackName, nameOfHost } from './local-request.ts';

/**
 * Whether a page that is not on this computer sent the request directly: `Origin` names no loopback host, and
 * no proxy passed it on. A page cannot send the fields of proxies: they need a preflight, which oxbow never
 * allows.
 */
export function isFromForeignPage(headers: IncomingHttpHeaders): boolean {
  const { origin } = headers;
  if (origin === undefined) return false;
  const host = URL.parse(origin)?.host;
  return !(host !== undefined && isLoopbackName(nameOfHost(host))) && !isForwarded(headers);
}

/** The stream that a request is about. */
interface RequestedStream {
  /** Undefined if it is about no particular stream. */
  readonly stream: string | undefined;
  /** Playback token in front of the path; undefined if there is none. */
  readonly token: string | undefined;
}

/** The CORS policy of one server. */
export interface ForeignPages {
  /** Header fields of an answer: those that let any page read it, or none of these. */
  fieldsFor(source: RequestSource, target: RequestedStream): HeadFields;
  /**
   * Refuses more than reading an answer: a WebSocket, which browsers open to any server without CORS, or an
   * offer of WebRTC.
   *
   * @throws OxbowError `cross-site`
   */
  refuseForeign(source: RequestSource, target: RequestedStream): void;
}

/**
 * Header fields of an answer that any page may read. On a server that only this computer reaches, they vary
 * by `Origin`; on others all answers are the same, and a cache needs one copy.
 *
 * @param address that the server listens on
 */
export function readableFields(address: string, publicUrl: string | undefined): Readonly<Record<string, string>> {
  return isExposed({ http: { address }, publicUrl }) ? everyAnswer : { ...everyAnswer, vary: 'Origin' };
}

/** Header fields of each answer to a request for media. @param address that the server listens on */
export function mediaFields(
  address: string,
  { publicUrl, altSvc }: Pick<ServeDeps, 'publicUrl' | 'altSvc'>,
): Readonly<Record<string, string>> {
  const readable = readableFields(address, publicUrl);
  return altSvc === undefined ? readable : { ...readable, 'alt-svc': altSvc };
}

/** Those of CORS among the header fields of media. */
export function corsOf(fields: HeadFields): HeadFields {
  const shown = ['access-control-allow-origin', 'vary'] as const;
  return Object.fromEntries(shown.flatMap((name) => (fields[name] === undefined ? [] : [[name, fields[name]]])));
}

/**
 * Builds the CORS policy of a server.
 *
 * @param address that the server listens on
 * @param secure whether it speaks TLS
 */
export function createForeignPages(address: string, secure: boolean, deps: ServeDeps): ForeignPages {
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
    // A program with a token: a page would need a preflight to send that.
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
        `The request came from ${from}. On a loopback address, pages of other sites reach public streams only.`,
        { extra: { hint: 'Set `visibility: public` for the stream, or use a link with a playback token for it.' } },
      );
    },
  };
}
