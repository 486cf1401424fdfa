/**
 * What writing and recovering a chunk file have in common: the steps of sealing.
 * In: an open file and what belongs into it. Out: bytes on the disk in the one order that is safe. docs/media.md 21.
 */
import { crc32 } from 'node:zlib';
import { BoxWriter } from '../media/isobmff/box.ts';
import { printSealBox } from '../media/isobmff/commit-box.ts';
import type { SampleTable } from '../media/isobmff/movie/sample-table.ts';
import { printSealedMoov } from '../media/isobmff/movie/sealed-moov.ts';
import type { SegmentWriter } from './segment-store.ts';

/** Where the placeholder of 16 bytes stands: `free` while the file is open, the head of an `mdat` once it is sealed. */
export const placeholderOffset = 32;

/** The first 8 bytes of the placeholder of an open file. */
export const openPlaceholder: Uint8Array = Uint8Array.from([0, 0, 0, 16, 0x66, 0x72, 0x65, 0x65]);
/** The first 8 bytes of the placeholder of a sealed file: its size is 64 bits wide and stands behind them. */
export const sealedPlaceholder: Uint8Array = Uint8Array.from([0, 0, 0, 1, 0x6d, 0x64, 0x61, 0x74]);

/** What a file is sealed with. */
export interface SealContent {
  readonly table: SampleTable;
  /** The commit boxes as they stand in the file, oldest first; at least one. */
  readonly boxes: readonly Uint8Array[];
  /** Offset of the last of them. */
  readonly lastSelf: number;
  /** End of the last group and of the object: where the moov goes. */
  readonly end: number;
}

/** The bytes that sealing appends. */
export function printSeal({ table, boxes, lastSelf, end }: SealContent): { moov: Uint8Array; sealBox: Uint8Array } {
  const moov = printSealedMoov(table);
  return { moov, sealBox: printSealBox(boxes, end + moov.length, lastSelf, crc32) };
}

/**
 * Seals an open file: (1) moov, seal box and the mdat's size, (2) sync, (3) the mdat's type, (4) sync.
 * Whatever instant this is torn at, the file is either still open (and recovered as such) or sealed; the other order would
 * leave one that no player opens.
 *
 * @param sync puts on the disk what was written so far
 * @returns length of the sealed file, bytes
 */
export async function sealFile(
  file: Pick<SegmentWriter, 'append' | 'patch'>,
  content: SealContent,
  sync: () => Promise<void>,
): Promise<number> {
  const { moov, sealBox } = printSeal(content);
  const size = new BoxWriter(new Uint8Array(8));
  size.u64(content.end - placeholderOffset);
  await file.append([moov, sealBox]);
  await file.patch(placeholderOffset + 8, size.bytes);
  await sync();
  await file.patch(placeholderOffset, sealedPlaceholder);
  // The index gets its row next. Without this sync a power cut could leave a row whose file is still open, and recovery, which trusts
  // the row, would not look at it.
  await sync();
  return content.end + moov.length + sealBox.length;
}
