/**
 * Reads a stored segment and compares it with its CRC-32, so that a damaged one is an error before any byte
 * is sent.
 * In: a range with its checksum. Out: the bytes, or OxbowError `media-damaged`; damage is reported
 * to the reader.
 */
import { crc32 } from 'node:zlib';
import { OxbowError } from '../../lib/errors.ts';
import type { RangeReader } from '../range-reader.ts';
import { isMissing, type SegmentRange, ShortReadError } from '../segment-store.ts';

/** Where damage is reported: the location of a file, which is then checked as a whole. */
type Reports = Partial<Pick<RangeReader, 'damaged'>>;

/** A stored segment with its checksum. */
export interface SummedRange extends SegmentRange {
  /** CRC-32 of the bytes, as zlib has it. */
  readonly crc: number;
}

/**
 * Reads a segment into a new array.
 *
 * @throws OxbowError `media-damaged` if its bytes are others, or not there; errors of the store
 */
export async function readIntact(reader: Pick<RangeReader, 'read'> & Reports, range: SummedRange): Promise<Uint8Array> {
  const bytes = await reportMissing(reader, range, () => reader.read(range.location, range.offset, range.length));
  if (crc32(bytes) !== range.crc) throw damaged(reader, range);
  return bytes;
}

/**
 * Like `readIntact`, through shared blocks: the views must not be changed.
 *
 * @throws as `readIntact`
 */
export async function sharedIntact(
  reader: Pick<RangeReader, 'shared'> & Reports,
  range: SummedRange,
): Promise<readonly Uint8Array[]> {
  const views = await reportMissing(reader, range, () => reader.shared(range.location, range.offset, range.length));
  let sum = 0;
  for (const view of views) sum = crc32(view, sum);
  if (sum !== range.crc) throw damaged(reader, range);
  return views;
}

async function reportMissing<T>(reader: Reports, range: SummedRange, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    // Retention may delete a file in between: whether it is lost is decided by its index row.
    if (isMissing(error)) {
      reader.damaged?.emit(range.location);
      throw error;
    }
    if (error instanceof ShortReadError) throw damaged(reader, range, error);
    throw error;
  }
}

function damaged(reader: Reports, { location }: SummedRange, cause?: unknown): OxbowError {
  reader.damaged?.emit(location);
  return new OxbowError('media-damaged', 'This part of the recording is damaged.', { cause });
}
