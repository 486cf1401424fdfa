/**
 * Mends a chunk file that was not sealed: cuts the torn tail, checks what was written last, and seals it.
 * In: a path. Out: a sealed file that holds exactly its whole groups. MEDIA.md, Files 22. Only for files that nobody writes.
 */
import { type FileHandle, open } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { FormatError } from '../lib/errors.ts';
import type { CommittedGroup } from '../media/isobmff/commit-box.ts';
import { type FilePiece, SampleTable } from '../media/isobmff/sample-table.ts';
import { openPlaceholder, placeholderOffset, sealFile, writeAll } from './chunk-file.ts';
import { type ChunkLayout, type LocatedBox, readAt, type ScannedChunk, scanFile } from './chunk-reader.ts';

/** Groups at the end whose bytes are compared with their CRC: a disk may write a commit box before the data it vouches for. */
const CHECKED_GROUPS = 2;

/** What recovery came to. */
export interface RecoveredChunk extends ScannedChunk {
  /** Groups with a whole commit box whose media was not whole. */
  readonly dropped: number;
}

/**
 * Recovers a file. One that is sealed is left alone; one without any whole group stays `open` with no groups, and may be deleted.
 *
 * Rejects with FormatError if its start is not that of a chunk file of ours, and with the system's error if it cannot be read or
 * written; whatever was done until then leaves a file that can be recovered again.
 */
export async function recoverChunk(path: string): Promise<RecoveredChunk> {
  const file = await open(path, 'r+');
  try {
    const scanned = await scanFile(file, path);
    if (scanned.state === 'sealed') return { ...withoutLayout(scanned), dropped: 0 };
    const table = new SampleTable(scanned.tracks);
    const boxes = await keepWhole(file, scanned.boxes, table);
    const dropped = scanned.boxes.length - boxes.length;
    const last = boxes.at(-1);
    if (!last) return { ...withoutLayout(scanned), state: 'open', groups: [], dropped };
    // A sealed head over a tail that is not: open it first, so that no instant has an mdat without its moov.
    if (scanned.placeholder !== 'free') await writeAll(file, [openPlaceholder], placeholderOffset);
    const end = last.self + last.bytes.length;
    await file.truncate(end);
    const content = { table, boxes: boxes.map(({ bytes }) => bytes), lastSelf: last.self, end };
    const length = await sealFile(file, content, () => file.datasync());
    const groups = boxes.map(({ group }) => group);
    return { ...withoutLayout(scanned), state: 'sealed', length, groups, dropped };
  } finally {
    await file.close();
  }
}

function withoutLayout({ path, state, length, head, tracks, groups }: ChunkLayout): ScannedChunk {
  return { path, state, length, head, tracks, groups };
}

/** Drops torn groups at the end and unreadable ones anywhere; adds the samples of the others to `table`. */
async function keepWhole(file: FileHandle, boxes: readonly LocatedBox[], table: SampleTable): Promise<LocatedBox[]> {
  const kept = [...boxes];
  for (let good = 0; good < CHECKED_GROUPS && good < kept.length; ) {
    const index = kept.length - 1 - good;
    const { group } = kept[index]!;
    const whole = (await readPieces(file, group)).every(({ bytes }, i) => {
      const track = group.tracks[i]!;
      return bytes.length === track.length && crc32(bytes) === track.crc;
    });
    if (whole) good++;
    else kept.splice(index, 1);
  }
  const readable: LocatedBox[] = [];
  for (const box of kept) {
    try {
      table.addGroup(await readPieces(file, box.group));
      readable.push(box);
    } catch (error) {
      // The caller learns how many through `dropped`.
      if (!(error instanceof FormatError)) throw error;
    }
  }
  return readable;
}

function readPieces(file: FileHandle, group: CommittedGroup): Promise<FilePiece[]> {
  return Promise.all(
    group.tracks.map(async ({ offset, length }) => ({ bytes: await readAt(file, offset, length), offset })),
  );
}
