/**
 * Prints EBML elements, the structure of Matroska files: an id, a length, a body.
 * In: ids and values. Out: bytes of complete elements. Pure. RFC 8794, 4 (VINT), 5 and 6 (id, data size), 7
 * (types).
 */
import { concatBytes } from '../bytes.ts';

/**
 * An element around its body; the length takes as few bytes as it can.
 *
 * @param id with its length marker, 1 to 4 bytes
 * @param parts the body, one after the other: for a master element its children
 */
export function element(id: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  return concatBytes([elementHead(id, length), ...parts]);
}

/**
 * Id and length of an element whose body follows elsewhere.
 *
 * @param length bytes, 0 to 2^53 - 1
 * @param lengthBytes how many bytes the length takes, 1 to 8; as few as it can where it is left out
 * @throws RangeError if the length does not fit
 */
export function elementHead(id: number, length: number, lengthBytes: number = widthOf(length)): Uint8Array {
  if (length > longest(lengthBytes)) throw new RangeError(`a length of ${length} does not fit ${lengthBytes} bytes`);
  const idBytes = bytesOf(id);
  const head = new Uint8Array(idBytes + lengthBytes);
  writeUint(head, 0, id, idBytes);
  writeUint(head, idBytes, length, lengthBytes);
  head[idBytes]! |= 0x80 >> (lengthBytes - 1);
  return head;
}

/**
 * An unsigned integer.
 *
 * @param value 0 to 2^53 - 1
 * @param bytes 1 to 8; as few as it can where it is left out
 */
export function uintElement(id: number, value: number, bytes: number = bytesOf(value)): Uint8Array {
  const body = new Uint8Array(bytes);
  writeUint(body, 0, value, bytes);
  return element(id, body);
}

/** A float of 64 bits. */
export function floatElement(id: number, value: number): Uint8Array {
  const body = new Uint8Array(8);
  new DataView(body.buffer).setFloat64(0, value);
  return element(id, body);
}

/** A string, in UTF-8. */
export function textElement(id: number, text: string): Uint8Array {
  return element(id, new TextEncoder().encode(text));
}

/**
 * Writes an unsigned integer, most significant byte first.
 *
 * @param value 0 to 2^53 - 1; bits above `bytes` bytes are cut off
 */
export function writeUint(target: Uint8Array, at: number, value: number, bytes: number): void {
  for (let i = bytes - 1, remaining = value; i >= 0; i--) {
    target[at + i] = remaining % 256;
    remaining = Math.floor(remaining / 256);
  }
}

/** A length of all ones means that it is not known, so each width holds one value less (RFC 8794, 6.2). */
function longest(lengthBytes: number): number {
  return 2 ** (7 * lengthBytes) - 2;
}

function widthOf(length: number): number {
  let bytes = 1;
  while (length > longest(bytes)) bytes++;
  return bytes;
}

function bytesOf(value: number): number {
  let bytes = 1;
  while (value >= 2 ** (8 * bytes)) bytes++;
  return bytes;
}
