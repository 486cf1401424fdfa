import assert from 'node:assert/strict';
import { copyFile, open, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { u32At } from '@oxbow/media/isobmff/box';
import { seeded } from '@oxbow/media/random.fixture';

import type { SegmentGroup } from '@oxbow/media/segment';
import { placeholderOffset } from './chunk-file.ts';
import { scanChunk } from './chunk-reader.ts';
import { recoverChunk } from './chunk-recovery.ts';
import { openChunkWriter, type SealedChunk } from './chunk-writer.ts';
import { openLocalSegmentStore } from './local-segment-store.ts';
import { groupsOf, makeSource, pictureHashes, probe, type Source, temporaryFolder } from './media.fixture.ts';
import { type SegmentStore, segmentLocation } from './segment-store.ts';
import { bytesOf } from './segment-stores.fixture.ts';

suite('recovery', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let source: Source;
  let groups: SegmentGroup[];
  /** An open file of five groups, and the end of each commit box. */
  let openBytes: Uint8Array;
  let ends: number[];
  let sealed: SealedChunk;
  let sealedBytes: Uint8Array;
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
    ends = [];
    for (const group of groups) {
      await writer.append(group);
      ends.push(writer.length);
    }
    openBytes = Buffer.from(await bytesOf(store, writer.location));
    sealed = await writer.seal();
    sealedBytes = Buffer.from(await bytesOf(store, sealed.location));
  });
  after(async () => {
    await store[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  test('a file torn at any byte recovers exactly its intact groups', async () => {
    const random = seeded(1);
    const start = sealed.groups[0]!.tracks[0]!.offset;
    const cuts = ends.flatMap((end) => [end, end - 1]);
    for (let i = 0; i < 100; i++) cuts.push(start + random(openBytes.length - start));
    for (const cut of cuts) {
      await writeFile(scratch(), openBytes.subarray(0, cut));
      const whole = ends.filter((end) => end <= cut).length;
      const scanned = await scanChunk(store, SCRATCH);
      assert.equal(scanned.state, 'open');
      assert.deepEqual(scanned.groups, sealed.groups.slice(0, whole), `cut at ${cut}`);
      const recovered = await recoverChunk(store, SCRATCH);
      assert.equal(recovered.state, whole > 0 ? 'sealed' : 'open');
      assert.deepEqual(recovered.groups, sealed.groups.slice(0, whole), `cut at ${cut}`);
      if (whole > 0) assert.deepEqual((await scanChunk(store, SCRATCH)).groups, recovered.groups);
    }
  });

  test('a file sealed from its moofs is identical to one sealed from memory', async () => {
    await writeFile(scratch(), openBytes);
    const recovered = await recoverChunk(store, SCRATCH);
    assert.equal(recovered.dropped, 0);
    assert.deepEqual(await readFile(scratch()), sealedBytes);
    const again = await recoverChunk(store, SCRATCH);
    assert.deepEqual(again.groups, sealed.groups);
    assert.deepEqual(await readFile(scratch()), sealedBytes);
  });

  test('a recovered file plays from 0 with every picture of its intact groups', async () => {
    await writeFile(scratch(), openBytes.subarray(0, ends[2]! + 5000));
    await recoverChunk(store, SCRATCH);
    const found = await probe(scratch());
    assert.equal(found.warnings, '');
    assert.equal(found.start, 0);
    assert.ok(Math.abs(found.duration - 6) < 0.03, `duration ${found.duration}`);
    assert.deepEqual(await pictureHashes(scratch()), (await pictureHashes(source.path)).slice(0, 150));
  });

  test('zeros in the last group are detected by CRC although its commit box is intact', async () => {
    const torn = new Uint8Array(openBytes);
    const { offset } = sealed.groups.at(-1)!.tracks[0]!;
    torn.fill(0, offset + 2000, offset + 6096);
    await writeFile(scratch(), torn);
    assert.equal((await scanChunk(store, SCRATCH)).groups.length, 5);
    const recovered = await recoverChunk(store, SCRATCH);
    assert.equal(recovered.dropped, 1);
    assert.deepEqual(recovered.groups, sealed.groups.slice(0, 4));
  });

  test('zeros in the last two groups drop both', async () => {
    const torn = new Uint8Array(openBytes);
    for (const { tracks } of sealed.groups.slice(-2)) torn.fill(0, tracks[1]!.offset + 100, tracks[1]!.offset + 200);
    await writeFile(scratch(), torn);
    assert.deepEqual((await recoverChunk(store, SCRATCH)).groups, sealed.groups.slice(0, 3));
  });

  test('a broken commit box in the middle costs its own group and no other', async () => {
    const torn = new Uint8Array(openBytes);
    torn[ends[1]! - 40]! ^= 0xff;
    await writeFile(scratch(), torn);
    const recovered = await recoverChunk(store, SCRATCH);
    assert.deepEqual(
      recovered.groups,
      sealed.groups.filter((_, i) => i !== 1),
    );
  });

  test('unreadable fragments in the middle cost their own group and no other', async () => {
    const torn = new Uint8Array(openBytes);
    const { offset } = sealed.groups[1]!.tracks[0]!;
    torn.fill(0, offset, offset + 64);
    await writeFile(scratch(), torn);
    const recovered = await recoverChunk(store, SCRATCH);
    assert.equal(recovered.dropped, 1);
    assert.equal(recovered.groups.length, 4);
    assert.equal((await probe(scratch())).warnings, '');
  });

  test('every state between the steps of sealing is recovered to the same sealed file', async () => {
    const end = ends.at(-1)!;
    const moovSize = u32At(sealedBytes, end);
    const unfinished = new Uint8Array(sealedBytes);
    unfinished.set(openBytes.subarray(placeholderOffset, placeholderOffset + 8), placeholderOffset);
    const noSize = new Uint8Array(unfinished);
    noSize.fill(0, placeholderOffset + 8, placeholderOffset + 16);
    const zeroedMoov = new Uint8Array(unfinished);
    zeroedMoov.fill(0, end + 500, end + moovSize);
    const states = {
      'half a moov': noSize.subarray(0, end + (moovSize >> 1)),
      'moov, no seal box': noSize.subarray(0, end + moovSize),
      'half a seal box': noSize.subarray(0, end + moovSize + 300),
      'appended, no size': noSize,
      'appended, with its size': unfinished,
      'appended, but the moov never reached the disk': zeroedMoov,
    };
    for (const [name, bytes] of Object.entries(states)) {
      await writeFile(scratch(), bytes);
      assert.equal((await scanChunk(store, SCRATCH)).state, 'open', name);
      assert.deepEqual((await recoverChunk(store, SCRATCH)).groups, sealed.groups, name);
      assert.deepEqual(await readFile(scratch()), sealedBytes, name);
    }
  });

  test('a sealed file with a truncated tail is opened and sealed again', async () => {
    await copyFile(join(folder.path, sealed.location), scratch());
    await truncate(scratch(), ends[3]! + 10);
    const recovered = await recoverChunk(store, SCRATCH);
    assert.deepEqual(recovered.groups, sealed.groups.slice(0, 4));
    assert.equal((await probe(scratch())).warnings, '');
  });

  test('a file that is not a chunk file is rejected and not changed', async () => {
    for (const bytes of [
      new Uint8Array(0),
      openBytes.subarray(0, 60),
      openBytes.subarray(0, 900),
      new Uint8Array(5000),
    ]) {
      await writeFile(scratch(), bytes);
      await assert.rejects(recoverChunk(store, SCRATCH), { name: 'FormatError' });
      assert.deepEqual(await readFile(scratch()), Buffer.from(bytes));
    }
  });

  test('scanning does not write', async () => {
    await writeFile(scratch(), openBytes);
    const handle = await open(scratch(), 'r');
    const { mtimeMs } = await handle.stat();
    await scanChunk(store, SCRATCH);
    assert.equal((await handle.stat()).mtimeMs, mtimeMs);
    await handle.close();
    assert.deepEqual(await readFile(scratch()), openBytes);
  });
});
