/**
 * How long a copy of an origin's response is fresh, and what caches may do with it.
 * In: status and header fields of a response. Out: times. Pure. RFC 9111 4.2 and 5.2; RFC 5861 4.
 */
import type { IncomingHttpHeaders } from 'node:http';

/** A missing object may exist a moment later: how long its absence is remembered, ms. */
const MISSING_MS = 500;

/** The permissions in the fields of a response. */
export interface Freshness {
  /** A copy may be kept. */
  readonly isStorable: boolean;
  /** For some clients only. */
  readonly isPrivate: boolean;
  /** It never changes: no revalidation, ever. */
  readonly isImmutable: boolean;
  /** An old copy may not answer, not even while the origin is away (RFC 9111 5.2.2.2). */
  readonly mustRevalidate: boolean;
  /** When the origin made it, ms since 1970. */
  readonly bornMs: number;
  /** Until then the copy needs no revalidation, ms since 1970. */
  readonly freshUntilMs: number;
}

/** A parsed Cache-Control: names in lower case; '' for a directive without value. */
export function parseCacheControl(value: string | undefined): ReadonlyMap<string, string> {
  const directives = new Map<string, string>();
  for (const directive of (value ?? '').split(',')) {
    const equals = directive.indexOf('=');
    const name = (equals < 0 ? directive : directive.slice(0, equals)).trim().toLowerCase();
    if (name !== '')
      directives.set(
        name,
        equals < 0
          ? ''
          : directive
              .slice(equals + 1)
              .trim()
              .replace(/^"(.*)"$/, '$1'),
      );
  }
  return directives;
}

/**
 * Reads the freshness of a 200 or 304. `private` does not forbid a copy here, because the edge checks who may
 * have it.
 *
 * @param nowMs when the head of the response came, ms since 1970
 */
export function freshnessOf(headers: IncomingHttpHeaders, nowMs: number): Freshness {
  const control = parseCacheControl(headers['cache-control']);
  const lifetimeS = control.has('no-cache')
    ? 0
    : (secondsOf(control.get('s-maxage')) ?? secondsOf(control.get('max-age')));
  const bornMs = nowMs - 1000 * (secondsOf(headers.age) ?? 0);
  return {
    isStorable: lifetimeS !== undefined && !control.has('no-store') && headers.vary?.trim() !== '*',
    isPrivate: control.has('private'),
    isImmutable: control.has('immutable'),
    mustRevalidate: control.has('must-revalidate'),
    bornMs,
    freshUntilMs: bornMs + 1000 * (lifetimeS ?? 0),
  };
}

/**
 * How long a refusal is remembered, ms: a missing object for half a second, one that is gone as long as its
 * origin says.
 */
export function keptRefusalMs(status: number, headers: IncomingHttpHeaders): number {
  if (status === 404) return MISSING_MS;
  if (status !== 410) return 0;
  return Math.max(MISSING_MS, 1000 * (secondsOf(parseCacheControl(headers['cache-control']).get('max-age')) ?? 0));
}

/** Whether an older copy may answer instead of this status (RFC 5861 4). */
export function isFailure(status: number): boolean {
  return status === 500 || status === 502 || status === 503 || status === 504;
}

/** The validator without quotes, as `Reply` has it: that of the uncompressed form. */
export function validatorOf(headers: IncomingHttpHeaders): string | undefined {
  const tag = /^(?:W\/)?"([^"]*)"$/.exec(headers.etag ?? '')?.[1];
  return headers['content-encoding'] === 'gzip' ? tag?.replace(/-gz$/, '') : tag;
}

function secondsOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,10}$/.test(text) ? Number(text) : undefined;
}
