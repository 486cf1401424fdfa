/**
 * Which page an address means, and the address of a page.
 * In: location. Out: App, links, the share button. Pure.
 */
import { parseInstant } from '../../src/api/instant.ts';
import { isStreamName } from '../../src/api/stream-name.ts';

/** A stretch of a stream's time, unix milliseconds; `toMs` is after `fromMs`. */
export interface RouteSpan {
  readonly fromMs: number;
  readonly toMs: number;
}

/** A page and what it shows; `atMs` is unix milliseconds, null for now; `span` is what plays over and over, null for none. */
export type Route =
  | { readonly page: 'home' }
  | { readonly page: 'clips' }
  | { readonly page: 'record' }
  | { readonly page: 'docs' }
  | { readonly page: 'sign-in' }
  | { readonly page: 'admin'; readonly tab: AdminTab }
  | { readonly page: 'watch'; readonly stream: string; readonly atMs: number | null; readonly span: RouteSpan | null }
  | { readonly page: 'missing'; readonly path: string };

/** The tabs of the admin page, the first one being its start. */
export const adminTabs = ['streams', 'storage', 'jobs', 'logs', 'settings', 'access'] as const;
/** One of them. */
export type AdminTab = (typeof adminTabs)[number];

/**
 * Reads an address. A `t`, `from` or `to` that is not a time is as if it were not there: the page then shows now.
 * With `from` and `to` the page begins at `from`.
 *
 * @param pathname as `location.pathname`
 * @param search as `location.search`
 */
export function parseRoute(pathname: string, search: string): Route {
  if (pathname === '/' || pathname === '/index.html') return { page: 'home' };
  if (/^\/api\/docs\/?$/.test(pathname)) return { page: 'docs' };
  const [, first, stream, ...rest] = pathname.replace(/\/$/, '').split('/');
  if ((first === 'record' || first === 'clips' || first === 'sign-in') && stream === undefined) return { page: first };
  if (first === 'admin' && rest.length === 0) {
    const tab = adminTabs.find((each) => each === (stream ?? adminTabs[0]));
    if (tab) return { page: 'admin', tab };
  }
  if (first === 'watch' && stream !== undefined && rest.length === 0 && isStreamName(stream)) {
    return { page: 'watch', stream, ...readWhen(new URLSearchParams(search)) };
  }
  return { page: 'missing', path: pathname };
}

/**
 * Where to go once somebody has signed in: back to the tab that asked for it, else home; never to another site.
 *
 * @param search as `location.search`
 */
export function afterSignIn(search: string): string {
  const path = new URLSearchParams(search).get('to') ?? '/';
  return parseRoute(path, '').page === 'admin' ? path : '/';
}

/** The moment and the span that a query names. */
export function readWhen(query: URLSearchParams): { readonly atMs: number | null; readonly span: RouteSpan | null } {
  const fromMs = readTime(query.get('from'));
  const toMs = readTime(query.get('to'));
  const span = fromMs !== null && toMs !== null && toMs > fromMs ? { fromMs, toMs } : null;
  return { atMs: readTime(query.get('t')) ?? span?.fromMs ?? null, span };
}

function readTime(text: string | null): number | null {
  try {
    return text === null ? null : parseInstant(text);
  } catch {
    return null; // not one of the four forms of a time
  }
}

/** What a link names: nothing for now, a moment, or a span; unix milliseconds. */
export type When = number | RouteSpan | undefined;

/**
 * The address of the watch page.
 *
 * @param when written as whole seconds: a moment and a start rounded down, an end up
 */
export function watchPath(stream: string, when?: When): string {
  const path = `/watch/${stream}`;
  if (when === undefined) return path;
  if (typeof when === 'number') return `${path}?t=${Math.floor(when / 1000)}`;
  return `${path}?from=${Math.floor(when.fromMs / 1000)}&to=${Math.ceil(when.toMs / 1000)}`;
}
