/**
 * Writes a chunk file again with only its intact groups: the same bytes of every segment, at other offsets.
 * What is missing before a group is in its commit box, so that a rebuild of the index knows it too.
 * In: the intact groups of a damaged file. Out: a sealed file in its place, whole or not at all.
 * docs/media.md 21 and 22.
 */
import { crc32 } from 'node:zlib';
import { FormatError } from '@oxbow/media/errors';
import type { Track } from '@oxbow/media/frame';
import { BoxWriter } from '@oxbow/media/isobmff/box';
import {
  type ChunkHead,
  type CommittedGroup,
  printCommitBox,
  printHeadBox,
  printSealBox,
} from '@oxbow/media/isobmff/commit-box';
import { printChunkStart } from '@oxbow/media/isobmff/init';
import { SampleTable } from '@oxbow/media/isobmff/movie/sample-table';
import { printSealedMoov } from '@oxbow/media/isobmff/movie/sealed-moov';
import { placeholderOffset, sealedPlaceholder } from '../chunk-file.ts';
import type { Abortable, SegmentLocation, SegmentStore } from '../segment-store.ts';

/** What the new file has. */
interface RewrittenChunk {
  readonly head: ChunkHead;
  readonly tracks: readonly Track[];
  /**
   * At least one, oldest first, with their offsets in the damaged file; their gaps are written as they are.
   */
  readonly groups: readonly CommittedGroup[];
}

/**
 * Replaces a file.
 *
 * @returns its groups with their new offsets, and its length, bytes
 * @throws FormatError if a segment changed since it was checked; errors of the store
 */
export async function rewriteChunk(
  store: Pick<SegmentStore, 'read' | 'put'>,
  location: SegmentLocation,
  { head, tracks, groups }: RewrittenChunk,
  { signal }: Abortable = {},
): Promise<{ readonly groups: readonly CommittedGroup[]; readonly length: number }> {
  const start = printChunkStart(tracks);
  const headBox = printHeadBox(head, start.length, crc32);
  const moved: CommittedGroup[] = [];
  const boxes: Uint8Array[] = [];
  let end = start.length + headBox.length;
  let lastSelf = 0;
  for (const group of groups) {
    let self = end;
    const placed = group.tracks.map((track) => {
      const offset = self;
      self += track.length;
      return { ...track, offset };
    });
    const box = printCommitBox({ ...group, tracks: placed }, end, self, lastSelf, crc32);
    moved.push({ ...group, tracks: placed });
    boxes.push(box);
    lastSelf = self;
    end = self + box.length;
  }
  const size = new BoxWriter(new Uint8Array(8));
  size.u64(end - placeholderOffset);
  start.set(sealedPlaceholder, placeholderOffset);
  start.set(size.bytes, placeholderOffset + 8);
  let length = 0;
  await store.put(
    location,
    async (write) => {
      const append = async (bytes: Uint8Array) => {
        await write(bytes);
        length += bytes.length;
      };
      const table = new SampleTable(tracks);
      await append(start);
      await append(headBox);
      for (const [i, group] of groups.entries()) {
        const pieces = await Promise.all(
          group.tracks.map(async (track, t) => {
            const bytes = await store.read(location, track, { signal });
            if (crc32(bytes) !== track.crc) throw new FormatError(`segment ${group.msn} changes`, track.offset);
            return { bytes, offset: moved[i]!.tracks[t]!.offset };
          }),
        );
        table.addGroup(pieces);
        for (const { bytes } of pieces) await append(bytes);
        await append(boxes[i]!);
      }
      const moov = printSealedMoov(table);
      await append(moov);
      await append(printSealBox(boxes, end + moov.length, lastSelf, crc32));
    },
    { signal },
  );
  return { groups: moved, length };
}
