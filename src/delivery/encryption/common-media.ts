/**
 * Common encryption (`cbcs`) of what players load: init sections, segments, parts, and ClearKey licences.
 * In: clear bytes, the tracks in them, a content key. Out: encrypted bytes, JSON. ISO/IEC 23001-7; Encrypted
 * Media Extensions 9.1.4.
 */
import { createCipheriv } from 'node:crypto';
import { parseBase64, printBase64Url } from '@oxbow/media/base64';
import { FragmentEncryption } from '@oxbow/media/cenc/encrypt-fragments';
import { protectInit } from '@oxbow/media/cenc/protect-init';
import type { CbcEncrypt } from '@oxbow/media/cenc/protection';
import { FormatError } from '@oxbow/media/errors';
import type { Track } from '@oxbow/media/frame';
import { OxbowError } from '../../lib/errors.ts';
import type { Reply } from '../reply.ts';
import { caching } from '../text-reply.ts';
import type { CommonKey, ContentKey, ContentKeys } from './content-keys.ts';
import { psshBoxesOf } from './drm-key.ts';
import { secretKeyOf } from './secret-key.ts';

/** Keys of one licence. */
const MAX_KIDS = 64;

/** A key of common encryption. */
type KeyOfTracks = ContentKey & { readonly common: CommonKey };

/** Whether a key is one of common encryption. */
export function isCommonKey(key: ContentKey): key is KeyOfTracks {
  return key.common !== undefined;
}

/** An init section whose picture and sound are encrypted with a key. */
export function commonInit(init: Uint8Array, tracks: readonly Track[], { common, iv }: KeyOfTracks): Uint8Array {
  const encrypted = new Set(tracks.filter(isEncrypted).map(({ id }) => id));
  return protectInit(init, {
    keyOf: (trackId) => (encrypted.has(trackId) ? { kid: common.kid, iv } : undefined),
    pssh: psshBoxesOf(common.kid, common.systems, common.hasClearKey),
  });
}

/**
 * The fragments of a segment or part, encrypted.
 *
 * @throws OxbowError `unsupported-media` if they cannot be encrypted: they are never given clear instead
 */
export function commonFragments(fragments: Uint8Array, tracks: readonly Track[], key: KeyOfTracks): Uint8Array {
  const keyOf = (track: Track) => (isEncrypted(track) ? { kid: key.common.kid, key: key.key, iv: key.iv } : undefined);
  try {
    return new FragmentEncryption({ tracks, keyOf, encrypt: cbc }).encrypt(fragments);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    throw new OxbowError('unsupported-media', `The media cannot be encrypted: ${error.message}.`, { cause: error });
  }
}

/** Subtitles stay clear. */
function isEncrypted({ kind }: Track): boolean {
  return kind === 'video' || kind === 'audio';
}

const cbc: CbcEncrypt = (key, iv, blocks) =>
  createCipheriv('aes-128-cbc', secretKeyOf(key), iv).setAutoPadding(false).update(blocks);

/**
 * A ClearKey licence for key ids in base64url, for the clients that may watch. No cache keeps it.
 *
 * @throws OxbowError `not-found` if there is no such key, or players get none here; `bad-request`
 */
export async function licenceReply(
  keys: ContentKeys | undefined,
  kids: readonly string[],
  options: { readonly signal: AbortSignal },
): Promise<Reply> {
  if (!keys?.settings.common?.hasClearKey) {
    throw new OxbowError('not-found', 'There are no ClearKey licences here.');
  }
  if (kids.length === 0 || kids.length > MAX_KIDS) {
    throw new OxbowError('bad-request', `\`kids\` has ${kids.length} key ids; request 1 to ${MAX_KIDS}.`);
  }
  const found: { readonly kty: 'oct'; readonly kid: string; readonly k: string }[] = [];
  for (const text of kids) {
    const kid = parseBase64(text.replaceAll('-', '+').replaceAll('_', '/'));
    const key = kid && (await keys.withId(kid, options));
    if (key) found.push({ kty: 'oct', kid: printBase64Url(kid), k: printBase64Url(key.key) });
  }
  if (found.length === 0) throw new OxbowError('not-found', 'This stream or video has none of these keys.');
  const bytes = Buffer.from(JSON.stringify({ keys: found, type: 'temporary' }));
  return { contentType: 'application/json', cacheControl: caching.none, length: bytes.length, body: [bytes] };
}
