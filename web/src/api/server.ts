/**
 * The address of the server: relative on its own pages, absolute for a player embedded in another site.
 * Playback tokens of streams that are not public are a prefix of every path of that stream.
 * In: the element's `server`, tokens of links. Out: addresses for all requests.
 */

let origin = '';
const tokens = new Map<string, string>();

/**
 * Sets the server, once for all players of a page, before any request.
 *
 * @param address its origin, such as `https://tv.example`
 * @returns false if another server is already set, which is kept
 */
export function setServer(address: string): boolean {
  if (origin !== '' && origin !== address) return false;
  origin = address;
  return true;
}

/**
 * The address of a path: the path itself on the server's own pages, prefixed with the playback token of its
 * stream.
 */
export function onServer(path: string): string {
  const [, stream = ''] = /^\/(?:live|vod|clip|thumb|api\/v1\/streams)\/([^/]+)\//.exec(path) ?? [];
  return serverFor(stream) + path;
}

/** The prefix of all requests for a stream: the server and the playback token. */
export function serverFor(stream: string): string {
  const token = watchTokenOf(stream);
  return token === undefined ? origin : `${origin}/t/${token}`;
}

const keyOf = (stream: string) => `oxbow.watch.${stream}`;

/** The playback token of a stream; undefined if there is none. It survives a reload of the tab. */
export function watchTokenOf(stream: string): string | undefined {
  if (!tokens.has(stream) && stream !== '') {
    try {
      const kept = sessionStorage.getItem(keyOf(stream));
      if (kept) tokens.set(stream, kept);
    } catch {
      // Storage forbidden, or no page at all.
    }
  }
  return tokens.get(stream) || undefined;
}

/**
 * Sets the playback token of a stream; null or an invalid token removes it.
 *
 * @param isKept it survives a reload of the tab
 */
export function setWatchToken(stream: string, token: string | null, isKept = true): void {
  const value = token !== null && /^[A-Za-z0-9_-]{1,100}$/.test(token) ? token : '';
  tokens.set(stream, value);
  if (!isKept) return;
  try {
    if (value === '') sessionStorage.removeItem(keyOf(stream));
    else sessionStorage.setItem(keyOf(stream), value);
  } catch {
    // Storage forbidden: the token lasts as long as the page.
  }
}

/** A path with its token in front, and whose media it is. */
const SIGNED = /^((?:https?:\/\/[^/]+)?)\/t\/([^/]+)(\/(live|vod|clip|thumb|assets)\/([^/?]+).*)$/;

/**
 * Sets the playback token of an address, which a room renews: requests under an older one use this one. A
 * path without token sets none.
 */
export function renewWatchToken(address: string): void {
  const [, , token, , kind, name] = SIGNED.exec(address) ?? [];
  if (token !== undefined) setWatchToken(kind === 'assets' ? `asset/${name}` : name!, token, false);
}

/** The address of media under the present playback token, if that was renewed since the address was made. */
export function currentAddress(address: string): string {
  const [, server, token, path, kind, name] = SIGNED.exec(address) ?? [];
  const now = token === undefined ? undefined : tokens.get(kind === 'assets' ? `asset/${name}` : name!);
  return now ? `${server}/t/${now}${path}` : address;
}

/** The playback token in the query of a page. */
export function watchTokenIn(search: string): string | null {
  return new URLSearchParams(search).get('token');
}
