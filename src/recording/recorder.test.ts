import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StreamGap } from '@oxbow/media/segment';
import { scanChunk } from '../archive/chunk-reader.ts';
import { segmentLocation } from '../archive/segment-store.ts';
import type { ChunkRow, ChunkTable } from './chunks/chunk-table.ts';
import { groupAt, groupsFrom, initOf, type RecordingRig, START_US, suiteOnEngines } from './recording.fixture.ts';
import { windowOf } from './window.ts';

const MARK_US = windowOf(START_US) + 600_000_000;
const SECOND = 1_000_000;

/** First MSNs and counts of the files in the index. */
async function rowsOf(rig: RecordingRig): Promise<ChunkRow[]> {
  return rig.chunks.between('s', 0, Number.MAX_SAFE_INTEGER);
}

/** A sync that fails while `broken` says so. */
function breakable(broken: () => Error | undefined): () => Promise<void> {
  return async () => {
    const error = broken();
    if (error) throw error;
  };
}

const gap = (fromS: number, toS: number, cause: StreamGap['cause'], detail = ''): StreamGap => ({
  fromUs: START_US + fromS * SECOND,
  toUs: START_US + toS * SECOND,
  cause,
  detail,
});

suiteOnEngines('a recorder closes its file (docs/media.md 21)', (openRig) => {
  test('at the first key frame after 60 s, whatever its size', async () => {
    await using rig = await openRig();
    const start = MARK_US;
    const groups = groupsFrom({ msn: 1, startUs: start, durationUs: 10 * SECOND }, 6);
    const late = groupAt({ msn: 7, startUs: start + 60 * SECOND, durationUs: 10 * SECOND, key: false });
    const large = groupAt({ msn: 8, startUs: start + 70 * SECOND, durationUs: 10 * SECOND, frameBytes: 4 * 1024 ** 2 });
    const thin = groupsFrom({ msn: 9, startUs: start + 80 * SECOND, durationUs: 10 * SECOND }, 6);
    for (const group of [...groups, late, large, ...thin]) rig.recorder.write(group);
    await rig.recorder.seal();
    assert.deepEqual(
      (await rowsOf(rig)).map((row) => [row.first_msn, row.segment_count]),
      [
        [1, 7],
        [8, 6],
        [14, 1],
      ],
    );
  });

  test('always at a ten-minute mark, at a new run and at a new init', async () => {
    await using rig = await openRig();
    const groups = groupsFrom({ msn: 1, startUs: MARK_US - 3 * SECOND }, 4);
    const run = groupsFrom({ msn: 5, startUs: MARK_US + 5 * SECOND, run: 2 }, 2);
    const init = groupsFrom({ msn: 7, startUs: MARK_US + 9 * SECOND, run: 2, init: initOf(undefined, 2) }, 2);
    for (const group of [...groups, ...run, ...init]) rig.recorder.write(group);
    await rig.recorder.seal();
    const rows = await rowsOf(rig);
    assert.deepEqual(
      rows.map((row) => [row.first_msn, row.last_msn, row.run, row.init_number]),
      [
        [1, 2, 1, 1],
        [3, 4, 1, 1],
        [5, 6, 2, 1],
        [7, 8, 2, 2],
      ],
    );
    assert.equal((await rig.files()).length, 4);
    for (const row of rows) assert.equal((await scanChunk(rig.segments, segmentLocation(row.path))).state, 'sealed');
  });

  test('and records the MSN before its first', async () => {
    await using rig = await openRig({ previousMsn: 90 });
    rig.recorder.write(groupAt({ msn: 100, startUs: START_US }));
    rig.recorder.write(groupAt({ msn: 101, startUs: START_US + 2 * SECOND, run: 2 }));
    await rig.recorder.seal();
    const [first, second] = await rowsOf(rig);
    assert.equal((await scanChunk(rig.segments, segmentLocation(first!.path))).head.previousMsn, 90);
    assert.equal((await scanChunk(rig.segments, segmentLocation(second!.path))).head.previousMsn, 100);
  });
});

suiteOnEngines('a recorder that cannot keep up', (openRig) => {
  test('drops what does not fit, and the next group records the gap with cause overload', async () => {
    const held = Promise.withResolvers<void>();
    await using rig = await openRig({
      sync: 'segment',
      beforeSync: () => held.promise,
      maxBacklogBytes: 3000,
    });
    // About 600 bytes each; the first is being written.
    for (const group of groupsFrom({ msn: 1, startUs: START_US }, 8)) rig.recorder.write(group);
    assert.ok(rig.recorder.backlogBytes <= 3000 && rig.recorder.backlogBytes > 1500);
    held.resolve();
    await rig.recorder.seal();
    assert.equal(rig.recorder.backlogBytes, 0);
    const kept = rig.committed.length;
    assert.ok(kept >= 2 && kept < 8);
    assert.equal(rig.reports.length, 8 - kept);
    const lost = { fromUs: START_US + kept * 2 * SECOND, toUs: START_US + 16 * SECOND, cause: 'overload' } as const;
    assert.deepEqual(rig.recorder.gaps, [{ ...lost, detail: 'the disk is too slow' }]);
    rig.recorder.write(groupAt({ msn: 9, startUs: START_US + 16 * SECOND }));
    await rig.recorder.seal();
    assert.deepEqual((await rig.recording.find(9))?.gaps, [{ ...lost, detail: 'the disk is too slow' }]);
    assert.deepEqual(rig.recorder.gaps, []);
  });

  test('still records a group that is larger than the backlog when nothing waits for the disk', async () => {
    await using rig = await openRig({ maxBacklogBytes: 3000 });
    const [large, next] = groupsFrom({ msn: 1, startUs: START_US, frameBytes: 1000 }, 2);
    rig.recorder.write(large!);
    await rig.recorder.seal();
    rig.recorder.write(next!);
    await rig.recorder.seal();
    assert.deepEqual(rig.committed, [1, 2]);
    assert.deepEqual(rig.reports, []);
  });

  test('lets a source that can wait do so until the disk has caught up: nothing is lost', async () => {
    const held = Promise.withResolvers<void>();
    await using rig = await openRig({
      sync: 'segment',
      beforeSync: () => held.promise,
      maxBacklogBytes: 3000,
    });
    const groups = groupsFrom({ msn: 1, startUs: START_US }, 8);
    const { signal } = new AbortController();
    let written = 0;
    const feeding = (async () => {
      for (const group of groups) {
        await rig.recorder.ready({ signal });
        rig.recorder.write(group);
        written += 1;
      }
    })();
    const stopped = new AbortController();
    stopped.abort(new Error('stopped'));
    while (rig.recorder.backlogBytes <= 1500) await new Promise(setImmediate);
    await assert.rejects(rig.recorder.ready(stopped), /stopped/);
    assert.ok(written < groups.length, 'it waits');
    held.resolve();
    await feeding;
    await rig.recorder.seal();
    assert.deepEqual(
      rig.committed,
      groups.map(({ msn }) => msn),
    );
  });

  test('syncs once per file while groups take more than 5 s, and per group again when the disk is fast', async () => {
    let syncs = 0;
    let tookMs = 6000;
    await using rig = await openRig({
      sync: 'segment',
      beforeSync: async () => {
        syncs++;
        rig.clock.advance(tookMs);
      },
    });
    const groups = groupsFrom({ msn: 1, startUs: START_US }, 9);
    rig.recorder.write(groups[0]!);
    await rig.recorder.seal();
    assert.deepEqual(rig.reports, ['slow true']);
    tookMs = 1;
    syncs = 0;
    for (const group of groups.slice(1, 5)) rig.recorder.write(group);
    await rig.recorder.seal();
    assert.equal(syncs, 2, 'sealing takes two');
    assert.deepEqual(rig.reports, ['slow true', 'slow false']);
    for (const group of groups.slice(5)) rig.recorder.write(group);
    await rig.recorder.seal();
    assert.equal(syncs, 2 + 4 + 2);
  });
});

suiteOnEngines('a recorder whose disk fails (docs/media.md 23)', (openRig) => {
  test('never syncs that file again, keeps its groups, continues in another file after a pause, and reports the gap as disk', async () => {
    let error: Error | undefined;
    await using rig = await openRig({ sync: 'segment', beforeSync: breakable(() => error) });
    const groups = groupsFrom({ msn: 1, startUs: START_US }, 6);
    rig.recorder.write(groups[0]!);
    rig.recorder.write(groups[1]!);
    await rig.recorder.seal();
    rig.recorder.write(groups[2]!);
    await settled(rig);
    error = new Error('EIO');
    rig.recorder.write(groups[3]!);
    await settled(rig);
    error = undefined;
    rig.recorder.write(groups[4]!); // within the pause
    await settled(rig);
    rig.clock.advance(2000);
    rig.recorder.write(groups[5]!);
    await rig.recorder.seal();
    assert.deepEqual(rig.committed, [1, 2, 3, 6]);
    const lost = { fromUs: groups[3]!.startUs, toUs: groups[5]!.startUs, cause: 'disk' };
    const [found] = (await rig.recording.find(6))!.gaps;
    assert.deepEqual({ ...found, detail: '' }, { ...lost, detail: '' });
    assert.match(found!.detail, /EIO/);
    const rows = await rowsOf(rig);
    assert.deepEqual(
      rows.map((row) => [row.first_msn, row.last_msn]),
      [
        [1, 2],
        [3, 3],
        [6, 6],
      ],
    );
    // Truncated to its committed groups, and sealed.
    const repaired = await scanChunk(rig.segments, segmentLocation(rows[1]!.path));
    assert.deepEqual([repaired.state, repaired.groups.length, repaired.length], ['sealed', 1, rows[1]!.size]);
  });

  test('a file that cannot be sealed is indexed anyway, and the next group is not lost', async () => {
    let error: Error | undefined;
    await using rig = await openRig({ sync: 'chunk', beforeSync: breakable(() => error) });
    for (const group of groupsFrom({ msn: 1, startUs: START_US }, 3)) rig.recorder.write(group);
    await settled(rig);
    error = new Error('EIO');
    rig.recorder.write(groupAt({ msn: 4, startUs: START_US + 6 * SECOND, run: 2 }));
    await settled(rig);
    error = undefined;
    await rig.recorder.seal();
    assert.deepEqual(rig.committed, [1, 2, 3, 4]);
    assert.deepEqual(
      (await rowsOf(rig)).map((row) => [row.first_msn, row.last_msn]),
      [
        [1, 3],
        [4, 4],
      ],
    );
    assert.deepEqual(rig.recording.open, []);
    assert.equal(rig.reports.length, 1);
    assert.match(rig.reports[0]!, /^trouble: .*EIO/);
  });

  test('if the folder is missing, groups are lost, nothing is thrown, and recording continues when it is back', async () => {
    await using rig = await openRig();
    const { create } = rig.segments;
    rig.segments.create = () => Promise.reject(new Error('ENOTDIR: not a directory'));
    const groups = groupsFrom({ msn: 1, startUs: START_US }, 4);
    rig.recorder.write(groups[0]!);
    rig.recorder.write(groups[1]!);
    await settled(rig);
    assert.deepEqual(rig.committed, []);
    assert.deepEqual(
      rig.recorder.gaps.map(({ fromUs, toUs, cause }) => [fromUs, toUs, cause]),
      [[START_US, START_US + 4 * SECOND, 'disk']],
    );
    rig.segments.create = create;
    rig.clock.advance(2001);
    rig.recorder.write(groups[2]!);
    rig.recorder.write(groups[3]!);
    await rig.recorder.seal();
    assert.deepEqual(rig.committed, [3, 4]);
    assert.equal((await rig.recording.find(3))!.gaps[0]!.cause, 'disk');
    assert.deepEqual((await rig.recording.find(4))!.gaps, []);
  });

  test('free space is checked before each file, and not while one is open', async () => {
    let room = true;
    await using rig = await openRig({ mayWrite: () => room });
    const groups = groupsFrom({ msn: 1, startUs: START_US }, 2);
    rig.recorder.write(groups[0]!);
    await settled(rig);
    room = false;
    rig.recorder.write(groups[1]!);
    rig.recorder.write(groupAt({ msn: 3, startUs: START_US + 4 * SECOND, run: 2 }));
    await rig.recorder.seal();
    assert.deepEqual(rig.committed, [1, 2]);
    assert.equal(rig.recorder.gaps[0]!.cause, 'disk');
    assert.deepEqual(await rig.recording.find(3), undefined);
  });

  test('a failed assertion is reported as a bug, the group is lost with cause internal, and the next one is recorded', async () => {
    await using rig = await openRig();
    const groups = groupsFrom({ msn: 1, startUs: START_US }, 4);
    for (const group of [groups[0]!, groups[1]!, { ...groups[2]!, tracks: [] }, groups[3]!]) rig.recorder.write(group);
    await rig.recorder.seal();
    assert.deepEqual(rig.committed, [1, 2, 4]);
    assert.deepEqual(rig.reports, ['bug: a group needs a segment', 'lost internal: an internal error of oxbow']);
    const [gap] = (await rig.recording.find(4))!.gaps;
    assert.deepEqual([gap?.cause, gap?.detail], ['internal', 'an internal error of oxbow']);
    assert.deepEqual(
      (await rowsOf(rig)).map((row) => [row.first_msn, row.last_msn]),
      [
        [1, 2],
        [4, 4],
      ],
    );
  });

  test('a malformed segment is lost as bad media; the file continues', async () => {
    await using rig = await openRig();
    const groups = groupsFrom({ msn: 1, startUs: START_US }, 4);
    const broken = (index: number) => ({
      ...groups[index]!,
      tracks: groups[index]!.tracks.map((track) => ({ ...track, bytes: new Uint8Array(40).fill(9) })),
    });
    for (const group of [broken(0), groups[1]!, broken(2), groups[3]!]) rig.recorder.write(group);
    await rig.recorder.seal();
    assert.deepEqual(rig.committed, [2, 4]);
    assert.equal((await rig.files()).length, 1);
    assert.deepEqual(
      (await rig.recording.between(0, Number.MAX_SAFE_INTEGER)).map((group) => group.gaps[0]?.cause),
      ['bad-media', 'bad-media'],
    );
  });
});

suiteOnEngines('gaps before lost groups', (openRig) => {
  test('keep their causes: source-down, lost, offline, lost, contiguous', async () => {
    let room = false;
    await using rig = await openRig({ mayWrite: () => room });
    rig.recorder.write(
      groupAt({ msn: 1, startUs: START_US + 10 * SECOND, gaps: [gap(0, 10, 'source-down', 'no answer')] }),
    );
    rig.recorder.write(groupAt({ msn: 2, startUs: START_US + 12 * SECOND }));
    rig.recorder.write(
      groupAt({ msn: 3, startUs: START_US + 20 * SECOND, run: 2, gaps: [gap(14, 20, 'offline', 'stopped')] }),
    );
    await settled(rig);
    room = true;
    rig.recorder.write(
      groupAt({ msn: 4, startUs: START_US + 30 * SECOND, run: 3, gaps: [gap(22.3, 30, 'source-skipped')] }),
    );
    await rig.recorder.seal();
    const detail = 'there is no room on the disk';
    assert.deepEqual((await rig.recording.find(4))!.gaps, [
      gap(0, 10, 'source-down', 'no answer'),
      gap(10, 14, 'disk', detail),
      gap(14, 20, 'offline', 'stopped'),
      gap(20, 22.3, 'disk', detail),
      gap(22.3, 30, 'source-skipped'),
    ]);
  });

  test('a group skipped because recording was off is offline, not a gap', async () => {
    await using rig = await openRig();
    const groups = groupsFrom({ msn: 1, startUs: START_US }, 4);
    rig.recorder.write(groups[0]!);
    rig.recorder.skip(groups[1]!);
    rig.recorder.skip(groups[2]!);
    rig.recorder.write(groups[3]!);
    await rig.recorder.seal();
    assert.deepEqual(rig.reports, []);
    assert.deepEqual((await rig.recording.find(4))!.gaps, [gap(2, 6, 'offline', 'recording was off')]);
  });

  test('the recorder is not quiet while a skipped group waits for a slow seal', async () => {
    const gate = Promise.withResolvers<void>();
    await using rig = await openRig({ table: { put: () => gate.promise } as unknown as ChunkTable });
    const groups = groupsFrom({ msn: 1, startUs: START_US }, 2);
    rig.recorder.write(groups[0]!);
    void rig.recorder.seal();
    rig.recorder.skip(groups[1]!);
    while (rig.recorder.backlogBytes > 0) await new Promise(setImmediate);
    assert.equal(rig.recorder.isQuiet, false);
    assert.deepEqual(rig.recorder.gaps, []);
    gate.resolve();
    await settled(rig);
    assert.deepEqual(rig.recorder.gaps, [gap(2, 4, 'offline', 'recording was off')]);
  });

  test('a thousand losses fit into one commit box', async () => {
    let room = false;
    await using rig = await openRig({ mayWrite: () => room });
    for (let i = 0; i < 1000; i++) {
      const at = START_US + i * 10 * SECOND;
      const missing = i === 0 ? [] : [gap(i * 10 - 8, i * 10, 'source-down', `time ${i}`)];
      rig.recorder.write(groupAt({ msn: i + 1, startUs: at, run: i + 1, gaps: missing }));
    }
    await settled(rig);
    room = true;
    rig.recorder.write(
      groupAt({
        msn: 1001,
        startUs: START_US + 10_000 * SECOND,
        run: 1001,
        gaps: [gap(9992, 10_000, 'clock')],
      }),
    );
    await rig.recorder.seal();
    const { gaps } = (await rig.recording.find(1001))!;
    assert.equal(gaps[0]!.fromUs, START_US);
    for (const [i, next] of gaps.slice(1).entries()) assert.equal(next.fromUs, gaps[i]!.toUs);
    assert.deepEqual(gaps.at(-1), gap(9992, 10_000, 'clock'));
  });
});

suiteOnEngines('a recorder and the index', (openRig) => {
  test('keeps groups in memory while writing their rows fails, and writes the rows in order later', async () => {
    let broken = true;
    await using rig = await openRig({
      table: {
        async put(row) {
          if (broken) throw new Error('the database is full');
          await rig.table.put(row);
        },
      },
    });
    rig.recorder.write(groupAt({ msn: 1, startUs: START_US }));
    rig.recorder.write(groupAt({ msn: 2, startUs: START_US + 2 * SECOND, run: 2 }));
    await rig.recorder.seal();
    assert.deepEqual(await rowsOf(rig), []);
    assert.deepEqual(
      (await rig.recording.between(0, Number.MAX_SAFE_INTEGER)).map(({ msn }) => msn),
      [1, 2],
    );
    assert.equal((await rig.recording.find(1))?.msn, 1);
    broken = false;
    rig.clock.advance(2001);
    rig.recorder.write(groupAt({ msn: 3, startUs: START_US + 4 * SECOND, run: 3 }));
    await settled(rig);
    assert.deepEqual(
      (await rowsOf(rig)).map((row) => row.first_msn),
      [1, 2],
    );
    assert.deepEqual(
      rig.recording.open.map(({ msn }) => msn),
      [3],
    );
  });

  test('has no media whose codec configuration could not be stored: both are written later', async () => {
    const order: string[] = [];
    let broken = true;
    await using rig = await openRig({
      async beforeIndex() {
        if (broken) throw new Error('the database does not answer');
        order.push('configuration');
      },
      table: {
        async put(row) {
          order.push(`row ${row.first_msn}`);
          await rig.table.put(row);
        },
      },
    });
    rig.recorder.write(groupAt({ msn: 1, startUs: START_US }));
    await rig.recorder.seal();
    assert.deepEqual([order, await rowsOf(rig)], [[], []]);
    assert.equal((await rig.recording.find(1))?.msn, 1);
    broken = false;
    rig.clock.advance(2001);
    rig.recorder.write(groupAt({ msn: 2, startUs: START_US + 2 * SECOND, run: 2 }));
    await settled(rig);
    await rig.recorder.seal();
    assert.deepEqual(order, ['configuration', 'row 1', 'configuration', 'row 2']);
  });

  test('a database that does not answer holds up no recording: nothing is lost', async () => {
    const answer = Promise.withResolvers<void>();
    await using rig = await openRig({
      maxBacklogBytes: 3000,
      table: {
        async put(row) {
          await answer.promise;
          await rig.table.put(row);
        },
      },
    });
    // Each in another file, for which a row is due.
    for (let i = 0; i < 20; i++) {
      rig.recorder.write(groupAt({ msn: i + 1, startUs: START_US + i * 2 * SECOND, run: i + 1 }));
      while (rig.committed.length <= i && rig.reports.length === 0) await new Promise(setImmediate);
      rig.clock.advance(2001);
    }
    assert.deepEqual([rig.committed.length, rig.reports], [20, []]);
    answer.resolve();
    await rig.recorder.seal();
    assert.deepEqual(
      (await rowsOf(rig)).map((row) => row.first_msn),
      rig.committed,
    );
  });

  test('sealing twice and disposing twice is sealing once', async () => {
    await using rig = await openRig();
    rig.recorder.write(groupAt({ msn: 1, startUs: START_US }));
    await Promise.all([rig.recorder.seal(), rig.recorder.seal()]);
    await rig.recorder[Symbol.asyncDispose]();
    await rig.recorder[Symbol.asyncDispose]();
    assert.equal((await rowsOf(rig)).length, 1);
    assert.deepEqual(rig.reports, []);
  });
});

/** Resolves when all queued groups are written; the open file stays open. */
async function settled(rig: RecordingRig): Promise<void> {
  while (!rig.recorder.isQuiet) await new Promise(setImmediate);
  await new Promise(setImmediate);
}
