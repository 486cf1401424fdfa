/**
 * A playback token before a path: `/t/{token}/live/door/index.m3u8`. Relative URIs of playlists keep the prefix, so playlists
 * are the same for all viewers.
 * In: paths. Out: the token and the path after it. Pure. docs/media.md 27 and 32.
 */

/** A path that carries a token. */
export interface SignedPath {
  readonly token: string;
  /** The path after the token; begins with `/`. */
  readonly path: string;
}

const SIGNED = /^\/t\/([A-Za-z0-9_-]{1,100})(?=\/)/;

/**
 * Takes the token off.
 *
 * @param path with its query or without
 * @returns null if it carries none
 */
export function parseSignedPath(path: string): SignedPath | null {
  if (!path.startsWith('/t/')) return null;
  const found = SIGNED.exec(path);
  return found && { token: found[1]!, path: path.slice(found[0].length) };
}

/** A request target, split. */
export interface TargetPieces {
  /** The playback token before the path. */
  readonly token: string | undefined;
  /** Without token and query. */
  readonly path: string;
  /** Without `?`; '' if there is none. */
  readonly query: string;
}

/** Splits the target of a request, in origin form. */
export function splitTarget(target: string): TargetPieces {
  const signed = parseSignedPath(target);
  const plain = signed ? signed.path : target;
  const mark = plain.indexOf('?');
  if (mark < 0) return { token: signed?.token, path: plain, query: '' };
  return { token: signed?.token, path: plain.slice(0, mark), query: plain.slice(mark + 1) };
}

/** The path with the token before it. */
export function printSignedPath(token: string, path: string): string {
  return `/t/${token}${path}`;
}
