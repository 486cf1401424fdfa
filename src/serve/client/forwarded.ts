/**
 * Reads the header fields of proxies: `Forwarded`, or X-Forwarded-For, -Host and -Proto.
 * In: header fields. Out: their values in one form, not yet checked for trust. If both forms are present and
 * differ, the client sent one of them and a proxy that only knows the other passed it on: then neither
 * counts. RFC 7239 4 to 8.
 */
import type { IncomingHttpHeaders } from 'node:http';

/** Values that proxies report; that of the nearest proxy is last. */
interface Forwarded {
  /** Addresses, the client's first; with or without a port. */
  readonly for: readonly string[] | undefined;
  readonly host: string | undefined;
  readonly proto: string | undefined;
}

/** Of a longer list only the end is read, which the nearest proxies wrote; characters. */
const MAX_LENGTH = 4096;

/** Reads the fields that are present. */
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

/** The value that is present. Of two, the first if they agree, otherwise undefined. */
function agreed<T>(a: T | undefined, b: T | undefined, of: (value: T) => unknown = (value) => value): T | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return of(a) === of(b) ? a : undefined;
}

function listOf(field: string | string[] | undefined): string[] | undefined {
  if (field === undefined) return undefined;
  const text = String(field);
  const list = text.slice(-MAX_LENGTH).split(',');
  if (text.length > MAX_LENGTH) list.shift(); // incomplete
  return list.map((element) => element.trim());
}

/**
 * `for="[2001:db8::17]:4711";proto=https`. Quoted values with a comma or semicolon are not supported:
 * addresses have none.
 */
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
