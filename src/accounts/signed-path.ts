/**
 * The right to watch one stream, in front of a path: `/t/{token}/live/door/index.m3u8`. What a playlist names by a relative URI
 * inherits it, so nothing is made for each viewer.
 * In: paths. Out: the token and the path behind it. Pure. MEDIA.md, 27 and 32.
 */

/** A path that carries a token. */
export interface SignedPath {
  readonly token: string;
  /** What the token stands in front of; begins with `/`. */
  readonly path: string;
}

const SIGNED = /^\/t\/([A-Za-z0-9_-]{1,100})(?=\/)/;

/**
 * Takes the token off.
 *
 * @param path with its query or without
 * @returns null where it carries none
 */
export function parseSignedPath(path: string): SignedPath | null {
  if (!path.startsWith('/t/')) return null;
  const found = SIGNED.exec(path);
  return found && { token: found[1]!, path: path.slice(found[0].length) };
}

/** The path with the right to it. */
export function signedPath(token: string, path: string): string {
  return `/t/${token}${path}`;
}
