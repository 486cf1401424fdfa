/**
 * A playback token before a path: `/t/{token}/live/door/index.m3u8`. Relative URIs of playlists keep the
 * prefix, so playlists are the same for all viewers. A token is one of oxbow or of an authorization server,
 * or a JWT.
 * In: paths. Out: the token and the path after it. Pure. docs/media.md 27 and 32.
 */

/** A path that carries a token. */
export interface SignedPath {
  readonly token: string;
  /** The path after the token; begins with `/`. */
  readonly path: string;
}

/** Addresses with a token are the same for 12 hours, so that browsers keep what they name; ms. */
const SIGNED_MS = 12 * 3_600_000;

/** Until when a token of an address is valid, ms since 1970: 12 to 24 hours from now. */
export function signedUntilMs(nowMs: number): number {
  return (Math.floor(nowMs / SIGNED_MS) + 2) * SIGNED_MS;
}

/** Longest token of a path, characters: a JWT. */
const MAX_TOKEN_LENGTH = 2048;
/** Longest token that is no JWT. */
const MAX_PLAIN_LENGTH = 100;
/**
 * Three parts of base64url. An unsigned one has nothing after its last dot: it is a token too, and refused as
 * such. RFC 7519 6.
 */
const TOKEN = /^[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*)?$/;

/**
 * Takes the token off.
 *
 * @param path with its query or without
 * @returns null if it carries none
 */
export function parseSignedPath(path: string): SignedPath | null {
  if (!path.startsWith('/t/')) return null;
  const end = path.indexOf('/', 3);
  if (end < 0 || end > 3 + MAX_TOKEN_LENGTH) return null;
  const token = path.slice(3, end);
  if (!TOKEN.test(token) || (token.length > MAX_PLAIN_LENGTH && !token.includes('.'))) return null;
  return { token, path: path.slice(end) };
}

/** Whether a playback token has the form of a JWT. Tokens of oxbow have no dot. */
export function isJwt(token: string): boolean {
  return token.includes('.') && token.length <= MAX_TOKEN_LENGTH;
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

/** The path with a place where a token belongs: a token that no server accepts. */
export function unsignedPath(path: string): string {
  return printSignedPath('_', path);
}
