/**
 * Recovers a chunk file that was not sealed: truncates the torn tail, checks the last groups, and seals it.
 * In: a location of a file without a writer. Out: a sealed file with exactly its intact groups.
 * docs/media.md 22.
 */
import { crc32 } from 'node:zlib';
import { FormatError } from '@oxbow/media/errors';
import type { CommittedGroup } from '@oxbow/media/isobmff/commit-box';
import { type FilePiece, SampleTable } from '@oxbow/media/isobmff/movie/sample-table';
import { openPlaceholder, placeholderOffset, sealFile } from './chunk-file.ts';
import { type LocatedBox, type ScannedChunk, scanChunk } from './chunk-reader.ts';
import type { Abortable, SegmentLocation, SegmentStore } from './segment-store.ts';

/** Number of last groups whose bytes are checked by CRC: a disk may write a commit box before its data. */
const CHECKED_GROUPS = 2;

/** Result of a recovery. */
interface RecoveredChunk extends ScannedChunk {
  /** Groups with an intact commit box but damaged media. */
  readonly dropped: number;
}

/**
 * Recovers a file. A sealed file is not changed; a file without an intact group stays `open` with no groups,
 * and may be deleted. After an error the file can be recovered again.
 *
 * @param options.length end of the last group to keep, bytes: groups reported as lost must not come back
 * @param options.sync false: the file is sealed without a sync, because one has failed on it (docs/media.md
 *   23); default true
 * @throws FormatError if it does not start as a chunk file of oxbow; errors of the store
 */
export async function recoverChunk(
  store: SegmentStore,
  location: SegmentLocation,
  { length, sync = true, signal }: Abortable & { readonly length?: number; readonly sync?: boolean } = {},
): Promise<RecoveredChunk> {
  await using file = await store.reopen(location, { signal });
  if (length !== undefined) await file.truncate(length);
  const { boxes: scannedBoxes, placeholder, headEnd: _, ...scanned } = await scanChunk(store, location, { signal });
  if (scanned.state === 'sealed') return { ...scanned, dropped: 0 };
  const table = new SampleTable(scanned.tracks);
  const boxes = await keepIntact(store, location, scannedBoxes, table);
  const dropped = scannedBoxes.length - boxes.length;
  const last = boxes.at(-1);
  if (!last) return { ...scanned, state: 'open', groups: [], dropped };
  // The head is sealed but the tail is not: open the head first, so that there is never an mdat without its
  // moov.
  if (placeholder !== 'free') await file.patch(placeholderOffset, openPlaceholder);
  const end = last.self + last.bytes.length;
  await file.truncate(end);
  const content = { table, boxes: boxes.map(({ bytes }) => bytes), lastSelf: last.self, end };
  const sealed = await sealFile(file, content, async () => {
    if (sync) await file.sync();
  });
  await file.finish();
  return { ...scanned, state: 'sealed', length: sealed, groups: boxes.map(({ group }) => group), dropped };
}

/** Drops torn groups at the end and unreadable ones anywhere; adds the samples of the others to `table`. */
async function keepIntact(
  store: SegmentStore,
  location: SegmentLocation,
  boxes: readonly LocatedBox[],
  table: SampleTable,
): Promise<LocatedBox[]> {
  const readPieces = (group: CommittedGroup): Promise<FilePiece[]> =>
    Promise.all(
      group.tracks.map(async ({ offset, length }) => ({
        bytes: await store.read(location, { offset, length }),
        offset,
      })),
    );
  const kept = [...boxes];
  for (let good = 0; good < CHECKED_GROUPS && good < kept.length; ) {
    const index = kept.length - 1 - good;
    const { group } = kept[index]!;
    const intact = (await readPieces(group)).every(({ bytes }, i) => {
      const track = group.tracks[i]!;
      return bytes.length === track.length && crc32(bytes) === track.crc;
    });
    if (intact) good++;
    else kept.splice(index, 1);
  }
  const readable: LocatedBox[] = [];
  for (const box of kept) {
    try {
      table.addGroup(await readPieces(box.group));
      readable.push(box);
    } catch (error) {
      // Counted in `dropped`.
      if (!(error instanceof FormatError)) throw error;
    }
  }
  return readable;
}
