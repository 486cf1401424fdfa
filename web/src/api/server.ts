/**
 * Where the server is: on its own pages beside them, for the player on other people's pages at an address of its own. And with which right
 * a stream that is not for everyone is watched: it stands in front of every path of that stream.
 * In: the element's `server`, tokens of links. Out: whole addresses for everything that is asked of the server.
 */

let origin = '';
const tokens = new Map<string, string>();

/**
 * Names the server, once for all players of a page, before anything is asked.
 *
 * @param address its origin, as `https://tv.example`
 * @returns false where another server was named before: it stays
 */
export function setServer(address: string): boolean {
  if (origin !== '' && origin !== address) return false;
  origin = address;
  return true;
}

/** The address of a path of the server: the path itself on the server's own pages, with the right to watch its stream in front. */
export function onServer(path: string): string {
  const [, stream = ''] = /^\/(?:live|vod|clip|thumb)\/([^/]+)\//.exec(path) ?? [];
  return serverFor(stream) + path;
}

/** Where a stream is asked for: the server, with the right to watch it. */
export function serverFor(stream: string): string {
  const token = watchTokenOf(stream);
  return token === undefined ? origin : `${origin}/t/${token}`;
}

const keyOf = (stream: string) => `oxbow.watch.${stream}`;

/** The right to watch a stream; undefined where none was given. A tab that is loaded again has it still. */
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

/** Gives the right to watch a stream; null takes it away. What is no token is none. */
export function setWatchToken(stream: string, token: string | null): void {
  const value = token !== null && /^[A-Za-z0-9_-]{1,100}$/.test(token) ? token : '';
  tokens.set(stream, value);
  try {
    if (value === '') sessionStorage.removeItem(keyOf(stream));
    else sessionStorage.setItem(keyOf(stream), value);
  } catch {
    // Storage forbidden: it lasts as long as the page.
  }
}

/** Takes the right to watch out of the query of a page. */
export function watchTokenIn(search: string): string | null {
  return new URLSearchParams(search).get('token');
}
