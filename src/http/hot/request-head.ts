/**
 * Reads the head of a request that is usual in every way, or says that it is not.
 * In: bytes of a connection as text. Out: method, target and what the header block says; undefined for whatever is better left to
 * node:http: bodies, upgrades, heads in several pieces, anything malformed. RFC 9112, 2 to 5.
 */

import { isFromForeignPage } from '../api/foreign-pages.ts';
import { type Cmcd, readCmcd } from '../client/cmcd.ts';
import { readForwarded } from '../client/forwarded.ts';
import { hostNameOf } from '../client/local-request.ts';
import { acceptsGzip } from '../media/conditions.ts';

/** Longer heads come from no player, bytes. */
const MAX_HEAD_BYTES = 4096;

/** From behind the target to the end: the version and at least one header, each on a line of its own, nothing behind the empty line. */
const STRICT = /^ HTTP\/1\.1\r\n(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*\r\n)+\r\n$/;
/** Headers that announce a body, or that the connection will be another one. */
const ODD =
  /\r\n(?:content-length|transfer-encoding|upgrade|expect|te|trailer|http2-settings|connection:(?![ \t]*(?:keep-alive|close)[ \t]*\r\n))/i;
const HOST = /\r\nhost:/gi;
/** What makes an answer differ from the one that all get. */
const CONDITIONAL = /\r\n(?:(?:range|if-[a-z-]+|traceparent):|connection:[ \t]*close)/i;

/** What a header block says. */
export interface ClientHeaders {
  /** Names and values in turn, as `IncomingMessage.rawHeaders`. */
  readonly rawHeaders: readonly string[];
  /** Whoever asks takes the answer that all get: whole, on a connection that stays. */
  readonly isPlain: boolean;
  readonly takesGzip: boolean;
  /** The connection ends with the answer. */
  readonly closes: boolean;
  /** What a player tells of itself by headers: as a rule the same with each request. */
  readonly cmcd: Cmcd | undefined;
  /** Name or address in `Host`, without port. */
  readonly hostName: string;
  /** See foreign-pages.ts. */
  readonly isFromForeignPage: boolean;
  readonly userAgent: string | undefined;
  /** Addresses that proxies name, see forwarded.ts. */
  readonly forwardedFor: readonly string[] | undefined;
}

/** What a request line asks for. */
export interface RequestLine {
  readonly method: 'GET' | 'HEAD' | 'OPTIONS';
  /** In origin form, of visible characters. */
  readonly target: string;
}

const LINE = /^(GET|HEAD|OPTIONS) (\/[!-~]*)$/;

/**
 * Where the target of a request ends and the rest of its head begins: at the second space.
 *
 * @returns -1 where nothing of the kind stands there, or the head is too long
 */
export function targetEndOf(bytes: Buffer): number {
  const space = bytes.length > MAX_HEAD_BYTES ? -1 : bytes.indexOf(0x20);
  return space < 0 ? -1 : bytes.indexOf(0x20, space + 1);
}

/** Parses a request line up to the end of its target. */
export function parseRequestLine(text: string): RequestLine | undefined {
  const found = LINE.exec(text);
  return found ? { method: found[1] as RequestLine['method'], target: found[2]! } : undefined;
}

/** Parses the rest of a head, from the space behind the target on; undefined where it is unusual. */
export function parseClientHeaders(rest: string): ClientHeaders | undefined {
  if (!STRICT.test(rest) || ODD.test(rest) || rest.match(HOST)?.length !== 1) return undefined;
  const rawHeaders: string[] = [];
  const values = new Map<string, string>();
  for (const line of rest.split('\r\n').slice(1, -2)) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon);
    const value = line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, '');
    rawHeaders.push(name, value);
    const key = name.toLowerCase();
    const before = values.get(key);
    // As node:http joins them.
    if (before === undefined) values.set(key, value);
    else if (key !== 'user-agent') values.set(key, `${before}, ${value}`);
  }
  const headers = Object.fromEntries(values);
  return {
    rawHeaders,
    isPlain: !CONDITIONAL.test(rest),
    takesGzip: acceptsGzip(values.get('accept-encoding')),
    closes: values.get('connection')?.toLowerCase() === 'close',
    cmcd: readCmcd('', headers),
    hostName: hostNameOf(headers),
    isFromForeignPage: isFromForeignPage(headers),
    userAgent: headers['user-agent'],
    forwardedFor: readForwarded(headers).for,
  };
}
