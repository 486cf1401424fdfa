/**
 * Bytes as base64 in documents of XML and JSON.
 * In: text or bytes. Out: the other. Pure. RFC 4648, 4 and 5.
 */

/**
 * The bytes of a text in base64, with or without padding and white space.
 *
 * @returns undefined if it is none
 */
export function parseBase64(text: string): Uint8Array | undefined {
  const compact = text.replace(/\s+/g, '');
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(compact)) return undefined;
  try {
    return Uint8Array.from(atob(compact), (character) => character.charCodeAt(0));
  } catch {
    return undefined; // a length that no bytes have
  }
}

/** Base64 with padding. */
export function printBase64(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}

/** Base64 for addresses (RFC 4648, 5), without padding. */
export function printBase64Url(bytes: Uint8Array): string {
  return printBase64(bytes).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
}
