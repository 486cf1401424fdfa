/**
 * Chooses the key of a segment, or refuses protected sources.
 * In: EXT-X-KEY and EXT-X-SESSION-KEY. Out: URL of the key and IV; or an error that names the protection.
 * RFC 8216bis 4.4.4.4 and 5.2.
 */

import { FormatError } from '@oxbow/media/errors';
import type { KeyTag } from '@oxbow/media/m3u8/playlist';
import { OxbowError } from '../../../lib/errors.ts';

/** Encryption of a segment or Media Initialization Section: AES-128 in CBC mode with padding. */
export interface SegmentKey {
  /** URL of the 16-byte key; undefined if the playlist has no valid URI. */
  readonly url: URL | undefined;
  /** The IV attribute, hex digits as written. */
  readonly iv: string | undefined;
}

/** KEYFORMATs of known protections; the UUIDs are from DASH-IF's registry. */
const protections: readonly (readonly [string, string])[] = [
  ['com.apple.streamingkeydelivery', 'FairPlay'],
  ['urn:uuid:94ce86fb-07ff-4f43-adb8-93d2fa968ca2', 'FairPlay'],
  ['urn:uuid:edef8ba9-79d6-4ace-a3c8-27dcd51d21ed', 'Widevine'],
  ['com.widevine', 'Widevine'],
  ['com.microsoft.playready', 'PlayReady'],
  ['urn:uuid:9a04f079-9840-4286-ab92-e65be0885f95', 'PlayReady'],
  ['urn:uuid:e2719d58-a985-b3c9-781a-b030af78d30e', 'ClearKey'],
  ['org.w3.clearkey', 'ClearKey'],
];

function isSupported({ method, keyFormat }: KeyTag): boolean {
  return method === 'AES-128' && (keyFormat === undefined || keyFormat === 'identity');
}

/** Name of the protection; undefined for the plain key exchange of HLS. */
function nameOf({ keyFormat, uri }: KeyTag): string | undefined {
  const format = keyFormat?.toLowerCase() ?? 'identity';
  const protection = protections.find(([prefix]) => format.startsWith(prefix))?.[1];
  if (protection) return protection;
  if (format !== 'identity') return `the key system ${keyFormat!.slice(0, 60)}`;
  return uri?.startsWith('skd:') ? 'FairPlay' : undefined;
}

function refusal(tags: readonly KeyTag[]): OxbowError {
  const names = [...new Set(tags.flatMap((tag) => nameOf(tag) ?? []))];
  const methods = [...new Set(tags.map(({ method }) => method.slice(0, 40)))].join(', ');
  const by = names.length === 0 ? methods : `${names.slice(0, 5).join(' and ')} (${methods})`;
  return new OxbowError(
    'unsupported-media',
    `The source is protected by ${by}; oxbow cannot record protected streams.`,
  );
}

/**
 * The key of a segment.
 *
 * @param tags in force, one per KEYFORMAT; none for an unencrypted segment
 * @param base URL of the playlist
 * @throws OxbowError `unsupported-media` if none of them is AES-128 with the `identity` key format
 */
export function keyOf(tags: readonly KeyTag[], base: URL): SegmentKey | undefined {
  if (tags.length === 0) return undefined;
  const tag = tags.find(isSupported);
  if (!tag) throw refusal(tags);
  return { url: tag.uri === undefined ? undefined : (URL.parse(tag.uri, base.href) ?? undefined), iv: tag.iv };
}

/**
 * Checks the keys that a Multivariant Playlist announces.
 *
 * @throws OxbowError `unsupported-media` if it announces keys and oxbow can use none of them
 */
export function refuseProtected(sessionKeys: readonly KeyTag[]): void {
  if (sessionKeys.length > 0 && !sessionKeys.some(isSupported)) throw refusal(sessionKeys);
}

/**
 * The initialization vector.
 *
 * @param msn of the segment, the IV if there is no IV attribute (5.2); undefined for a Media Initialization
 *   Section,
 * which must have one
 * @returns 16 bytes
 * @throws FormatError if it is missing or not a number of 128 bits
 */
export function ivOf({ iv }: SegmentKey, msn: number | undefined): Uint8Array {
  const bytes = new Uint8Array(16);
  if (iv === undefined) {
    if (msn === undefined) throw new FormatError('an encrypted Media Initialization Section has no IV', 0);
    new DataView(bytes.buffer).setBigUint64(8, BigInt(msn));
    return bytes;
  }
  if (!/^[0-9a-f]{1,32}$/i.test(iv)) throw new FormatError('the IV of EXT-X-KEY is not a number of 128 bits', 0);
  bytes.set(Buffer.from(iv.padStart(32, '0'), 'hex'));
  return bytes;
}
