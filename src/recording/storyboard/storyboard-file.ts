/**
 * The file of a storyboard: small pictures of one ten-minute window, one record after another.
 * In: pictures, or the bytes of a file. Out: records, or where the pictures of a file are. Pure.
 *
 * A record is `obsb`, u32 length of the JPEG, u64 UTC in µs, u32 reach in ms, u32 CRC-32 of the fields before
 * it and the JPEG, and the JPEG. All integers are big-endian. A record that was torn by a crash fails its
 * sum: the file ends before it.
 */
import { crc32 } from 'node:zlib';

/** A small picture, before it is stored. */
export interface StoryboardPicture {
  /** UTC of the key frame, µs since 1970. */
  readonly atUs: number;
  /** How long after it media is shown by it where no other picture follows, ms. */
  readonly reachMs: number;
  /** A JPEG file. */
  readonly jpeg: Uint8Array;
}

/** Where a picture of a file is. */
export interface StoredPicture {
  readonly atUs: number;
  readonly reachMs: number;
  /** Of the JPEG in the file, bytes. */
  readonly offset: number;
  readonly length: number;
}

const MAGIC = 0x6f627362; // obsb
const HEAD_BYTES = 24;
const SUM_AT = 20;
/** Longer pictures are not written; a longer one in a file is a torn record. */
const MAX_PICTURE_BYTES = 64 * 1024;

/** Serializes a picture: the head and the JPEG, to be appended in one write. */
export function printPicture({ atUs, reachMs, jpeg }: StoryboardPicture): readonly Uint8Array[] {
  const head = new Uint8Array(HEAD_BYTES);
  const view = new DataView(head.buffer);
  view.setUint32(0, MAGIC);
  view.setUint32(4, jpeg.length);
  view.setBigUint64(8, BigInt(Math.round(atUs)));
  view.setUint32(16, Math.round(reachMs));
  view.setUint32(SUM_AT, crc32(jpeg, crc32(head.subarray(0, SUM_AT))));
  return [head, jpeg];
}

/**
 * Finds the pictures of a file.
 *
 * @returns the pictures in order of time, and the length of the intact records, bytes; what follows is a torn
 *   record
 */
export function scanPictures(bytes: Uint8Array): { readonly pictures: StoredPicture[]; readonly length: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const pictures: StoredPicture[] = [];
  let at = 0;
  while (at + HEAD_BYTES <= bytes.length && view.getUint32(at) === MAGIC) {
    const length = view.getUint32(at + 4);
    const offset = at + HEAD_BYTES;
    if (length > MAX_PICTURE_BYTES || offset + length > bytes.length) break;
    const sum = crc32(bytes.subarray(offset, offset + length), crc32(bytes.subarray(at, at + SUM_AT)));
    const atUs = Number(view.getBigUint64(at + 8));
    if (sum !== view.getUint32(at + SUM_AT) || atUs <= (pictures.at(-1)?.atUs ?? -1)) break;
    pictures.push({ atUs, reachMs: view.getUint32(at + 16), offset, length });
    at = offset + length;
  }
  return { pictures, length: at };
}
