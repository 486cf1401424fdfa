/**
 * Maps addresses to pages and back.
 * In: location. Out: App, links, the share button. Pure, but for the time that `-10m` counts from.
 */
import { parseInstant } from '../../src/api/instant.ts';
import { readMoment } from '../../src/api/moment.ts';
import { isStreamName } from '../../src/api/stream/stream-name.ts';
import type { TimeSpan } from './time/span.ts';

/**
 * A page and its parameters; `stream` of `go-live` and `studio` is empty before one is chosen; `asset` is an
 * id of the library, `clip` of a clip, `case` of a case, `room` of a room; `atMs` is unix milliseconds, null
 * for now; `span` plays in a loop, null for none.
 */
export type Route =
  | { readonly page: 'home' }
  | { readonly page: 'clips' }
  | { readonly page: 'clip'; readonly clip: string }
  | { readonly page: 'cases' }
  | { readonly page: 'case'; readonly case: string }
  | { readonly page: 'record' }
  | { readonly page: 'upload' }
  | { readonly page: 'library' }
  | { readonly page: 'asset'; readonly asset: string }
  | { readonly page: 'rooms' }
  | { readonly page: 'room'; readonly room: string }
  | { readonly page: 'go-live'; readonly stream: string }
  | { readonly page: 'studio'; readonly stream: string }
  | { readonly page: 'mixer'; readonly stream: string }
  | { readonly page: 'docs' }
  | { readonly page: 'verify' }
  | { readonly page: 'tv' }
  | { readonly page: 'tv-link' }
  | { readonly page: 'tv-watch'; readonly stream: string }
  | { readonly page: 'tv-room'; readonly room: string }
  | { readonly page: 'sign-in' }
  | { readonly page: 'sign-up' }
  | { readonly page: 'reset-password' }
  | { readonly page: 'verify-email' }
  | { readonly page: 'me' }
  | { readonly page: 'multi' }
  | { readonly page: 'admin'; readonly tab: AdminTab }
  | { readonly page: 'history'; readonly stream: string; readonly atMs: number | null }
  | { readonly page: 'channel'; readonly stream: string }
  | { readonly page: 'watch'; readonly stream: string; readonly atMs: number | null; readonly span: TimeSpan | null }
  | { readonly page: 'missing'; readonly path: string };

/** The path of each page; `:part` is a parameter, `:part?` an optional one. */
export const paths = {
  home: '/',
  watch: '/watch/:stream',
  library: '/library',
  asset: '/library/:asset',
  clips: '/clips',
  clip: '/c/:clip',
  rooms: '/rooms',
  room: '/rooms/:room',
  'go-live': '/go-live/:stream?',
  studio: '/studio/:stream?',
  mixer: '/mixer/:stream',
  record: '/record',
  upload: '/upload',
  'sign-in': '/sign-in',
  'sign-up': '/sign-up',
  'reset-password': '/reset-password',
  'verify-email': '/verify-email',
  cases: '/cases',
  case: '/cases/:case',
  me: '/me',
  multi: '/multi',
  admin: '/admin/:tab?',
  history: '/admin/history/:stream',
  channel: '/admin/channel/:stream',
  verify: '/verify',
  tv: '/tv',
  'tv-link': '/tv/link',
  'tv-watch': '/tv/watch/:stream',
  'tv-room': '/tv/rooms/:room',
  docs: '/api/docs',
} as const;
/** The name of a page with an address. */
export type PageName = keyof typeof paths;
const pageNames = Object.keys(paths) as PageName[];

/** The tabs of the admin page; the first one is the default. */
export const adminTabs = [
  'overview',
  'streams',
  'insight',
  'alarms',
  'storage',
  'jobs',
  'workers',
  'users',
  'invitations',
  'access',
  'audit',
  'logs',
  'settings',
] as const;
/** One of them. */
export type AdminTab = (typeof adminTabs)[number];

/**
 * Parses an address. An invalid `t`, `from` or `to` is ignored: the page then shows now. With `from` and `to`
 * the page begins at `from`.
 *
 * @param pathname as `location.pathname`
 * @param search as `location.search`
 * @param nowMs unix milliseconds; times without a day are the last ones before it
 */
export function parseRoute(pathname: string, search: string, nowMs = Date.now()): Route {
  const path = pathname === '/index.html' ? '/' : pathname;
  for (const page of pageNames) {
    const parameter = match(paths[page], path);
    const route = parameter === null ? null : read(page, parameter, new URLSearchParams(search), nowMs);
    if (route) return route;
  }
  return { page: 'missing', path: pathname };
}

/**
 * The value of the pattern's parameter; empty if it is optional and absent, null if the path does not match.
 */
function match(pattern: string, path: string): string | null {
  const wanted = pattern.split('/');
  const parts = path.replace(/(?<=.)\/$/, '').split('/');
  if (parts.length > wanted.length || wanted.some((part, i) => !part.startsWith(':') && part !== parts[i])) return null;
  if (parts.length < wanted.filter((part) => !part.endsWith('?')).length) return null;
  return parts[wanted.findIndex((part) => part.startsWith(':'))] ?? '';
}

function read(page: PageName, part: string, query: URLSearchParams, nowMs: number): Route | null {
  switch (page) {
    case 'watch':
      return isStreamName(part) ? { page, stream: part, ...readLinkTime(query, nowMs) } : null;
    case 'history': {
      const { atMs } = readLinkTime(query, nowMs);
      return isStreamName(part) ? { page, stream: part, atMs } : null;
    }
    case 'mixer':
    case 'channel':
      return isStreamName(part) ? { page, stream: part } : null;
    case 'asset':
      return isAssetId(part) ? { page, asset: part } : null;
    case 'case':
      return isAssetId(part) ? { page, case: part } : null;
    case 'clip':
      return isAssetId(part) ? { page, clip: part } : null;
    case 'tv-watch':
      return isStreamName(part) ? { page, stream: part } : null;
    case 'room':
    case 'tv-room':
      return isRoomId(part) ? { page, room: part } : null;
    case 'go-live':
    case 'studio':
      return part === '' || isStreamName(part) ? { page, stream: part } : null;
    case 'admin': {
      const tab = adminTabs.find((each) => each === (part || adminTabs[0]));
      return tab ? { page, tab } : null;
    }
    default:
      return { page };
  }
}

/**
 * The page to show after signing in: the one that required it, otherwise the home page; never one of another
 * site.
 *
 * @param search as `location.search`
 */
export function afterSignIn(search: string): string {
  const base = 'http://here.invalid';
  const url = URL.parse(new URLSearchParams(search).get('to') ?? '/', base);
  if (url?.origin !== base) return '/';
  const { page } = parseRoute(url.pathname, url.search);
  const isPassed = ['missing', 'sign-in', 'sign-up', 'reset-password', 'verify-email'].includes(page);
  return isPassed ? '/' : url.pathname + url.search;
}

/** The address of the sign-in page that returns to a page of this interface. */
export function signInPath(from: string): string {
  return `/sign-in?to=${encodeURIComponent(from)}`;
}

/** The address of the sign-up page that returns to a page of this interface. */
export function signUpPath(from: string): string {
  return `/sign-up?to=${encodeURIComponent(from)}`;
}

/** The page on which a link for a new password is requested. */
export const forgotPasswordPath = '/reset-password';

/**
 * Where the server starts a sign-in by another service; for a signed-in user it links that service.
 *
 * @param to the page to return to
 * @param invitation its code; empty for none
 */
export function providerPath(provider: string, to: string, invitation = ''): string {
  const query = new URLSearchParams({ to, ...(invitation !== '' && { invitation }) });
  return `/api/v1/sign-in/${encodeURIComponent(provider)}?${query}`;
}

/**
 * The time and the span in a query: in the forms of addresses, or as a person types them in their zone
 * (`-10m`, `yesterday 14:00`).
 */
export function readLinkTime(
  query: URLSearchParams,
  nowMs = Date.now(),
): {
  readonly atMs: number | null;
  readonly span: TimeSpan | null;
} {
  const [fromMs, toMs] = [readTime(query.get('from'), nowMs), readTime(query.get('to'), nowMs)];
  const span = fromMs !== null && toMs !== null && toMs > fromMs ? { fromMs, toMs } : null;
  const atMs = readTime(query.get('t') ?? query.get('at'), nowMs) ?? span?.fromMs ?? null;
  return { atMs: atMs === nowMs ? null : atMs, span };
}

function readTime(text: string | null, nowMs: number): number | null {
  if (text === null) return null;
  try {
    return parseInstant(text);
  } catch {
    const atMs = readMoment(text, nowMs);
    return atMs !== null && atMs >= 0 ? atMs : null;
  }
}

/**
 * The address of the page that shows how to publish to a stream, and what arrives; without a name, the page
 * that creates one.
 */
export function goLivePath(stream = ''): string {
  return stream === '' ? '/go-live' : `/go-live/${stream}`;
}

/** The address of the page that cuts between the inputs of a mixer, or makes a stream one. */
export function mixerPath(stream: string): string {
  return `/mixer/${stream}`;
}

/**
 * The address of the page that shows what happened to a stream.
 * @param atMs unix milliseconds; undefined: now
 */
export function historyPath(stream: string, atMs?: number): string {
  return `/admin/history/${stream}${atMs === undefined ? '' : `?t=${Math.floor(atMs / 1000)}`}`;
}

/** The address of the page with the schedule of a channel. */
export function channelPath(stream: string): string {
  return `/admin/channel/${stream}`;
}

/** The address of the page that publishes camera and screen; without a name it creates a stream. */
export function studioPath(stream = ''): string {
  return stream === '' ? '/studio' : `/studio/${stream}`;
}

/** The address of the page that records a stream; with `url` it checks that address at once. */
export function recordPath(url = ''): string {
  return url === '' ? paths.record : `${paths.record}?url=${encodeURIComponent(url)}`;
}

/** Whether a text can be the id of an asset. */
export function isAssetId(text: string): boolean {
  return /^[A-Za-z0-9_-]{1,64}$/.test(text);
}

/** The address of the page of a case. */
export function casePath(id: string): string {
  return `/cases/${id}`;
}

/** The address of the page of an asset. */
export function assetPath(id: string): string {
  return `/library/${id}`;
}

/** Whether a text can be the id of a room. */
function isRoomId(text: string): boolean {
  return /^[A-Za-z0-9_-]{1,64}$/.test(text);
}

/** The address of a room. */
export function roomPath(id: string): string {
  return `/rooms/${id}`;
}

/** The address of several streams on one page. */
export function multiPath(streams: readonly { readonly name: string }[]): string {
  return `/multi?s=${streams.map(({ name }) => name).join(',')}`;
}

/** What a link points to: nothing for now, a time, or a span; unix milliseconds. */
type LinkTime = number | TimeSpan | undefined;

/**
 * The address of the watch page.
 *
 * @param when printed as whole seconds: a time and a start rounded down, an end rounded up
 */
export function watchPath(stream: string, when?: LinkTime): string {
  const path = `/watch/${stream}`;
  if (when === undefined) return path;
  if (typeof when === 'number') return `${path}?t=${Math.floor(when / 1000)}`;
  return `${path}?from=${Math.floor(when.fromMs / 1000)}&to=${Math.ceil(when.toMs / 1000)}`;
}
