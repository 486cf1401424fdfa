/**
 * What players tell of themselves with each request: Common Media Client Data, by query or by headers.
 * In: a query and headers. Out: the few things that are counted. CTA-5004, 2 and 3.
 */
import type { IncomingHttpHeaders } from 'node:http';

/** What one request told. */
export interface Cmcd {
  /** `bs`: the buffer ran empty between the last request and this one. */
  readonly isStarved: boolean;
  /** `sid`: names the playback; undefined where it was not told. 1 to 64 characters. */
  readonly session: string | undefined;
}

/** The four headers; `bs` stands in CMCD-Status. */
const headerNames = ['cmcd-request', 'cmcd-object', 'cmcd-status', 'cmcd-session'] as const;
/** Longer ones come from no player. */
const MAX_CHARACTERS = 4096;
/** CTA-5004, 3: sid. */
const MAX_SESSION_CHARACTERS = 64;

/** As players write it: all but letters, digits, `.`, `-` and `_` percent-encoded. Then no key hides behind another spelling. */
const FULLY_ENCODED = /(?:^|&)CMCD=((?:[\w.-]|%2C|%3D|%22|%2F|%3A){1,4096})(?:&|$)/;
const PLAIN_SESSION = /(?:^|%2C)sid%3D%22([\w.-]{1,64})%22(?:%2C|$)/;

/**
 * Reads what a request told; undefined where it told nothing. What is malformed counts as told, and says nothing.
 *
 * @param query without the question mark
 */
export function readCmcd(query: string, headers: IncomingHttpHeaders): Cmcd | undefined {
  const quick = FULLY_ENCODED.exec(query)?.[1];
  const isByQuery = headerNames.every((name) => headers[name] === undefined);
  if (isByQuery && quick !== undefined && !quick.includes('bs')) {
    return { isStarved: false, session: PLAIN_SESSION.exec(quick)?.[1] };
  }
  const told = query.includes('CMCD=') ? new URLSearchParams(query).get('CMCD') : null;
  const status = headers['cmcd-status'];
  if (told === null && isByQuery) return undefined;
  const session = textOf(told ?? '', 'sid') ?? textOf(String(headers['cmcd-session'] ?? ''), 'sid');
  return { isStarved: holdsTrue(told ?? '', 'bs') || holdsTrue(String(status ?? ''), 'bs'), session };
}

/** The text of a key: `sid="…"`; quotes and backslashes in it stand behind a backslash. */
function textOf(list: string, key: string): string | undefined {
  if (list.length > MAX_CHARACTERS) return undefined;
  for (const [each] of list.matchAll(/(?:[^,"]|"(?:[^"\\]|\\.)*"?)+/g)) {
    const entry = each.trim();
    if (!entry.startsWith(`${key}="`) || !entry.endsWith('"')) continue;
    const text = entry.slice(key.length + 2, -1);
    return text.length >= 1 && text.length <= MAX_SESSION_CHARACTERS ? text : undefined;
  }
  return undefined;
}

/** Whether a list of keys holds `key` as true: named without a value, outside of quotes. */
function holdsTrue(list: string, key: string): boolean {
  if (list.length > MAX_CHARACTERS) return false;
  const unquoted = list.replace(/"(?:[^"\\]|\\.)*"?/g, '');
  return unquoted.split(',').some((each) => each.trim() === key);
}
