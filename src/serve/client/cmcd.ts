/**
 * Reads Common Media Client Data, which players send in the query or in headers of each request, and in
 * separate reports.
 * In: a query, headers, lines of reports. Out: the keys that oxbow counts, the report of a player. CTA-5004 2
 * and 3; CTA-5004-B.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { PlayerState } from '../../api/session-shapes.ts';
import type { PlayerReport } from '../../delivery/player-report.ts';

/** The CMCD of one request. */
export interface Cmcd {
  /** `bs`: the buffer ran empty between the last request and this one. */
  readonly isStarved: boolean;
  /** `sid`: id of the playback session, 1 to 64 characters; undefined if the player sends none. */
  readonly session: string | undefined;
}

/** The report of one player. */
export interface SessionReport extends PlayerReport {
  /** `sid`. */
  readonly session: string;
}

/** The four headers; `bs` is in CMCD-Status. */
const headerNames = ['cmcd-request', 'cmcd-object', 'cmcd-status', 'cmcd-session'] as const;
/** Longer values are ignored: no player sends them. */
const MAX_CHARACTERS = 4096;
/** CTA-5004, 3: sid. */
const MAX_SESSION_CHARACTERS = 64;

/**
 * The form that players send: all but letters, digits, `.`, `-` and `_` percent-encoded, so that a key has
 * one spelling.
 */
const FULLY_ENCODED = /(?:^|&)CMCD=((?:[\w.-]|%2C|%3D|%22|%2F|%3A){1,4096})(?:&|$)/;
const PLAIN_SESSION = /(?:^|%2C)sid%3D%22([\w.-]{1,64})%22(?:%2C|$)/;
/** A key with its value, which may be quoted. */
const ENTRY = /(?:[^,"]|"(?:[^"\\]|\\.)*"?)+/g;

/** States of `sta` in which a player watches; CTA-5004-B. */
const states: Readonly<Record<string, PlayerState>> = {
  s: 'starting',
  p: 'playing',
  k: 'seeking',
  r: 'buffering',
  a: 'paused',
};
const FAILED = 'f';
/** Ended, fatal error, quit. */
const LEFT = ['e', FAILED, 'q'];
/** Nothing is shown yet. */
const PRELOADING = 'd';
const RENDITION = /^[a-z0-9-]{1,32}$/;

/**
 * Reads the CMCD of a request; undefined if it has none. Malformed data counts as present, without keys.
 *
 * @param query without the question mark
 */
export function readCmcd(query: string, headers: IncomingHttpHeaders): Cmcd | undefined {
  const quick = FULLY_ENCODED.exec(query)?.[1];
  const isByQuery = headerNames.every((name) => headers[name] === undefined);
  if (isByQuery && quick !== undefined && !quick.includes('bs')) {
    return { isStarved: false, session: PLAIN_SESSION.exec(quick)?.[1] };
  }
  const value = query.includes('CMCD=') ? new URLSearchParams(query).get('CMCD') : null;
  const status = headers['cmcd-status'];
  if (value === null && isByQuery) return undefined;
  const session = textOf(value ?? '', 'sid') ?? textOf(String(headers['cmcd-session'] ?? ''), 'sid');
  return { isStarved: holdsTrue(value ?? '', 'bs') || holdsTrue(String(status ?? ''), 'bs'), session };
}

/**
 * Reads a report of a player.
 *
 * @param list keys and values as in a query or one line of a body
 * @returns undefined without a session, and of a player that shows nothing yet
 */
export function readReport(list: string): SessionReport | undefined {
  const session = textOf(list, 'sid');
  if (session === undefined) return undefined;
  const values = new Map<string, string>();
  for (const [each] of list.matchAll(ENTRY)) {
    const end = each.indexOf('=');
    if (end > 0) values.set(each.slice(0, end).trim(), each.slice(end + 1));
  }
  const state = values.get('sta') ?? '';
  if (state === PRELOADING) return undefined;
  const type = values.get('st');
  const rendition = textOf(list, 'oxbow-rendition') ?? '';
  return {
    session,
    hasLeft: LEFT.includes(state),
    ...(state === FAILED && { hasFailed: true }),
    state: states[state],
    isLive: type === undefined ? undefined : type !== 'v',
    latencyMs: numberOf(values.get('ltc')),
    bufferMs: numberOf(values.get('bl')),
    bitrateKbps: numberOf(values.get('br')),
    rendition: RENDITION.test(rendition) ? rendition : undefined,
  };
}

/**
 * The list of keys of a request, as it was sent; empty if it has none.
 *
 * @param query without the question mark
 */
export function cmcdTextOf(query: string, headers: IncomingHttpHeaders): string {
  const value = query.includes('CMCD=') ? new URLSearchParams(query).get('CMCD') : null;
  const lists = value === null ? headerNames.map((name) => headers[name]) : [value];
  return lists.filter((list) => list !== undefined && list !== '').join();
}

/** Whether a viewer wants no record of it: Do Not Track, or Global Privacy Control 3.1. */
export function isOptedOut(headers: IncomingHttpHeaders): boolean {
  return headers.dnt === '1' || headers['sec-gpc'] === '1';
}

/** A whole number, or the first of a list of version 2: `(3200;v 128;a)`. */
function numberOf(value = ''): number | undefined {
  const digits = /^\(?(\d{1,12})(?![\d.])/.exec(value)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** The value of a text key: `sid="…"`; quotes and backslashes in it are escaped with a backslash. */
function textOf(list: string, key: string): string | undefined {
  if (list.length > MAX_CHARACTERS) return undefined;
  for (const [each] of list.matchAll(ENTRY)) {
    const entry = each.trim();
    if (!entry.startsWith(`${key}="`) || !entry.endsWith('"')) continue;
    const text = entry.slice(key.length + 2, -1);
    return text.length >= 1 && text.length <= MAX_SESSION_CHARACTERS ? text : undefined;
  }
  return undefined;
}

/** Whether a list of keys has `key` as true: without a value, outside of quotes. */
function holdsTrue(list: string, key: string): boolean {
  if (list.length > MAX_CHARACTERS) return false;
  const unquoted = list.replace(/"(?:[^"\\]|\\.)*"?/g, '');
  return unquoted.split(',').some((each) => each.trim() === key);
}
