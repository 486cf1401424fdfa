/**
 * What encrypts a track: its key, its scheme, the systems that know it.
 * In: key servers. Out: types and constants for the writers of this folder. Pure. ISO/IEC 23001-7, 4 and
 * 10.4.
 */

/** The only scheme that is written: AES-CBC with a pattern and constant IVs (10.4). */
export const CBCS = 'cbcs';

/** Encrypted blocks, then clear ones, of each protected range of video (10.4.2). */
export const VIDEO_PATTERN = { crypt: 1, skip: 9 } as const;

/** Bytes of a key, a key id, an IV and an AES block. */
export const BLOCK = 16;

/** DRM systems by their SystemID, in the form of a UUID. */
export const SYSTEM = {
  clearKey: 'e2719d58-a985-b3c9-781a-b030af78d30e',
  /** The common system, which ClearKey in browsers reads from a pssh. */
  common: '1077efec-c0b2-4d02-ace3-3c1e52e2fb4b',
  fairPlay: '94ce86fb-07ff-4f43-adb8-93d2fa968ca2',
  playReady: '9a04f079-9840-4286-ab92-e65be0885f95',
  widevine: 'edef8ba9-79d6-4ace-a3c8-27dcd51d21ed',
} as const;

/** The bytes that encrypt and name a stretch of media. */
export interface ContentKey {
  /** 16 bytes. */
  readonly kid: Uint8Array;
  /** 16 bytes; secret. */
  readonly key: Uint8Array;
  /** 16 bytes: the constant IV. */
  readonly iv: Uint8Array;
}

/**
 * AES-128 in CBC mode without padding.
 *
 * @param blocks whole blocks; not changed
 * @returns as many bytes
 */
export type CbcEncrypt = (key: Uint8Array, iv: Uint8Array, blocks: Uint8Array) => Uint8Array;

/** 32 hexadecimal digits of 16 bytes. */
export function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** The UUID of 16 bytes, lower case. */
export function uuidOf(bytes: Uint8Array): string {
  return hexOf(bytes).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** The 16 bytes of a UUID, with or without dashes; undefined if it is none. */
export function bytesOfUuid(uuid: string): Uint8Array | undefined {
  const hex = uuid.replaceAll('-', '');
  if (!/^[0-9a-f]{32}$/i.test(hex)) return undefined;
  return Uint8Array.from({ length: BLOCK }, (_, i) => Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16));
}
