/**
 * What a playback token is valid for, and the refusals of one that is not valid.
 * In: media addresses, verdicts. Out: a class, nothing, or an OxbowError. docs/media.md 32.
 */
import type { SignedClass, WatchVerdict } from '../../accounts/watch-tokens.ts';
import { type MediaAddress, type MediaClass, mediaClassOf } from '../../api/media-address.ts';
import { OxbowError } from '../../lib/errors.ts';

/** Segments, parts and init sections: what a playlist named a moment ago. */
const MEDIA: ReadonlySet<MediaClass> = new Set(['segment', 'part', 'init']);

/** How long a playback token is valid for an address. */
export function signedClassOf(address: MediaAddress): SignedClass {
  return MEDIA.has(mediaClassOf(address)) ? 'media' : 'playlist';
}

/**
 * Throws unless the verdict is `ok`.
 *
 * @throws OxbowError `watch-refused`, `watch-expired`
 */
export function checkVerdict(verdict: WatchVerdict): void {
  if (verdict === 'ok') return;
  if (verdict === 'expired') throw new OxbowError('watch-expired', 'The right to watch that this link gave has ended.');
  throw new OxbowError('watch-refused', 'The link is of another stream, was taken back, or is not whole.');
}
