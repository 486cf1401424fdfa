/**
 * What a right to watch is good for, and the refusals of one that is not.
 * In: paths of media, verdicts. Out: a class, nothing, or an OxbowError. MEDIA.md, 32.
 */
import type { SignedClass, WatchVerdict } from '../accounts/watch-tokens.ts';
import { OxbowError } from '../lib/errors.ts';

/** Segments, parts and init sections: what a playlist named a moment ago. */
const MEDIA_FILE = /^\/(?:live|vod|start)\/.*\.(?:m4s|mp4|ts|vtt)$/;

/** The class of a media path, without its token. */
export function signedClassOf(path: string): SignedClass {
  return MEDIA_FILE.test(path) ? 'media' : 'playlist';
}

/**
 * Throws unless the verdict is `ok`.
 *
 * @throws OxbowError `watch-refused`, `watch-expired`
 */
export function refuseWatching(verdict: WatchVerdict): void {
  if (verdict === 'ok') return;
  if (verdict === 'expired') throw new OxbowError('watch-expired', 'The right to watch that this link gave has ended.');
  throw new OxbowError('watch-refused', 'The link is of another stream, was taken back, or is not whole.');
}
