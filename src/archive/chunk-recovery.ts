/**
 * Mends a chunk file that was not sealed: cuts the torn tail, checks what was written last, and seals it.
 * In: a location. Out: a sealed file that holds exactly its whole groups. docs/media.md 22. Only for files that nobody writes.
 */
import { crc32 } from 'node:zlib';
import { FormatError } from '../lib/errors.ts';
import type { CommittedGroup } from '../media/isobmff/commit-box.ts';
import { type FilePiece, SampleTable } from '../media/isobmff/movie/sample-table.ts';
import { openPlaceholder, placeholderOffset, sealFile } from './chunk-file.ts';
import { type LocatedBox, type ScannedChunk, scanChunk } from './chunk-reader.ts';
import type { Abortable, SegmentLocation, SegmentStore } from './segment-store.ts';

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
 * Rejects with FormatError if its start is not that of a chunk file of oxbow, and with the error of the store if it cannot be read or
 * written; whatever was done until then leaves a file that can be recovered again.
 *
 * @param options.length bytes up to the end of the last group that may come back: what was reported as lost stays lost
 */
export async function recoverChunk(
  store: SegmentStore,
  location: SegmentLocation,
  { length, signal }: Abortable & { readonly length?: number } = {},
): Promise<RecoveredChunk> {
  await using file = await store.reopen(location, { signal });
  if (length !== undefined) await file.truncate(length);
  const { boxes: found, placeholder, ...scanned } = await scanChunk(store, location, { signal });
  if (scanned.state === 'sealed') return { ...scanned, dropped: 0 };
  const table = new SampleTable(scanned.tracks);
  const boxes = await keepWhole(store, location, found, table);
  const dropped = found.length - boxes.length;
  const last = boxes.at(-1);
  if (!last) return { ...scanned, state: 'open', groups: [], dropped };
  // A sealed head over a tail that is not: open it first, so that no instant has an mdat without its moov.
  if (placeholder !== 'free') await file.patch(placeholderOffset, openPlaceholder);
  const end = last.self + last.bytes.length;
  await file.truncate(end);
  const content = { table, boxes: boxes.map(({ bytes }) => bytes), lastSelf: last.self, end };
  const sealed = await sealFile(file, content, () => file.sync());
  await file.finish();
  return { ...scanned, state: 'sealed', length: sealed, groups: boxes.map(({ group }) => group), dropped };
}

/** Drops torn groups at the end and unreadable ones anywhere; adds the samples of the others to `table`. */
async function keepWhole(
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
    const whole = (await readPieces(group)).every(({ bytes }, i) => {
      const track = group.tracks[i]!;
      return bytes.length === track.length && crc32(bytes) === track.crc;
    });
    if (whole) good++;
    else kept.splice(index, 1);
  }
  const readable: LocatedBox[] = [];
  for (const box of kept) {
    try {
      table.addGroup(await readPieces(box.group));
      readable.push(box);
    } catch (error) {
      // The caller learns how many through `dropped`.
      if (!(error instanceof FormatError)) throw error;
    }
  }
  return readable;
}
