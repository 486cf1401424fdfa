import assert from 'node:assert/strict';
import { type FileHandle, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import type { Frame, Track } from '@oxbow/media/frame';
import { SampleTable } from '@oxbow/media/isobmff/movie/sample-table';
import type { SegmentGroup } from '@oxbow/media/segment';
import { sealFile } from './chunk-file.ts';
import { scanChunk } from './chunk-reader.ts';
import { recoverChunk } from './chunk-recovery.ts';
import { type ChunkOptions, openChunkWriter } from './chunk-writer.ts';
import { openLocalSegmentStore } from './local-segment-store.ts';
import { initOf, segmentOf, temporaryFolder } from './media.fixture.ts';
import { chunkLocation } from './recording-locations.ts';
import type { SegmentStore } from './segment-store.ts';
import { engines, holdSyncs } from './segment-stores.fixture.ts';

const audio: Track = {
  id: 1,
  kind: 'audio',
  timescale: 48_000,
  language: 'und',
  label: '',
  config: { codec: 'aac', record: Uint8Array.of(0x11, 0x90), codecs: 'mp4a.40.2', sampleRate: 48_000, channels: 2 },
};

function frames(count: number, from: number): Frame[] {
  return Array.from({ length: count }, (_, i) => ({
    trackId: 1,
    dts: (from + i) * 1024,
    pts: (from + i) * 1024,
    duration: 1024,
    key: true,
    data: new Uint8Array(100 + i),
  }));
}

function groupAt(index: number, extra: Partial<SegmentGroup> = {}): SegmentGroup {
  return {
    msn: 100 + index,
    run: { id: 3, utcOffsetUs: 5_000_000, clock: 'source' },
    init: initOf([audio]),
    startUs: 5_000_000 + index * 2_005_333,
    durationUs: 2_005_333,
    discontinuity: index === 0,
    discontinuitySequence: 4,
    gaps: [],
    tracks: [segmentOf(audio, frames(94, index * 94), 0)],
    ...extra,
  };
}

function optionsIn(store: SegmentStore, extra: Partial<ChunkOptions> = {}): ChunkOptions {
  return {
    store,
    utcMs: Date.UTC(2026, 0, 2, 3, 4, 5, 678),
    msn: 100,
    streamId: 's',
    init: initOf([audio]),
    previousMsn: 99,
    sync: 'segment',
    ...extra,
  };
}

/** The prototype of open files, to make a method fail. */
async function fileHandlePrototype(folder: string): Promise<Pick<FileHandle, 'writev'>> {
  const file = await open(join(folder, 'x'), 'w');
  await file.close();
  return Object.getPrototypeOf(file);
}

for (const engine of engines) {
  suite(`a chunk writer on ${engine.name}`, () => {
    test('names its file by UTC and the first MSN, and never overwrites one', async () => {
      await using folder = await temporaryFolder();
      await using store = engine.open(folder.path);
      await using writer = await openChunkWriter(optionsIn(store));
      assert.equal(writer.location, 'recordings/s/2026/01/02/03/20260102T030405678Z-100.mp4');
      assert.equal(chunkLocation('s', 0, 1), 'recordings/s/1970/01/01/00/19700101T000000000Z-1.mp4');
      await assert.rejects(openChunkWriter(optionsIn(store)), { name: 'OxbowError', code: 'disk-failed' });
      assert.ok((await store.size(writer.location)) > 0);
    });

    test('runs appends in order without the caller waiting', async () => {
      await using folder = await temporaryFolder();
      await using store = engine.open(folder.path);
      await using writer = await openChunkWriter(optionsIn(store));
      const committed = await Promise.all([0, 1, 2, 3].map((i) => writer.append(groupAt(i))));
      const sealed = await writer.seal();
      assert.deepEqual(
        committed.map(({ msn }) => msn),
        [100, 101, 102, 103],
      );
      assert.deepEqual((await scanChunk(store, sealed.location)).groups, committed);
      assert.equal(
        committed[1]!.tracks[0]!.offset,
        committed[0]!.tracks[0]!.offset + committed[0]!.tracks[0]!.length + 164,
      );
    });

    test('run, clock, discontinuity, damage and gaps of a group are read back', async () => {
      await using folder = await temporaryFolder();
      await using store = engine.open(folder.path);
      await using writer = await openChunkWriter(optionsIn(store));
      const gaps = [
        { fromUs: 1_000_000, toUs: 2_000_000, cause: 'offline', detail: '' },
        { fromUs: 2_000_000, toUs: 5_000_000, cause: 'source-down', detail: 'HTTP 404 — seg81.ts' },
      ] as const;
      const group = groupAt(0, { gaps });
      await writer.append({ ...group, tracks: [{ ...group.tracks[0]!, damaged: true }] });
      const { location } = await writer.seal();
      const [found] = (await scanChunk(store, location)).groups;
      assert.deepEqual(found!.gaps, gaps);
      assert.deepEqual([found!.run, found!.utcOffsetUs, found!.clock], [3, 5_000_000, 'source']);
      assert.deepEqual([found!.startUs, found!.durationUs], [5_000_000, 2_005_333]);
      assert.deepEqual([found!.discontinuity, found!.discontinuitySequence], [true, 4]);
      assert.equal(found!.tracks[0]!.flags, 3);
    });

    test('after a failed sync it rejects appends, and recovery finds the groups synced before', async () => {
      await using folder = await temporaryFolder();
      await using store = engine.open(folder.path);
      let calls = 0;
      holdSyncs(store, () => (++calls === 2 ? Promise.reject(new Error('EIO')) : Promise.resolve()));
      await using writer = await openChunkWriter(optionsIn(store));
      const first = await writer.append(groupAt(0));
      const failed = { name: 'OxbowError', code: 'disk-failed', message: /EIO/ };
      const results = await Promise.allSettled([writer.append(groupAt(1)), writer.append(groupAt(2)), writer.seal()]);
      for (const result of results) {
        assert.equal(result.status, 'rejected');
        assert.throws(() => {
          throw (result as PromiseRejectedResult).reason;
        }, failed);
      }
      assert.equal(calls, 2);
      assert.deepEqual(writer.groups, [first]);
      await writer.abandon();
      const recovered = await recoverChunk(store, writer.location);
      assert.deepEqual(recovered.groups[0], first);
    });

    test('a malformed segment is rejected, and the file continues', async () => {
      await using folder = await temporaryFolder();
      await using store = engine.open(folder.path);
      await using writer = await openChunkWriter(optionsIn(store));
      await writer.append(groupAt(0));
      const { tracks } = groupAt(1);
      const torn = { ...tracks[0]!, bytes: tracks[0]!.bytes.subarray(0, 400) };
      await assert.rejects(writer.append(groupAt(1, { tracks: [torn] })), { name: 'FormatError' });
      await writer.append(groupAt(2));
      assert.deepEqual(
        (await scanChunk(store, (await writer.seal()).location)).groups.map(({ msn }) => msn),
        [100, 102],
      );
    });

    test('a new run or an MSN out of order is a failed assertion', async () => {
      await using folder = await temporaryFolder();
      await using store = engine.open(folder.path);
      await using writer = await openChunkWriter(optionsIn(store));
      await assert.rejects(writer.append(groupAt(1)), { name: 'AssertionError' });
      await writer.append(groupAt(0));
      await assert.rejects(writer.append(groupAt(1, { run: { id: 4, utcOffsetUs: 0, clock: 'arrival' } })), {
        name: 'AssertionError',
      });
      await assert.rejects(writer.append(groupAt(0)), { name: 'AssertionError' });
    });

    test('sealing removes a file without a group', async () => {
      await using folder = await temporaryFolder();
      await using store = engine.open(folder.path);
      const writer = await openChunkWriter(optionsIn(store));
      assert.deepEqual((await writer.seal()).groups, []);
      await assert.rejects(store.size(writer.location), { code: 'gone' });
      await writer.abandon();
    });

    test('syncs each group, each file, or never, according to the policy', async () => {
      for (const [sync, expected] of [
        ['segment', 4],
        ['chunk', 2],
        ['off', 0],
      ] as const) {
        await using folder = await temporaryFolder();
        await using store = engine.open(folder.path);
        let calls = 0;
        holdSyncs(store, async () => void calls++);
        await using writer = await openChunkWriter(optionsIn(store, { sync }));
        await writer.append(groupAt(0));
        await writer.append(groupAt(1));
        await writer.seal();
        assert.equal(calls, expected, sync);
      }
    });
  });
}

suite('a chunk writer on a disk that fails', () => {
  test('a file whose head cannot be written is removed', async (t) => {
    await using folder = await temporaryFolder();
    await using store = openLocalSegmentStore({ folder: folder.path });
    const proto = await fileHandlePrototype(folder.path);
    t.mock.method(proto, 'writev', () => Promise.reject(new Error('ENOSPC: no space left on device')));
    await assert.rejects(openChunkWriter(optionsIn(store)), { code: 'disk-failed', message: /ENOSPC/ });
    t.mock.restoreAll();
    const left = await readdir(folder.path, { recursive: true });
    assert.deepEqual(
      left.filter((name) => name.endsWith('.mp4')),
      [],
    );
    // The name is free again.
    await using writer = await openChunkWriter(optionsIn(store));
    await writer.append(groupAt(0));
  });
});

suite('sealing', () => {
  test('writes tables and size, then syncs, then writes the type in 8 bytes, and syncs these too', async () => {
    const table = new SampleTable([audio]);
    table.addGroup([{ bytes: segmentOf(audio, frames(94, 0), 0).bytes, offset: 1000 }]);
    const steps: string[] = [];
    const file = {
      async append(pieces: readonly Uint8Array[]) {
        steps.push(`append: ${pieces.reduce((sum, { length }) => sum + length, 0) > 16 ? 'tables' : 'little'}`);
      },
      async patch(offset: number, bytes: Uint8Array) {
        steps.push(`${offset}: ${Buffer.from(bytes).toString('hex')}`);
      },
    };
    await sealFile(file, { table, boxes: [new Uint8Array(164)], lastSelf: 20_000, end: 20_164 }, async () => {
      steps.push('sync');
    });
    assert.deepEqual(steps, ['append: tables', '40: 0000000000004ea4', 'sync', '32: 000000016d646174', 'sync']);
  });
});
