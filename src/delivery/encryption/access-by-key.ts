/**
 * Decides which form of a segment a stream gives: clear, or encrypted with the key that its playlists name.
 * In: the keys of a stream or an asset, a segment with the key of its address. Out: the key, nothing, or a
 * refusal.
 */
import { OxbowError } from '../../lib/errors.ts';
import type { ServedLiveStream } from '../served-stream.ts';
import { type ContentKey, type ContentKeys, unknownKey } from './content-keys.ts';

/** The keys of a stream; of a derived quality those of its stream. Undefined: it is clear. */
export function contentKeysOf({
  contentKeys,
  source,
}: Pick<ServedLiveStream, 'contentKeys' | 'source'>): ContentKeys | undefined {
  return source ? source.contentKeys : contentKeys;
}

/**
 * The key that a segment is encrypted with; undefined: it is given clear.
 *
 * @param name the key of the address; undefined: the clear segment is requested
 * @throws OxbowError `media-encrypted` for the clear segment where there are keys; `not-found` for another
 *   key than that of the segment: the key of an earlier one would open all later ones
 */
export function keyOfSegment(
  keys: ContentKeys | undefined,
  { msn, key: name }: { readonly msn: number; readonly key?: string | undefined },
): ContentKey | undefined {
  if (name === undefined) {
    refuseClear(keys);
    return undefined;
  }
  const key = keys?.at(msn);
  if (key?.name !== name) throw unknownKey(name);
  return key;
}

/** Refuses what would give the media of an encrypted stream clear. @throws OxbowError `media-encrypted` */
export function refuseClear(keys: ContentKeys | undefined): void {
  if (keys) throw new OxbowError('media-encrypted', 'The segments of this stream or video are sent encrypted.');
}

/**
 * Refuses what has no form for common encryption: MPEG-TS.
 *
 * @throws OxbowError `media-encrypted`
 */
export function refuseCommon(keys: ContentKeys | undefined): void {
  if (keys?.isCommon) {
    throw new OxbowError('media-encrypted', 'This stream has common encryption (`cbcs`), which MPEG-TS cannot carry.');
  }
}
