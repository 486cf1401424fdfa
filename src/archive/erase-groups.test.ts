import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { crc32 } from 'node:zlib';
import type { SegmentGroup } from '@oxbow/media/segment';
import { scanChunk } from './chunk-reader.ts';
import { openChunkWriter, type SealedChunk } from './chunk-writer.ts';
import { eraseGroups } from './erase-groups.ts';
import { openLocalSegmentStore } from './local-segment-store.ts';
import { groupsOf, makeSource, pictureHashes, type Source, temporaryFolder } from './media.fixture.ts';
import { type SegmentStore, segmentLocation } from './segment-store.ts';
import { bytesOf } from './segment-stores.fixture.ts';

suite('deleted groups of a chunk file', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let source: Source;
  let groups: SegmentGroup[];
  let sealed: SealedChunk;
  let bytes: Buffer;
  let openBytes: Buffer;
  let pictures: readonly string[];
  let store: SegmentStore;
  const SCRATCH = segmentLocation('scratch.mp4');
  const scratch = () => join(folder.path, SCRATCH);

  before(async () => {
    folder = await temporaryFolder();
    source = await makeSource(folder.path, 'h264', 10);
    groups = groupsOf(source, { offsetS: 60_000_000 });
    const first = groups[0]!;
    store = openLocalSegmentStore({ folder: folder.path });
    const writer = await openChunkWriter({
      store,
      utcMs: first.startUs / 1000,
      msn: first.msn,
      streamId: 's1',
      init: first.init,
      previousMsn: 0,
      sync: 'off',
    });
    for (const group of groups) await writer.append(group);
    openBytes = Buffer.from(await bytesOf(store, writer.location));
    sealed = await writer.seal();
    bytes = Buffer.from(await bytesOf(store, sealed.location));
    pictures = await pictureHashes(join(folder.path, sealed.location));
  });
  after(async () => {
    await store[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  /** A unique piece of the media of a group. */
  const pieceOf = (group: SegmentGroup) => Buffer.from(group.tracks[0]!.bytes).subarray(-64);

  test('their bytes are gone, and every other group is at its offset, byte for byte', async () => {
    const first = groups[0]!.msn;
    for (const gone of [[0], [1, 2], [2], [groups.length - 1], [0, 2, groups.length - 1]]) {
      await writeFile(scratch(), bytes);
      const isErased = (msn: number) => gone.includes(msn - first);
      const erased = await eraseGroups(store, SCRATCH, isErased);
      const now = Buffer.from(await bytesOf(store, SCRATCH));
      assert.equal(erased?.length, now.length);
      const scanned = await scanChunk(store, SCRATCH);
      assert.equal(scanned.state, 'sealed');
      assert.deepEqual(
        scanned.groups,
        sealed.groups.filter(({ msn }) => !isErased(msn)),
      );
      for (const { tracks } of scanned.groups)
        for (const { offset, length, crc } of tracks) assert.equal(crc32(now.subarray(offset, offset + length)), crc);
      for (const [i, group] of groups.entries())
        assert.equal(now.includes(pieceOf(group)), !gone.includes(i), `group ${i} of ${gone}`);
      for (const { offset, length } of erased!.ranges)
        assert.ok(offset + length <= bytes.length && offset > 0, `${offset} + ${length}`);
    }
  });

  test('any player still opens the file, and shows the pictures of the others', async () => {
    await writeFile(scratch(), bytes);
    const first = groups[0]!.msn;
    await eraseGroups(store, SCRATCH, (msn) => msn === first + 2);
    const left = await pictureHashes(scratch());
    assert.ok(left.length > 0 && left.length < pictures.length, `${left.length} of ${pictures.length}`);
    for (const one of left) assert.ok(pictures.includes(one));
  });

  test('a second deletion in the same file, and one that was not sealed', async () => {
    const first = groups[0]!.msn;
    await writeFile(scratch(), openBytes);
    await eraseGroups(store, SCRATCH, (msn) => msn === first);
    assert.equal(await eraseGroups(store, SCRATCH, (msn) => msn === first), undefined, 'it has none of them any more');
    await eraseGroups(store, SCRATCH, (msn) => msn === first + 1);
    assert.deepEqual((await scanChunk(store, SCRATCH)).groups, sealed.groups.slice(2));
    assert.deepEqual(await eraseGroups(store, SCRATCH, () => true), { length: 0, ranges: [] });
    await assert.rejects(store.size(SCRATCH), { code: 'gone' });
    assert.equal(await eraseGroups(store, SCRATCH, () => true), undefined, 'there is no file');
  });
});
