/**
 * Sizes in bytes as text: `200G`, `8MiB`, `1.5T`, or plain bytes.
 * In: text from flags and files. Out: bytes, and back. Units as GNU tools read them: `G` and `GiB` are 1024³,
 * `GB` is 1000³.
 */
import { FormatError } from '@oxbow/media/errors';

const letters = ['', 'K', 'M', 'G', 'T', 'P'];
const SIZE = /^(\d{1,16}(?:\.\d{1,9})?) ?([KMGTP]?)(i?B)?$/i;

/**
 * Parses a size.
 *
 * @returns whole bytes, 0 to 2^53 - 1
 * @throws FormatError at offset 0 when the text is not a size or is too large
 */
export function parseSize(text: string): number {
  const match = SIZE.exec(text);
  const power = match ? letters.indexOf(match[2]!.toUpperCase()) : -1;
  if (!match || power < 0 || (power === 0 && match[3]?.toLowerCase() === 'ib')) {
    throw new FormatError(`"${text.slice(0, 64)}" is not a size; write 500M, 200G or 1.5T`, 0);
  }
  const base = match[3]?.toLowerCase() === 'b' ? 1000 : 1024;
  const bytes = Math.round(Number(match[1]) * base ** power);
  if (!Number.isSafeInteger(bytes)) throw new FormatError(`"${text.slice(0, 64)}" is too large`, 0);
  return bytes;
}

/**
 * Prints bytes with three significant digits and binary units.
 *
 * @param bytes 0 or more
 */
export function printSize(bytes: number): string {
  let value = bytes;
  let power = 0;
  while (value >= 1023.5 && power < letters.length - 1) {
    value /= 1024;
    power++;
  }
  if (power === 0) return `${Math.round(value)} B`;
  return `${value >= 100 ? Math.round(value) : Number(value.toPrecision(3))} ${letters[power]}iB`;
}
