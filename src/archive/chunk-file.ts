/**
 * The steps of sealing, shared by chunk-writer and chunk-recovery.
 * In: an open file and its commit boxes. Out: a sealed file; the order of writes survives a crash at any
 * point. docs/media.md 21.
 */
import { crc32 } from 'node:zlib';
import { BoxWriter } from '@oxbow/media/isobmff/box';
import { printSealBox } from '@oxbow/media/isobmff/commit-box';
import type { SampleTable } from '@oxbow/media/isobmff/movie/sample-table';
import { printSealedMoov } from '@oxbow/media/isobmff/movie/sealed-moov';
import type { SegmentWriter } from './segment-store.ts';

/** Offset of the placeholder of 16 bytes: `free` in an open file, the header of `mdat` in a sealed one. */
export const placeholderOffset = 32;

/** The first 8 bytes of the placeholder of an open file. */
export const openPlaceholder: Uint8Array = Uint8Array.from([0, 0, 0, 16, 0x66, 0x72, 0x65, 0x65]);
/** The first 8 bytes of the placeholder of a sealed file: a 64-bit size follows. */
export const sealedPlaceholder: Uint8Array = Uint8Array.from([0, 0, 0, 1, 0x6d, 0x64, 0x61, 0x74]);

/** Input of sealing. */
interface SealContent {
  readonly table: SampleTable;
  /** The commit boxes of the file, byte for byte, oldest first; at least one. */
  readonly boxes: readonly Uint8Array[];
  /** Offset of the last of them. */
  readonly lastSelf: number;
  /** End of the last group: offset of the moov. */
  readonly end: number;
}

/**
 * Seals an open file: (1) moov, seal box and the mdat's size, (2) sync, (3) the mdat's type, (4) sync.
 * After a crash at any step the file is either open (and can be recovered) or sealed. In another order no
 * player could open it.
 *
 * @param sync resolves when everything written so far is on disk
 * @returns length of the sealed file, bytes
 */
export async function sealFile(
  file: Pick<SegmentWriter, 'append' | 'patch'>,
  { table, boxes, lastSelf, end }: SealContent,
  sync: () => Promise<void>,
): Promise<number> {
  const moov = printSealedMoov(table);
  const sealBox = printSealBox(boxes, end + moov.length, lastSelf, crc32);
  const size = new BoxWriter(new Uint8Array(8));
  size.u64(end - placeholderOffset);
  await file.append([moov, sealBox]);
  await file.patch(placeholderOffset + 8, size.bytes);
  await sync();
  await file.patch(placeholderOffset, sealedPlaceholder);
  // The index row is written next. Without this sync a power failure could leave a row for an open file,
  // which recovery would skip.
  await sync();
  return end + moov.length + sealBox.length;
}
