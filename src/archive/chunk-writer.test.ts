import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { type FileHandle, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import type { Frame, Track } from '../media/frame.ts';
import { SampleTable } from '../media/isobmff/sample-table.ts';
import type { SegmentGroup } from '../media/segment.ts';
import { sealFile, writeAll } from './chunk-file.ts';
import { scanChunk } from './chunk-reader.ts';
import { recoverChunk } from './chunk-recovery.ts';
import { type ChunkOptions, chunkFileName, openChunkWriter } from './chunk-writer.ts';
import { initOf, segmentOf, temporaryFolder } from './media.fixture.ts';
import { createSyncQueue } from './sync-queue.ts';

const audio: Track = {
  ...{ id: 1, kind: 'audio', timescale: 48_000, language: 'und', label: '' },
  config: { codec: 'aac', record: Uint8Array.of(0x11, 0x90), codecs: 'mp4a.40.2', sampleRate: 48_000, channels: 2 },
};

function frames(count: number, from: number): Frame[] {
  return Array.from({ length: count }, (_, i) => ({
    ...{ trackId: 1, dts: (from + i) * 1024, pts: (from + i) * 1024, duration: 1024, key: true },
    data: new Uint8Array(100 + i),
  }));
}

function groupAt(index: number, extra: Partial<SegmentGroup> = {}): SegmentGroup {
  return {
    msn: 100 + index,
    run: { id: 3, eUs: 5_000_000, clock: 'source' },
    init: initOf([audio]),
    startUs: 5_000_000 + index * 2_005_333,
    durationUs: 2_005_333,
    discontinuity: index === 0,
    discontinuitySequence: 4,
    absences: [],
    tracks: [segmentOf(audio, frames(94, index * 94), 0)],
    ...extra,
  };
}

function optionsIn(folder: string, extra: Partial<ChunkOptions> = {}): ChunkOptions {
  return {
    ...{ folder, utcMs: Date.UTC(2026, 0, 2, 3, 4, 5, 678), msn: 100, streamId: 's', init: initOf([audio]) },
    ...{ previousMsn: 99, sync: 'segment', syncQueue: createSyncQueue() },
    ...extra,
  };
}

/** What every open file has its methods from, to make one fail. */
async function fileHandlePrototype(folder: string): Promise<Pick<FileHandle, 'writev'>> {
  const file = await open(join(folder, 'x'), 'w');
  await file.close();
  return Object.getPrototypeOf(file);
}

suite('a chunk writer', () => {
  test('names its file by UTC and the first msn, and never takes one that exists', async () => {
    await using folder = await temporaryFolder();
    await using writer = await openChunkWriter(optionsIn(folder.path));
    assert.equal(writer.path, join(folder.path, '2026/01/02/03/20260102T030405678Z-100.mp4'));
    assert.equal(chunkFileName(0, 1), '1970/01/01/00/19700101T000000000Z-1.mp4');
    await assert.rejects(openChunkWriter(optionsIn(folder.path)), { name: 'OxbowError', code: 'disk-failed' });
    assert.equal(existsSync(writer.path), true);
  });

  test('takes appends in order, though none waits for the other', async () => {
    await using folder = await temporaryFolder();
    await using writer = await openChunkWriter(optionsIn(folder.path));
    const committed = await Promise.all([0, 1, 2, 3].map((i) => writer.append(groupAt(i))));
    const sealed = await writer.seal();
    assert.deepEqual(
      committed.map(({ msn }) => msn),
      [100, 101, 102, 103],
    );
    assert.deepEqual((await scanChunk(sealed.path)).groups, committed);
    assert.equal(
      committed[1]!.tracks[0]!.offset,
      committed[0]!.tracks[0]!.offset + committed[0]!.tracks[0]!.length + 164,
    );
  });

  test('what a group says comes back: run, clock, discontinuity, damage, absences with causes', async () => {
    await using folder = await temporaryFolder();
    await using writer = await openChunkWriter(optionsIn(folder.path));
    const absences = [
      { fromUs: 1_000_000, toUs: 2_000_000, cause: 'offline', detail: '' },
      { fromUs: 2_000_000, toUs: 5_000_000, cause: 'source-down', detail: 'HTTP 404 — seg81.ts' },
    ] as const;
    const group = groupAt(0, { absences });
    await writer.append({ ...group, tracks: [{ ...group.tracks[0]!, damaged: true }] });
    const { path } = await writer.seal();
    const [found] = (await scanChunk(path)).groups;
    assert.deepEqual(found!.absences, absences);
    assert.deepEqual([found!.run, found!.eUs, found!.clock], [3, 5_000_000, 'source']);
    assert.deepEqual([found!.startUs, found!.durationUs], [5_000_000, 2_005_333]);
    assert.deepEqual([found!.discontinuity, found!.discontinuitySequence], [true, 4]);
    assert.equal(found!.tracks[0]!.flags, 3);
  });

  test('after a failed sync it takes no more, and recovery finds what was synced before', async () => {
    await using folder = await temporaryFolder();
    let calls = 0;
    const syncQueue = { sync: () => (++calls === 2 ? Promise.reject(new Error('EIO')) : Promise.resolve()) };
    await using writer = await openChunkWriter(optionsIn(folder.path, { syncQueue }));
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
    const recovered = await recoverChunk(writer.path);
    assert.deepEqual(recovered.groups[0], first);
  });

  test('a segment that is not what it says is refused, and the file goes on', async () => {
    await using folder = await temporaryFolder();
    await using writer = await openChunkWriter(optionsIn(folder.path));
    await writer.append(groupAt(0));
    const { tracks } = groupAt(1);
    const torn = { ...tracks[0]!, bytes: tracks[0]!.bytes.subarray(0, 400) };
    await assert.rejects(writer.append(groupAt(1, { tracks: [torn] })), { name: 'FormatError' });
    await writer.append(groupAt(2));
    assert.deepEqual(
      (await scanChunk((await writer.seal()).path)).groups.map(({ msn }) => msn),
      [100, 102],
    );
  });

  test('a new run or an msn out of order is our bug', async () => {
    await using folder = await temporaryFolder();
    await using writer = await openChunkWriter(optionsIn(folder.path));
    await assert.rejects(writer.append(groupAt(1)), { name: 'AssertionError' });
    await writer.append(groupAt(0));
    await assert.rejects(writer.append(groupAt(1, { run: { id: 4, eUs: 0, clock: 'arrival' } })), {
      name: 'AssertionError',
    });
    await assert.rejects(writer.append(groupAt(0)), { name: 'AssertionError' });
  });

  test('a file whose head cannot be written is removed', async (t) => {
    await using folder = await temporaryFolder();
    const proto = await fileHandlePrototype(folder.path);
    t.mock.method(proto, 'writev', () => Promise.reject(new Error('ENOSPC: no space left on device')));
    await assert.rejects(openChunkWriter(optionsIn(folder.path)), { code: 'disk-failed', message: /ENOSPC/ });
    t.mock.restoreAll();
    const left = await readdir(folder.path, { recursive: true });
    assert.deepEqual(
      left.filter((name) => name.endsWith('.mp4')),
      [],
    );
    // The name is free again.
    await using writer = await openChunkWriter(optionsIn(folder.path));
    await writer.append(groupAt(0));
  });

  test('a file without a group is removed when it is sealed', async () => {
    await using folder = await temporaryFolder();
    const writer = await openChunkWriter(optionsIn(folder.path));
    assert.deepEqual((await writer.seal()).groups, []);
    assert.equal(existsSync(writer.path), false);
    await writer.abandon();
  });

  test('syncs each group, each file, or never, as the policy says', async () => {
    for (const [sync, expected] of [
      ['segment', 4],
      ['chunk', 2],
      ['off', 0],
    ] as const) {
      await using folder = await temporaryFolder();
      let calls = 0;
      const syncQueue = {
        sync: async () => {
          calls++;
        },
      };
      await using writer = await openChunkWriter(optionsIn(folder.path, { sync, syncQueue }));
      await writer.append(groupAt(0));
      await writer.append(groupAt(1));
      await writer.seal();
      assert.equal(calls, expected, sync);
    }
  });
});

suite('sealing', () => {
  test('writes tables and size, then syncs, then writes the type in 8 bytes, and syncs these too', async () => {
    const table = new SampleTable([audio]);
    table.addGroup([{ bytes: segmentOf(audio, frames(94, 0), 0).bytes, offset: 1000 }]);
    const steps: string[] = [];
    const file = {
      async writev(pieces: readonly Uint8Array[], position: number) {
        const bytesWritten = pieces.reduce((sum, { length }) => sum + length, 0);
        steps.push(`${position}: ${bytesWritten > 16 ? 'tables' : Buffer.concat(pieces).toString('hex')}`);
        return { bytesWritten, buffers: [] };
      },
    };
    await sealFile(file as never, { table, boxes: [new Uint8Array(164)], lastSelf: 20_000, end: 20_164 }, async () => {
      steps.push('sync');
    });
    assert.deepEqual(steps, ['20164: tables', '40: 0000000000004ea4', 'sync', '32: 000000016d646174', 'sync']);
  });

  test('a short write goes on where it stopped', async () => {
    const target = new Uint8Array(10);
    const file = {
      async writev(pieces: readonly Uint8Array[], position: number) {
        const joined = Buffer.concat(pieces).subarray(0, 3);
        target.set(joined, position);
        return { bytesWritten: joined.length, buffers: [] };
      },
    };
    const pieces = [Uint8Array.of(1, 2), Uint8Array.of(), Uint8Array.of(3, 4, 5, 6, 7), Uint8Array.of(8)];
    assert.equal(await writeAll(file as never, pieces, 1), 8);
    assert.deepEqual([...target], [0, 1, 2, 3, 4, 5, 6, 7, 8, 0]);
  });
});
