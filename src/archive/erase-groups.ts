/**
 * Removes groups of segments from a chunk file for good. The others stay at their offsets, so that the index,
 * assets and readers that have them are right: the file is written again with zeros where the deleted groups
 * were, and with sample tables of the rest.
 * In: a location, which groups. Out: the file in its new form, or none if no group is left.
 * docs/decisions/0065.
 */
import assert from 'node:assert/strict';
import { crc32 } from 'node:zlib';
import { FormatError } from '@oxbow/media/errors';
import { BoxWriter } from '@oxbow/media/isobmff/box';
import { printSealBox } from '@oxbow/media/isobmff/commit-box';
import { SampleTable } from '@oxbow/media/isobmff/movie/sample-table';
import { printSealedMoov } from '@oxbow/media/isobmff/movie/sealed-moov';
import { placeholderOffset, sealedPlaceholder } from './chunk-file.ts';
import { type LocatedBox, scanChunk } from './chunk-reader.ts';
import { recoverChunk } from './chunk-recovery.ts';
import {
  type Abortable,
  isMissing,
  type SegmentLocation,
  type SegmentRange,
  type SegmentStore,
} from './segment-store.ts';

/** Zeros are written in pieces of this size. */
const ZEROS = new Uint8Array(256 * 1024);

/** What became of a file. */
interface ErasedChunk {
  /** Length of the file now, bytes; 0: there is none. */
  readonly length: number;
  /** Where deleted groups were in a file that is left. */
  readonly ranges: readonly SegmentRange[];
}

/**
 * Erases groups of a file. Until it resolves, readers see the file of before; a crash leaves one or the
 * other.
 *
 * @param isErased by MSN
 * @returns undefined if the file has none of these groups, or does not exist: it is not changed
 * @throws FormatError if it is no chunk file; errors of the store
 */
export async function eraseGroups(
  store: SegmentStore,
  location: SegmentLocation,
  isErased: (msn: number) => boolean,
  { signal }: Abortable = {},
): Promise<ErasedChunk | undefined> {
  const layout = await scan(store, location, { signal });
  if (!layout?.boxes.some(({ group }) => isErased(group.msn))) return undefined;
  const kept = layout.boxes.filter(({ group }) => !isErased(group.msn));
  const last = kept.at(-1);
  if (!last) {
    await store.delete(location, { signal });
    return { length: 0, ranges: [] };
  }
  const end = endOf(last);
  const table = new SampleTable(layout.tracks);
  let length = 0;
  const ranges: SegmentRange[] = [];
  await store.put(
    location,
    async (write) => {
      const append = async (bytes: Uint8Array) => {
        signal?.throwIfAborted();
        await write(bytes);
        length += bytes.length;
      };
      await append(sealedHead(await readExactly(store, location, 0, layout.headEnd, { signal }), end));
      for (const box of kept) {
        const start = startOf(box);
        if (start > length) ranges.push({ location, offset: length, length: start - length });
        while (length < start) await append(ZEROS.subarray(0, Math.min(ZEROS.length, start - length)));
        const bytes = await readExactly(store, location, start, endOf(box), { signal });
        const pieces = box.group.tracks.map(({ offset, length: size }) => {
          return { bytes: bytes.subarray(offset - start, offset - start + size), offset };
        });
        table.addGroup(pieces);
        await append(bytes);
      }
      assert.equal(length, end, 'every group is at its offset');
      const moov = printSealedMoov(table);
      await append(moov);
      await append(
        printSealBox(
          kept.map(({ bytes }) => bytes),
          end + moov.length,
          last.self,
          crc32,
        ),
      );
    },
    { signal },
  );
  ranges.push({ location, offset: end, length: Math.max(0, layout.length - end) });
  return { length, ranges };
}

/** The layout of a sealed file; undefined if there is no file. */
async function scan(store: SegmentStore, location: SegmentLocation, options: Abortable) {
  try {
    const layout = await scanChunk(store, location, options);
    if (layout.state === 'sealed') return layout;
    await recoverChunk(store, location, options);
    return await scanChunk(store, location, options);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

const endOf = ({ self, bytes }: LocatedBox): number => self + bytes.length;

const startOf = ({ self, group }: LocatedBox): number =>
  group.tracks.reduce((start, { offset }) => Math.min(start, offset), self);

/** The bytes before the first group, as those of a sealed file whose last group ends at `end`. */
function sealedHead(head: Uint8Array, end: number): Uint8Array {
  const size = new BoxWriter(new Uint8Array(8));
  size.u64(end - placeholderOffset);
  head.set(sealedPlaceholder, placeholderOffset);
  head.set(size.bytes, placeholderOffset + sealedPlaceholder.length);
  return head;
}

async function readExactly(
  store: SegmentStore,
  location: SegmentLocation,
  from: number,
  to: number,
  options: Abortable,
): Promise<Uint8Array> {
  const bytes = await store.read(location, { offset: from, length: to - from }, options);
  if (bytes.length < to - from) throw new FormatError(`${location} ends early`, from + bytes.length);
  return bytes;
}
