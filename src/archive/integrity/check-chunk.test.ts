import assert from 'node:assert/strict';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { crc32 } from 'node:zlib';
import type { CommittedGroup } from '@oxbow/media/isobmff/commit-box';
import type { StreamGap } from '@oxbow/media/segment';
import { scanChunk } from '../chunk-reader.ts';
import { openChunkWriter, type SealedChunk } from '../chunk-writer.ts';
import { openLocalSegmentStore } from '../local-segment-store.ts';
import { groupsOf, makeSource, pictureHashes, probe, temporaryFolder } from '../media.fixture.ts';
import { openRangeReader } from '../range-reader.ts';
import { type SegmentLocation, type SegmentStore, segmentLocation } from '../segment-store.ts';
import { bytesOf } from '../segment-stores.fixture.ts';
import { checkChunk, type ExpectedChunk } from './check-chunk.ts';
import { readIntact, sharedIntact } from './read-intact.ts';
import { rewriteChunk } from './rewrite-chunk.ts';

const gapOf = ({ startUs, durationUs }: CommittedGroup): StreamGap => ({
  fromUs: startUs,
  toUs: startUs + durationUs,
  cause: 'damaged',
  detail: 'the file is damaged',
});

suite('a chunk file', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let store: SegmentStore;
  let sealed: SealedChunk;
  let sealedBytes: Buffer;
  const SCRATCH = segmentLocation('scratch.mp4');
  const expected = (): ExpectedChunk => ({ location: SCRATCH, size: sealed.length, groups: sealed.groups });
  const put = (bytes: Uint8Array) => writeFile(join(folder.path, SCRATCH), bytes);
  const check = () => checkChunk(store, expected());
  /** The file with one bit of another value. */
  const flipped = (at: number) => {
    const bytes = Buffer.from(sealedBytes);
    bytes[at]! ^= 1;
    return bytes;
  };

  before(async () => {
    folder = await temporaryFolder();
    const groups = groupsOf(await makeSource(folder.path, 'h264', 10), { offsetS: 60_000_000 });
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
    sealed = await writer.seal();
    sealedBytes = Buffer.from(await bytesOf(store, sealed.location));
  });
  after(async () => {
    await store[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  test('is intact as it was sealed', async () => {
    await put(sealedBytes);
    const { state, problems, damaged } = await check();
    assert.deepEqual([state, problems, damaged.size], ['intact', [], 0]);
  });

  test('with one flipped bit is damaged in exactly the segment that has it', async () => {
    for (const group of sealed.groups) {
      for (const { offset, length } of group.tracks) {
        await put(flipped(offset + Math.floor(length / 2)));
        const { state, damaged } = await check();
        assert.deepEqual([state, [...damaged]], ['damaged', [group.msn]]);
      }
    }
  });

  test('with a flipped bit in head, commit box or seal is damaged, and all its segments are intact', async () => {
    const last = sealed.groups.at(-1)!.tracks.at(-1)!;
    for (const at of [40, sealedBytes.length - 20, sealedBytes.length - 2, last.offset + last.length + 60]) {
      await put(flipped(at));
      const { state, damaged } = await check();
      assert.equal(damaged.size, 0, `bit at ${at}`);
      assert.equal(state, 'damaged', `bit at ${at}`);
    }
  });

  test('that lost its end, or has more, is damaged; one that is gone is missing', async () => {
    const third = sealed.groups[2]!;
    await put(sealedBytes.subarray(0, third.tracks[0]!.offset + 10));
    const cut = await check();
    assert.equal(cut.state, 'damaged');
    assert.deepEqual(
      [...cut.damaged],
      sealed.groups.slice(2).map(({ msn }) => msn),
    );
    await put(Buffer.concat([sealedBytes, Buffer.alloc(100)]));
    assert.equal((await check()).state, 'damaged');
    await rm(join(folder.path, SCRATCH));
    const gone = await check();
    assert.deepEqual([gone.state, gone.damaged.size], ['missing', sealed.groups.length]);
  });

  test('that has what its row leaves out, or has it elsewhere, is stale', async () => {
    await put(sealedBytes);
    const without = await checkChunk(store, { ...expected(), groups: sealed.groups.slice(1) });
    assert.deepEqual([without.state, without.groups.length], ['stale', sealed.groups.length]);
    const moved = sealed.groups.map((group) => ({
      ...group,
      tracks: group.tracks.map((track) => ({ ...track, offset: track.offset + 8 })),
    }));
    const elsewhere = await checkChunk(store, { ...expected(), groups: moved });
    assert.deepEqual([elsewhere.state, elsewhere.groups], ['stale', sealed.groups]);
  });

  test('that is written again with all its groups is the same file, byte for byte', async () => {
    await put(sealedBytes);
    const { head, tracks, groups } = await scanChunk(store, SCRATCH);
    const again = await rewriteChunk(store, SCRATCH, { head, tracks, groups });
    assert.equal(again.length, sealed.length);
    assert.equal(crc32(await readFile(join(folder.path, SCRATCH))), crc32(sealedBytes));
  });

  test('that is written again without a group has the others, says what is missing, and plays', async () => {
    await put(sealedBytes);
    const { head, tracks, groups } = await scanChunk(store, SCRATCH);
    const [lost] = groups.slice(1, 2);
    const kept = groups
      .filter((group) => group !== lost)
      .map((group) => (group.msn === lost!.msn + 1 ? { ...group, gaps: [gapOf(lost!)] } : group));
    const pictures = await pictureHashes(join(folder.path, SCRATCH));
    const { groups: moved, length } = await rewriteChunk(store, SCRATCH, { head, tracks, groups: kept });
    const scanned = await scanChunk(store, SCRATCH);
    assert.deepEqual([scanned.state, scanned.length, scanned.groups], ['sealed', length, moved]);
    assert.deepEqual(
      scanned.groups.flatMap(({ gaps }) => gaps),
      [gapOf(lost!)],
    );
    for (const [i, group] of moved.entries()) {
      for (const [t, { offset, length: bytes }] of group.tracks.entries()) {
        const before = kept[i]!.tracks[t]!;
        const own = await store.read(SCRATCH, { offset, length: bytes });
        assert.equal(crc32(own), crc32(sealedBytes.subarray(before.offset, before.offset + before.length)));
      }
    }
    assert.equal((await checkChunk(store, { location: SCRATCH, size: length, groups: moved })).state, 'intact');
    await probe(join(folder.path, SCRATCH));
    const left = new Set(await pictureHashes(join(folder.path, SCRATCH)));
    assert.ok(left.size < pictures.length);
    assert.ok([...left].every((hash) => pictures.includes(hash)));
  });

  test('is compared with its checksum by readers, which report what does not agree', async () => {
    using reader = openRangeReader(store);
    const reported: SegmentLocation[] = [];
    reader.damaged.subscribe((location) => reported.push(location));
    const range = { ...sealed.groups[1]!.tracks[0]!, location: SCRATCH };
    await put(sealedBytes);
    assert.equal((await readIntact(reader, range)).length, range.length);
    assert.deepEqual(reported, []);
    for (const bytes of [flipped(range.offset + 5), sealedBytes.subarray(0, range.offset + 20)]) {
      await put(bytes);
      reader.forget(SCRATCH);
      for (const read of [readIntact, sharedIntact])
        await assert.rejects(read(reader, range), { code: 'media-damaged' }, read.name);
    }
    assert.deepEqual(reported, [SCRATCH, SCRATCH, SCRATCH, SCRATCH]);
    await rm(join(folder.path, SCRATCH));
    reader.forget(SCRATCH);
    await assert.rejects(readIntact(reader, range), { code: 'gone' });
    assert.equal(reported.length, 5);
  });
});
