/**
 * Parser for the heads of simple requests: GET, HEAD, OPTIONS and reports of players, without a body,
 * complete in one read.
 * In: bytes of a connection as text. Out: method, target and client headers; undefined for what node:http
 * must parse: bodies, upgrades, partial heads, anything malformed. RFC 9112 2 to 5.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { type Cmcd, isOptedOut, readCmcd } from '../client/cmcd.ts';
import { isFromForeignPage } from '../client/foreign-pages.ts';
import { readForwarded } from '../client/forwarded.ts';
import { hostNameOf } from '../client/local-request.ts';
import { acceptsGzip } from '../exchange/conditions.ts';

/** No player sends longer heads, bytes. */
const MAX_HEAD_BYTES = 4096;

/** From after the target to the end: the version, at least one header, the empty line, no more bytes. */
const STRICT = /^ HTTP\/1\.1\r\n(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*\r\n)+\r\n$/;
/** Headers that announce a body or change the connection. */
const UNSUPPORTED =
  /\r\n(?:content-length:(?![ \t]*0[ \t]*\r\n)|transfer-encoding|upgrade|expect|te|trailer|http2-settings|connection:(?![ \t]*(?:keep-alive|close)[ \t]*\r\n))/i;
const HOST = /\r\nhost:/gi;
/** Headers that make the response differ from the common one, or the client another than it seems. */
const CONDITIONAL = /\r\n(?:(?:range|if-[a-z-]+|traceparent|oxbow-node):|connection:[ \t]*close)/i;

/** The parsed header block of a request. */
export interface ClientHeaders {
  /** Alternating names and values, as `IncomingMessage.rawHeaders`. */
  readonly rawHeaders: readonly string[];
  /** Requests the common response: no range, no condition, keep-alive. */
  readonly isPlain: boolean;
  readonly takesGzip: boolean;
  /** `Connection: close`. */
  readonly closes: boolean;
  /** CMCD of the headers, CTA-5004. */
  readonly cmcd: Cmcd | undefined;
  /** Those fields; none without CMCD. */
  readonly cmcdFields: IncomingHttpHeaders;
  /** Name or address of `Host`, without port. */
  readonly hostName: string;
  /** See foreign-pages.ts. */
  readonly isFromForeignPage: boolean;
  readonly userAgent: string | undefined;
  /** Client addresses that proxies report, see forwarded.ts. */
  readonly forwardedFor: readonly string[] | undefined;
  /** See client/cmcd.ts. */
  readonly isOptedOut: boolean;
}

const NO_FIELDS = {};

/** A parsed request line. */
export interface RequestLine {
  readonly method: 'GET' | 'HEAD' | 'OPTIONS' | 'POST';
  /** Origin form, visible ASCII. */
  readonly target: string;
}

/** Of POST only what players send again and again: their connection stays on the fast path. */
const LINE = /^(?:(GET|HEAD|OPTIONS) (\/[!-~]*)|POST (\/(?:t\/[^/]+\/)?live\/[^/]+\/session\?[!-~]*))$/;

/**
 * Finds the end of the request target: the second space.
 *
 * @returns -1 if there is none or the head is too long
 */
export function targetEndOf(bytes: Buffer): number {
  const space = bytes.length > MAX_HEAD_BYTES ? -1 : bytes.indexOf(0x20);
  return space < 0 ? -1 : bytes.indexOf(0x20, space + 1);
}

/** Parses a request line up to the end of its target. */
export function parseRequestLine(text: string): RequestLine | undefined {
  const match = LINE.exec(text);
  if (!match) return undefined;
  const [, method = 'POST', target = match[3]!] = match;
  return { method: method as RequestLine['method'], target };
}

/** Parses a head from the space after the target on; undefined if node:http must parse it. */
export function parseClientHeaders(text: string): ClientHeaders | undefined {
  if (!STRICT.test(text) || UNSUPPORTED.test(text) || text.match(HOST)?.length !== 1) return undefined;
  const rawHeaders: string[] = [];
  const values = new Map<string, string>();
  for (const line of text.split('\r\n').slice(1, -2)) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon);
    const value = line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, '');
    rawHeaders.push(name, value);
    const key = name.toLowerCase();
    const before = values.get(key);
    // Joined as node:http does.
    if (before === undefined) values.set(key, value);
    else if (key !== 'user-agent') values.set(key, `${before}, ${value}`);
  }
  const headers = Object.fromEntries(values);
  const cmcd = readCmcd('', headers);
  return {
    rawHeaders,
    isPlain: !CONDITIONAL.test(text),
    takesGzip: acceptsGzip(values.get('accept-encoding')),
    closes: values.get('connection')?.toLowerCase() === 'close',
    cmcd,
    cmcdFields: cmcd ? headers : NO_FIELDS,
    hostName: hostNameOf(headers),
    isFromForeignPage: isFromForeignPage(headers),
    userAgent: headers['user-agent'],
    forwardedFor: readForwarded(headers).for,
    isOptedOut: isOptedOut(headers),
  };
}
