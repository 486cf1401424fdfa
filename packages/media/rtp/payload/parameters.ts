/**
 * Values of fmtp parameters.
 * In: text of an SDP. Out: bytes and numbers. Pure. RFC 6184 8.1 (base64), RFC 3640 4.1 (hexadecimal).
 */
import { FormatError } from '../../errors.ts';
import type { PayloadFormat } from './payload.ts';

const MAX_CHARACTERS = 65_536;

/** The parameter sets of `sprop-…`: base64, separated by commas; those that are not base64 are left out. */
export function parameterSets({ parameters }: PayloadFormat, name: string): Uint8Array[] {
  const text = parameters.get(name) ?? '';
  if (text.length > MAX_CHARACTERS) return [];
  return text.split(',').flatMap((part) => {
    const bytes = fromBase64(part.trim());
    return bytes && bytes.length > 0 ? [bytes] : [];
  });
}

function fromBase64(text: string): Uint8Array | undefined {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text) || text.replace(/=+$/, '').length % 4 === 1) return undefined;
  return Uint8Array.from(atob(text.replace(/=+$/, '')), (character) => character.charCodeAt(0));
}

/**
 * Bytes in hexadecimal; an odd digit at the end counts as followed by 0.
 * @throws FormatError if it is not hexadecimal
 */
export function hexBytes(text: string): Uint8Array {
  if (!/^[0-9a-f]+$/i.test(text) || text.length > MAX_CHARACTERS) {
    throw new FormatError('a configuration in the session description that is not hexadecimal', 0);
  }
  const even = text.length % 2 === 0 ? text : `${text}0`;
  return Uint8Array.from({ length: even.length / 2 }, (_, i) => Number.parseInt(even.slice(2 * i, 2 * i + 2), 16));
}

/** A number of 0 to `max`; 0 where it is absent. @throws FormatError if it is not one */
export function numberOf({ parameters }: PayloadFormat, name: string, max: number): number {
  const text = parameters.get(name);
  if (text === undefined) return 0;
  const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value <= max)) throw new FormatError(`${name} is ${text.slice(0, 20)}, not a number up to ${max}`, 0);
  return value;
}
