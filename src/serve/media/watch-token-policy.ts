/**
 * The scope of a playback token, and the refusals of one that is not valid.
 * In: media addresses, verdicts. Out: a class, nothing, or an OxbowError. docs/media.md 32.
 */
import type { SignedClass, WatchVerdict } from '../../accounts/watch-tokens.ts';
import { clipTokenNameOf } from '../../api/clips/clips-api.ts';
import { type MediaAddress, type MediaClass, mediaClassOf } from '../../api/media-address.ts';
import { OxbowError } from '../../lib/errors.ts';

/** Classes that a playlist has just listed: a token that expired after the playlist still gives them. */
const MEDIA: ReadonlySet<MediaClass> = new Set(['segment', 'part', 'init', 'key']);

/** How long a playback token is valid for an address. */
export function signedClassOf(address: MediaAddress): SignedClass {
  return MEDIA.has(mediaClassOf(address)) ? 'media' : 'playlist';
}

/**
 * Checks a playback token for a clip: one of the clip, or one of its stream.
 *
 * @param stream of the clip; undefined if there is no such clip
 * @throws OxbowError `watch-refused`, `watch-expired`
 */
export function checkClipToken(
  token: string,
  clip: string,
  stream: string | undefined,
  verify: (token: string, name: string) => WatchVerdict,
): void {
  const verdict = verify(token, clipTokenNameOf(clip));
  checkVerdict(verdict === 'refused' && stream !== undefined ? verify(token, stream) : verdict);
}

/**
 * Throws unless the verdict is `ok`.
 *
 * @throws OxbowError `watch-refused`, `watch-expired`
 */
export function checkVerdict(verdict: WatchVerdict): void {
  if (verdict === 'ok') return;
  if (verdict === 'expired') throw new OxbowError('watch-expired', 'The playback token of this link has expired.');
  throw new OxbowError('watch-refused', 'The playback token is for another stream, was revoked, or is incomplete.');
}
