/**
 * Bytes and texts of the format: base64url without padding, and what is signed.
 * In: bytes, texts. Out: the other. Pure. RFC 4648, 5.
 */
import { parseBase64 } from '../base64.ts';
import { concatBytes } from '../bytes.ts';

const encoder = new TextEncoder();

/** UTF-8. */
export const utf8 = (text: string): Uint8Array => encoder.encode(text);

/** The bytes of base64url without padding; empty for a text that is none. */
export function fromBase64Url(text: string): Uint8Array {
  if (!/^[\w-]*$/.test(text)) return new Uint8Array(0);
  return parseBase64(text.replaceAll('-', '+').replaceAll('_', '/')) ?? new Uint8Array(0);
}

/** A message with its context in front. */
export function inContext(context: string, bytes: Uint8Array): Uint8Array {
  return concatBytes([utf8(context), bytes]);
}

/** Whether two arrays have the same bytes. */
export function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
