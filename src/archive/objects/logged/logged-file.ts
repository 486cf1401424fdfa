/**
 * The description of a stored file whose bytes are ranges of other objects, those of a mirror: what is in a
 * bucket instead of the file.
 * In: ranges, and the bytes that no object has. Out: the bytes of the description, and back. Pure.
 * docs/decisions/0130.
 *
 * | offset | field |
 * | --- | --- |
 * | 0 | `OXLF`, u32 length of the JSON, u32 CRC-32 of that length and all that follows |
 * | 12 | JSON: `{ "version": 1, "size": bytes, "objects": [key, …], "pieces": [[bytes, object, at], …] }` |
 * | then | bytes of the file that are here: pieces with the object -1, `at` from the end of the JSON |
 */
import { crc32 } from 'node:zlib';
import { FormatError } from '@oxbow/media/errors';

const MAGIC = 0x4f584c46; // OXLF
const START = 12;
/** The end of the key of a description. Earlier versions take such an object for that of another program. */
const SUFFIX = '~.log';
/** No description is longer, bytes. */
export const MAX_DESCRIPTION: number = 16 * 1024 * 1024;
/** Object of pieces that are in the description. */
const HERE = -1;

/** Bytes in an object. */
export interface ObjectRange {
  readonly key: string;
  readonly at: number;
  readonly length: number;
}

/** A range of a file, and where it is. */
export interface FilePiece extends ObjectRange {
  /** In the file. */
  readonly offset: number;
}

/** A range of a file that is in its description. */
export interface PlainPiece {
  readonly offset: number;
  readonly length: number;
  readonly bytes: Uint8Array;
}

/** A file in pieces, which follow each other from its start to its end. */
export interface LoggedFile {
  /** Bytes. */
  readonly size: number;
  /** Keys of all objects, in order of their bytes. */
  readonly objects: readonly string[];
  readonly pieces: readonly (FilePiece | PlainPiece)[];
}

/** The key of the description of a file. @param key of the file itself */
export function loggedKey(key: string): string {
  return `${key}${SUFFIX}`;
}

/** Whether a key is that of a description. What follows a further `~` makes keys of one location unique. */
export function isLoggedKey(key: string): boolean {
  return /~\.log(?:~\w+)?$/.test(key);
}

/** The key of the file itself, of the key of its description. */
export function withoutLogged(key: string): string {
  return key.replace(/~\.log(~\w+)?$/, '$1');
}

/**
 * The bytes of a description.
 *
 * @param pieces in order, from the start of the file to its end
 */
export function printLogged(pieces: LoggedFile['pieces']): Buffer {
  const objects = objectsOf(pieces);
  const numbers = new Map(objects.map((key, number) => [key, number]));
  const plain: Uint8Array[] = [];
  let at = 0;
  const rows = pieces.map((piece) => {
    if (!('bytes' in piece)) return [piece.length, numbers.get(piece.key)!, piece.at];
    plain.push(piece.bytes);
    at += piece.length;
    return [piece.length, HERE, at - piece.length];
  });
  const json = Buffer.from(JSON.stringify({ version: 1, size: endOf(pieces), objects, pieces: rows }));
  const head = Buffer.alloc(START);
  head.writeUInt32BE(MAGIC, 0);
  head.writeUInt32BE(json.length, 4);
  const bytes = Buffer.concat([head, json, ...plain]);
  bytes.writeUInt32BE(sumOf(bytes), 8);
  return bytes;
}

/**
 * How many bytes a description begins with before the bytes of the file.
 * @param start at least 12 bytes
 * @throws FormatError if it is no description
 */
function listBytesOf(start: Buffer): number {
  if (start.length < START || start.readUInt32BE(0) !== MAGIC)
    throw new FormatError('not the description of a file', 0);
  return START + start.readUInt32BE(4);
}

/** @throws FormatError if it is malformed, or not the bytes that were written */
export function parseLogged(read: Uint8Array): LoggedFile {
  const bytes = Buffer.from(read.buffer, read.byteOffset, read.length);
  const end = listBytesOf(bytes);
  if (end > bytes.length) throw new FormatError('the description of a file is truncated', bytes.length);
  if (bytes.readUInt32BE(8) !== sumOf(bytes)) throw new FormatError('the checksum differs', 8);
  const json = parseJson(bytes.subarray(START, end));
  const { version, size, objects, pieces } = json as { version?: unknown; size?: unknown } & Record<string, unknown>;
  if (version !== 1) throw new FormatError(`version ${String(version)} of descriptions is not known`, START);
  const isText = (value: unknown) => typeof value === 'string' && value !== '';
  if (!Array.isArray(objects) || !objects.every(isText)) throw new FormatError('a key is malformed', START);
  if (!Array.isArray(pieces)) throw new FormatError('the pieces are malformed', START);
  let offset = 0;
  const placed = pieces.map((row) => {
    const piece = readPiece(row, offset, objects as string[], bytes.subarray(end));
    offset += piece.length;
    return piece;
  });
  if (offset !== size) throw new FormatError(`the pieces have ${offset} bytes instead of ${String(size)}`, START);
  return { size: offset, objects: objects as string[], pieces: placed };
}

function readPiece(
  row: unknown,
  offset: number,
  objects: readonly string[],
  plain: Uint8Array,
): FilePiece | PlainPiece {
  const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
  const [length, object, at] = Array.isArray(row) ? (row as unknown[]) : [];
  if (!isCount(length) || !isCount(at)) throw new FormatError('a piece is malformed', START);
  if (object === HERE && at + length <= plain.length) return { offset, length, bytes: plain.subarray(at, at + length) };
  const key = isCount(object) ? objects[object] : undefined;
  if (key === undefined) throw new FormatError('a piece is in no object', START);
  return { offset, length, key, at };
}

/** The keys of the objects of some pieces, in order. */
export function objectsOf(pieces: LoggedFile['pieces']): string[] {
  const keys = new Set<string>();
  for (const piece of pieces) if ('key' in piece) keys.add(piece.key);
  return [...keys].sort();
}

function endOf(pieces: LoggedFile['pieces']): number {
  return pieces.reduce((sum, { length }) => sum + length, 0);
}

function sumOf(bytes: Uint8Array): number {
  return crc32(bytes.subarray(START), crc32(bytes.subarray(4, 8)));
}

function parseJson(json: Uint8Array): object {
  try {
    const parsed: unknown = JSON.parse(new TextDecoder().decode(json));
    if (typeof parsed === 'object' && parsed !== null) return parsed;
  } catch (error) {
    throw new FormatError(`the description of a file is no JSON: ${(error as Error).message}`, START);
  }
  throw new FormatError('the description of a file is no object', START);
}
