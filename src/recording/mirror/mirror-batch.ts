/**
 * One object of the mirror: what several streams recorded in about a second, as records that follow each
 * other.
 * In: records. Out: the bytes of an object, and back. Pure. docs/decisions/0114.
 *
 * | offset | field |
 * | --- | --- |
 * | 0 | `OXMB`, u32 length of the JSON, u32 CRC-32 of the length and all that follows |
 * | 12 | JSON: `{ "version": 1, "records": […] }`, each with the number of its bytes |
 * | then | the bytes of the records, in order |
 */
import { crc32 } from 'node:zlib';
import { FormatError } from '@oxbow/media/errors';
import type { RunClock } from '@oxbow/media/run';

const MAGIC = 0x4f584d42; // OXMB
const START = 12;
/** A reader reads this much first; longer lists of records need a second read. */
export const FIRST_READ = 64 * 1024;
/** No list of records is longer, bytes. */
const MAX_JSON = 16 * 1024 * 1024;

/** A range of a file that grows, as it is on the disk. */
export interface FileRecord {
  readonly kind: 'file';
  /** Location of the file. */
  readonly location: string;
  readonly offset: number;
  /** Bytes. */
  readonly length: number;
}

/** One part in a record of parts. */
export interface PartEntry {
  readonly trackId: number;
  /** Bytes. */
  readonly length: number;
}

/** Parts of a segment that is not in a file yet. */
export interface PartsRecord {
  readonly kind: 'parts';
  readonly streamId: string;
  readonly msn: number;
  /** Parts of this segment in earlier records. */
  readonly first: number;
  readonly run: { readonly id: number; readonly utcOffsetUs: number; readonly clock: RunClock };
  readonly init: {
    readonly number: number;
    readonly hash: string;
    /** Base64 of the movie header of its tracks; in the first record of a segment. */
    readonly start?: string;
  };
  /** µs since 1970. */
  readonly startUs: number;
  readonly discontinuity: boolean;
  readonly discontinuitySequence: number;
  readonly parts: readonly PartEntry[];
  /** Bytes of all parts. */
  readonly length: number;
}

/** Bytes of a file that earlier records have as parts of its segment: they are not sent again. */
export interface JoinedRecord {
  readonly kind: 'joined';
  readonly location: string;
  readonly streamId: string;
  readonly msn: number;
  /** The file has from `offset` on the first `length` bytes of the parts of a track. */
  readonly tracks: readonly { readonly trackId: number; readonly offset: number; readonly length: number }[];
  /** It has no bytes. */
  readonly length: 0;
}

/** What an object of the mirror consists of. */
export type MirrorRecord = FileRecord | PartsRecord | JoinedRecord;

/** A record with the place of its bytes in the object. */
export interface PlacedRecord {
  readonly record: MirrorRecord;
  /** First byte in the object. */
  readonly at: number;
}

/** A record and its bytes. */
export interface FilledRecord {
  readonly record: MirrorRecord;
  readonly bytes: readonly Uint8Array[];
}

/**
 * The bytes of an object.
 *
 * @param roomOf memory of at least so many bytes: new memory costs more than the copy
 */
export function printBatch(
  filled: readonly FilledRecord[],
  roomOf: (bytes: number) => Buffer = (bytes) => Buffer.allocUnsafe(bytes),
): Uint8Array {
  const json = Buffer.from(JSON.stringify({ version: 1, records: filled.map(({ record }) => record) }));
  const length = filled.reduce((sum, { record }) => sum + record.length, START + json.length);
  const bytes = roomOf(length).subarray(0, length);
  bytes.writeUInt32BE(MAGIC, 0);
  bytes.writeUInt32BE(json.length, 4);
  bytes.set(json, START);
  let at = START + json.length;
  for (const piece of filled.flatMap((each) => each.bytes)) {
    bytes.set(piece, at);
    at += piece.length;
  }
  bytes.writeUInt32BE(sumOf(bytes), 8);
  return bytes;
}

/**
 * How many bytes at the start of an object have its list of records.
 *
 * @param start at least 12 bytes
 * @throws FormatError if it is no object of the mirror
 */
export function listBytesOf(start: Uint8Array): number {
  const view = Buffer.from(start.buffer, start.byteOffset, start.length);
  if (view.length < START || view.readUInt32BE(0) !== MAGIC) throw new FormatError('not an object of a mirror', 0);
  const length = view.readUInt32BE(4);
  if (length > MAX_JSON) throw new FormatError('the list of records is too long', 4);
  return START + length;
}

/**
 * The records at the start of an object.
 *
 * @param start as many bytes as `listBytesOf` says, or more
 * @throws FormatError if they are malformed
 */
export function parseRecords(start: Uint8Array): PlacedRecord[] {
  const end = listBytesOf(start);
  if (start.length < end) throw new FormatError('the list of records is truncated', start.length);
  let at = end;
  return readList(start.subarray(START, end)).map((record) => {
    const placed = { record, at };
    at += record.length;
    return placed;
  });
}

/**
 * Checks the bytes of a complete object.
 * @throws FormatError if they are not those that were written
 */
export function checkBatch(bytes: Uint8Array): void {
  listBytesOf(bytes);
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (view.readUInt32BE(8) !== sumOf(bytes)) throw new FormatError('the checksum differs', 8);
}

/** The location of bytes that were erased: no file. */
export const ERASED = 'erased';

/**
 * A complete object with zeros instead of the bytes of some records; all others stay where they are.
 *
 * @returns undefined if it has no other record
 * @throws FormatError if it is malformed
 */
export function eraseRecords(
  bytes: Uint8Array,
  isErased: (placed: PlacedRecord) => boolean,
): { readonly bytes: Uint8Array; readonly isChanged: boolean } | undefined {
  checkBatch(bytes);
  const end = listBytesOf(bytes);
  const copy = Buffer.from(bytes);
  let kept = 0;
  let isChanged = false;
  const records = parseRecords(bytes).map((placed): MirrorRecord => {
    const { record, at } = placed;
    if (record.kind === 'file' && record.location === ERASED) return record;
    if (!isErased(placed)) {
      kept++;
      return record;
    }
    isChanged = true;
    copy.fill(0, at, at + record.length);
    return { kind: 'file', location: ERASED, offset: 0, length: record.length };
  });
  if (kept === 0) return undefined;
  // A shorter list has spaces at its end, so that nothing after it moves.
  const json = Buffer.from(JSON.stringify({ version: 1, records }));
  if (json.length > end - START) throw new FormatError('the list of records was written by another program', START);
  copy.fill(0x20, START, end);
  copy.set(json, START);
  copy.writeUInt32BE(sumOf(copy), 8);
  return { bytes: copy, isChanged };
}

function sumOf(bytes: Uint8Array): number {
  return crc32(bytes.subarray(START), crc32(bytes.subarray(4, 8)));
}

function readList(json: Uint8Array): MirrorRecord[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder().decode(json));
  } catch (error) {
    throw new FormatError(`the list of records is no JSON: ${(error as Error).message}`, START);
  }
  const { version, records } = (parsed ?? {}) as { version?: unknown; records?: unknown };
  if (version !== 1) throw new FormatError(`version ${String(version)} of mirrors is not known`, START);
  if (!Array.isArray(records) || !records.every(isRecord)) throw new FormatError('a record is malformed', START);
  return records;
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

function isRecord(value: unknown): value is MirrorRecord {
  if (typeof value !== 'object' || value === null) return false;
  const record = value as Partial<FileRecord> | Partial<PartsRecord> | Partial<JoinedRecord>;
  if (!isCount(record.length)) return false;
  if (record.kind === 'joined') return isJoinedRecord(record);
  if (record.kind === 'file') return typeof record.location === 'string' && isCount(record.offset);
  return record.kind === 'parts' && isPartsRecord(record);
}

function isJoinedRecord({ location, streamId, msn, tracks, length }: Partial<JoinedRecord>): boolean {
  const isTrack = (track: JoinedRecord['tracks'][number] | null) =>
    isCount(track?.trackId) && isCount(track.offset) && isCount(track.length);
  const isNamed = typeof location === 'string' && typeof streamId === 'string';
  return isNamed && isCount(msn) && length === 0 && Array.isArray(tracks) && tracks.every(isTrack);
}

function isPartsRecord({ streamId, msn, first, run, init, startUs, parts, length, ...rest }: Partial<PartsRecord>) {
  const isRun = isCount(run?.id) && Number.isSafeInteger(run?.utcOffsetUs) && /^(source|arrival)$/.test(run!.clock);
  const isInit = isCount(init?.number) && typeof init?.hash === 'string';
  const isPart = (part: PartEntry | null) => isCount(part?.trackId) && isCount(part?.length);
  if (typeof streamId !== 'string' || !isRun || !isInit || !Array.isArray(parts) || !parts.every(isPart)) return false;
  const isFlagged = typeof rest.discontinuity === 'boolean' && isCount(rest.discontinuitySequence);
  const sum = parts.reduce((bytes: number, part: PartEntry) => bytes + part.length, 0);
  return [msn, first, startUs].every(isCount) && isFlagged && sum === length;
}
