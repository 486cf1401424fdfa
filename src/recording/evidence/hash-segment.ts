/**
 * The digest of a segment: the rows of its samples, hashed. The bytes are in memory anyway, so that each is
 * read once.
 * In: a segment, with its samples as the packager has them, or as its fragments do. Out: digests.
 * docs/5-record/evidence.md, "Digest of a segment".
 */
import { hash } from 'node:crypto';
import { FormatError } from '@oxbow/media/errors';
import { printRow, ROW_BYTES } from '@oxbow/media/evidence/sample-rows';
import { parseSegment } from '@oxbow/media/isobmff/segment-frames';
import type { SampleRows, TrackSegment } from '@oxbow/media/segment';

/** Numbers of a sample in `SampleRows`. */
const PER_SAMPLE = 4;
/** SHA-256. */
const HASH_BYTES = 32;

/** A segment of one track. */
export type HashedSegment = Pick<TrackSegment, 'bytes'> & { readonly rows?: SampleRows | undefined };

/** SHA-256 in base64url. */
export function sha256Text(bytes: Uint8Array | string): string {
  return hash('sha256', bytes, 'base64url');
}

/**
 * The rows of a segment, in decode order.
 *
 * @throws FormatError if it has no samples that can be read
 */
export function rowsOf({ bytes, rows }: HashedSegment): Uint8Array {
  return rows ? printKnown(bytes, rows) : printParsed(bytes);
}

/** The digest of a segment, base64url. @throws FormatError as `rowsOf` */
export function digestOfSegment(segment: HashedSegment): string {
  return sha256Text(rowsOf(segment));
}

function printKnown(bytes: Uint8Array, { samples, fragments }: SampleRows): Uint8Array {
  const target = Buffer.alloc((samples.length / PER_SAMPLE) * ROW_BYTES);
  const view = new DataView(target.buffer, target.byteOffset, target.length);
  let at = 0;
  let from = 0;
  for (let fragment = 0; fragment < fragments.length; fragment += 2) {
    let offset = fragments[fragment]!;
    for (let left = fragments[fragment + 1]!; left > 0; left--) {
      const length = samples[from + 1]!;
      view.setUint32(at, samples[from]! - samples[0]!);
      view.setUint32(at + 4, samples[from + 2]!);
      view.setUint32(at + 8, length);
      view.setUint32(at + 12, samples[from + 3]!);
      writeHash(target, at + 16, bytes.subarray(offset, offset + length));
      offset += length;
      from += PER_SAMPLE;
      at += ROW_BYTES;
    }
  }
  return target;
}

function printParsed(bytes: Uint8Array): Uint8Array {
  const frames = parseSegment(bytes);
  if (!frames) throw new FormatError('a segment has no fragments of one track', 0);
  const target = Buffer.alloc(frames.length * ROW_BYTES);
  const view = new DataView(target.buffer, target.byteOffset, target.length);
  for (const [i, { dts, pts, key, data }] of frames.entries()) {
    printRow(view, i * ROW_BYTES, { dts, pts, key, length: data.length }, frames[0]!.dts);
    writeHash(target, i * ROW_BYTES + 16, data);
  }
  return target;
}

/** As text of one byte for each character: a buffer for each sample would take a quarter more CPU time. */
function writeHash(target: Buffer, at: number, data: Uint8Array): void {
  target.write(hash('sha256', data, 'binary'), at, HASH_BYTES, 'binary');
}
