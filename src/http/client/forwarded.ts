/**
 * What proxies say of a request: `Forwarded`, or its older kin X-Forwarded-For, -Host and -Proto.
 * In: header fields. Out: the same in one form; nothing is believed here yet. Where both are there and differ, one of them was sent by the
 * client and passed on by a proxy that knows the other only: then neither says anything. RFC 7239, 4 to 8.
 */
import type { IncomingHttpHeaders } from 'node:http';

/** What proxies say; the nearest one's word is the last. */
export interface Forwarded {
  /** Addresses, from the client on; with a port or without. */
  readonly for: readonly string[] | undefined;
  readonly host: string | undefined;
  readonly proto: string | undefined;
}

/** Of a longer list only the end is read, which the nearest proxies wrote, characters. */
const MAX_LENGTH = 4096;

/** Reads what is there. */
export function readForwarded(headers: IncomingHttpHeaders): Forwarded {
  const old: Forwarded = {
    for: listOf(headers['x-forwarded-for']),
    host: listOf(headers['x-forwarded-host'])?.at(-1)?.toLowerCase(),
    proto: listOf(headers['x-forwarded-proto'])?.at(-1)?.toLowerCase(),
  };
  if (headers.forwarded === undefined) return old;
  const elements = listOf(headers.forwarded)!.map(parseElement);
  const last = elements.at(-1);
  const named = elements.map((element) => element.get('for') ?? 'unknown');
  const said: Forwarded = {
    for: named,
    host: last?.get('host')?.toLowerCase(),
    proto: last?.get('proto')?.toLowerCase(),
  };
  return {
    for: agreed(old.for, said.for, (list) => list.at(-1)),
    host: agreed(old.host, said.host),
    proto: agreed(old.proto, said.proto),
  };
}

/** The one that is there; of two that say the same the first, of two that differ none. */
function agreed<T>(a: T | undefined, b: T | undefined, of: (value: T) => unknown = (value) => value): T | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return of(a) === of(b) ? a : undefined;
}

function listOf(field: string | string[] | undefined): string[] | undefined {
  if (field === undefined) return undefined;
  const text = String(field);
  const list = text.slice(-MAX_LENGTH).split(',');
  if (text.length > MAX_LENGTH) list.shift(); // it was cut
  return list.map((one) => one.trim());
}

/** `for="[2001:db8::17]:4711";proto=https`: a quoted value here has neither comma nor semicolon. */
function parseElement(text: string): ReadonlyMap<string, string> {
  const pairs = new Map<string, string>();
  for (const pair of text.split(';')) {
    const equals = pair.indexOf('=');
    if (equals < 0) continue;
    const value = pair.slice(equals + 1).trim();
    pairs.set(pair.slice(0, equals).trim().toLowerCase(), /^"(.*)"$/.exec(value)?.[1] ?? value);
  }
  return pairs;
}
