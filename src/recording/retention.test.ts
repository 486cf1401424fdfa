import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { segmentLocation } from '../archive/segment-store.ts';
import { ChunkQueries } from './chunks/chunk-queries.ts';
import { Horizons } from './horizons.ts';
import { openRig, type RecordingRig, suiteOnEngines } from './recording.fixture.ts';
import { goTo, MARK, MINUTE, msnsOf, record, SECOND, WINDOW, watch } from './retention.fixture.ts';
import { runRetention } from './retention.ts';
import { horizonUs, windowOf } from './window.ts';

suiteOnEngines('retention by age (docs/media.md 16)', (openRig) => {
  test('the horizon is a ten-minute mark', () => {
    assert.equal(windowOf(MARK), MARK);
    assert.equal(horizonUs((MARK + 9 * MINUTE) / 1000, 0), MARK);
    assert.equal(horizonUs((MARK + 9 * MINUTE) / 1000, 540_000), MARK);
    assert.equal(horizonUs((MARK + 9 * MINUTE) / 1000, 540_001), MARK - WINDOW);
  });

  test('removes whole windows from the index first, and the files a minute later', async () => {
    await using rig = await openRig();
    await record(rig, 3);
    const seen = watch(rig);
    goTo(rig, MARK + WINDOW + 60 * MINUTE - 1);
    await seen.retention.pass();
    assert.deepEqual(await msnsOf(rig), [1, 3, 5]);
    goTo(rig, MARK + WINDOW + 60 * MINUTE);
    await seen.retention.pass();
    // The window's last segment ends after the mark, but goes with the window that it starts in.
    assert.deepEqual(await msnsOf(rig), [3, 5]);
    assert.deepEqual(seen.deletedBefore, [['s', MARK + WINDOW]]);
    assert.equal((await rig.files()).length, 3);
    rig.clock.advance(59_999);
    await seen.retention.pass();
    assert.equal((await rig.files()).length, 3);
    assert.deepEqual(seen.released, []);
    rig.clock.advance(1);
    await seen.retention.pass();
    assert.equal((await rig.files()).length, 2);
    assert.equal(new Set(seen.released).size, 1);
    assert.equal(seen.deleted.length, 1);
    assert.equal(seen.deleted[0]![0], 1);
    assert.ok(seen.deleted[0]![1] > 1000);
    assert.deepEqual(seen.failures, []);
  });

  test('reports the horizon of each stream in every pass, also while it has no files', async () => {
    await using rig = await openRig();
    const horizons: [string, number][] = [];
    const seen = watch(rig, { onHorizon: async (streamId, us) => void horizons.push([streamId, us]) });
    goTo(rig, MARK + WINDOW + 60 * MINUTE);
    await seen.retention.pass();
    assert.deepEqual(horizons, [['s', MARK + WINDOW]]);
    assert.deepEqual(seen.failures, []);
  });

  test('removes the folders of hours, days, months and years with their last file', async () => {
    await using rig = await openRig();
    await record(rig, 2);
    const seen = watch(rig);
    goTo(rig, MARK + 30 * 24 * 60 * MINUTE);
    await seen.retention.pass();
    rig.clock.advance(60_000);
    await seen.retention.pass();
    assert.equal(existsSync(path.join(rig.folder, 'recordings', 's')), false);
  });

  test('goes through hundreds of files in one pass', async () => {
    await using rig = await openRig();
    await record(rig, 1);
    const row = (await rig.chunks.holding('s', 1))!;
    for (let i = 0; i < 600; i++) await rig.table.put({ ...row, first_msn: 100 + i, last_msn: 100 + i });
    goTo(rig, MARK + 100 * WINDOW);
    await watch(rig).retention.pass();
    assert.deepEqual(await msnsOf(rig), []);
  });

  test('applies to each stream, and a failure of one does not affect the others', async () => {
    await using rig = await openRig();
    await record(rig, 2, 'a');
    await record(rig, 2, 'b');
    const broken = Object.assign(new ChunkQueries(rig.store.rows), {
      startedBetween: (...args: Parameters<ChunkQueries['startedBetween']>) =>
        args[0] === 'bad' ? Promise.reject(new Error('no')) : rig.chunks.startedBetween(...args),
    });
    const seen = watch(rig, {
      chunks: broken,
      streams: () => [
        { streamId: 'bad', keepMs: 0 },
        { streamId: 'a', keepMs: 60_000 },
        { streamId: 'b', keepMs: 3600_000 },
      ],
    });
    goTo(rig, MARK + 2 * WINDOW + MINUTE);
    await seen.retention.pass();
    assert.deepEqual([await msnsOf(rig, 'a'), await msnsOf(rig, 'b')], [[], [1, 3]]);
    assert.equal(seen.failures.length, 1);
  });

  test('retries failed deletions', async () => {
    await using rig = await openRig();
    await record(rig, 1);
    const remove = rig.segments.delete;
    rig.segments.delete = () => Promise.reject(new Error('EBUSY'));
    const seen = watch(rig);
    goTo(rig, MARK + 100 * WINDOW);
    await seen.retention.pass();
    rig.clock.advance(60_000);
    await seen.retention.pass();
    assert.equal(seen.failures.length, 1);
    rig.segments.delete = remove;
    await seen.retention.pass();
    assert.deepEqual(await rig.files(), []);
    assert.deepEqual(seen.deleted.length, 1);
  });
});

suiteOnEngines('retention by size', (openRig) => {
  const sizes = async (rig: RecordingRig) =>
    (await rig.chunks.between('s', 0, Number.MAX_SAFE_INTEGER)).map((row) => row.size);

  test('deletes the oldest windows of all streams until the rest fits', async () => {
    await using rig = await openRig();
    await record(rig, 4);
    await record(rig, 2, 'other', 1000);
    const each = (await sizes(rig))[0]!;
    goTo(rig, MARK + 10 * WINDOW);
    const streams = () => [
      { streamId: 's', keepMs: 1e12 },
      { streamId: 'other', keepMs: 1e12 },
    ];
    const room = watch(rig, { streams, maxDisk: 7 * each });
    await room.retention.pass();
    assert.deepEqual(
      [await msnsOf(rig), await msnsOf(rig, 'other')],
      [
        [1, 3, 5, 7],
        [1000, 1002],
      ],
    );
    const seen = watch(rig, { streams, maxDisk: 3 * each + each / 2 });
    await seen.retention.pass();
    assert.deepEqual([await msnsOf(rig), await msnsOf(rig, 'other')], [[5, 7], [1002]]);
  });

  test('counts the streams of other processes, which delete their own when it is the oldest', async () => {
    await using rig = await openRig();
    await record(rig, 4);
    const [each] = await sizes(rig);
    goTo(rig, MARK + 10 * WINDOW);
    const one = watch(rig, {
      streams: () => [{ streamId: 's', keepMs: 1e12 }],
      elsewhere: async () => ['other'],
      maxDisk: 4 * each! + each! / 2,
    });
    await one.retention.pass();
    assert.deepEqual(await msnsOf(rig), [1, 3, 5, 7]);
    await record(rig, 2, 'other', 1000); // as old as the two oldest
    await one.retention.pass();
    const two = watch(rig, {
      streams: () => [{ streamId: 'other', keepMs: 1e12 }],
      elsewhere: async () => ['s'],
      maxDisk: 4 * each! + each! / 2,
    });
    assert.deepEqual(
      [await msnsOf(rig), await msnsOf(rig, 'other')],
      [
        [3, 5, 7],
        [1000, 1002],
      ],
    );
    await two.retention.pass();
    assert.deepEqual([await msnsOf(rig), await msnsOf(rig, 'other')], [[3, 5, 7], [1002]]);
    assert.deepEqual([...one.failures, ...two.failures], []);
  });

  test('counts open files, and keeps windows that still grow', async () => {
    await using rig = await openRig();
    await record(rig, 2);
    const [each] = await sizes(rig);
    goTo(rig, MARK + WINDOW + 599 * SECOND);
    const seen = watch(rig, { maxDisk: each! * 2, openBytes: () => 1 });
    await seen.retention.pass();
    assert.deepEqual(await msnsOf(rig), [3]);
    assert.deepEqual(seen.deletedBefore, [['s', MARK + WINDOW]]);
    const tight = watch(rig, { maxDisk: 0 });
    await tight.retention.pass();
    assert.deepEqual(await msnsOf(rig), [3], 'this window is not over');
    goTo(rig, MARK + 2 * WINDOW);
    await tight.retention.pass();
    assert.deepEqual(await msnsOf(rig), []);
  });
});

suiteOnEngines('retention while the clock is wrong', (openRig) => {
  test('deletes nothing by age for an hour after a large step, and continues then', async () => {
    await using rig = await openRig();
    await record(rig, 3);
    goTo(rig, MARK + 30 * MINUTE);
    const seen = watch(rig);
    await seen.retention.pass();
    rig.clock.step(365 * 24 * 3600_000);
    await seen.retention.pass();
    rig.clock.advance(59 * 60_000);
    await seen.retention.pass();
    assert.deepEqual(await msnsOf(rig), [1, 3, 5]);
    assert.deepEqual(seen.deletedBefore, []);
    rig.clock.advance(60_000);
    await seen.retention.pass();
    assert.deepEqual(await msnsOf(rig), []);
  });

  test('deletes nothing at a start with a clock far from the newest recording, not even files without an index row', async () => {
    await using rig = await openRig();
    await record(rig, 3);
    await rig.table.remove('s', [1]);
    goTo(rig, MARK + 1000 * WINDOW);
    const horizons = new Horizons({ clock: rig.clock, lastSeenMs: (MARK + 3 * WINDOW) / 1000 });
    await watch(rig, { horizons }).retention.pass();
    assert.deepEqual(await msnsOf(rig), [3, 5]);
    assert.equal((await rig.files()).length, 3);
  });

  for (const [way, stepMs] of [
    ['forward', 48 * 3600_000],
    ['back', -48 * 3600_000],
  ] as const) {
    test(`still keeps within maxDisk after a step ${way}, except for the window that is being written`, async () => {
      await using rig = await openRig();
      await record(rig, 4);
      const each = (await rig.table.totals('s')).bytes / 4;
      goTo(rig, MARK + 4 * WINDOW - SECOND);
      const open = () => ({ msn: 9, startUs: MARK + 3 * WINDOW + 599 * SECOND });
      const streams = () => [{ streamId: 's', keepMs: 1e12 }];
      const seen = watch(rig, { maxDisk: 1.5 * each, open, streams });
      rig.clock.step(stepMs);
      await seen.retention.pass();
      assert.deepEqual(await msnsOf(rig), [7]);
      const none = watch(rig, { maxDisk: 0, open, streams });
      await none.retention.pass();
      assert.deepEqual(await msnsOf(rig), [7]);
    });
  }
});

suiteOnEngines('a file that is being written, or is in the index', (openRig) => {
  test('keeps its window under maxDisk, although the clock is in the next one', async () => {
    await using rig = await openRig();
    await record(rig, 2);
    goTo(rig, MARK + 2 * WINDOW + SECOND);
    const open = () => ({ msn: 9, startUs: MARK + WINDOW });
    const seen = watch(rig, { maxDisk: 0, open });
    await seen.retention.pass();
    assert.deepEqual(await msnsOf(rig), [3]);
    assert.deepEqual(seen.deletedBefore, [['s', MARK + WINDOW]]);
  });

  test('is never deleted by the search for files without an index row', async () => {
    await using rig = await openRig();
    await record(rig, 2);
    // As a pass leaves it that deleted a window in which a file was still being written.
    await rig.store.db
      .insertInto('retention')
      .values({ stream_id: 's', deleted_before_us: MARK + 2 * WINDOW })
      .execute();
    goTo(rig, MARK + 2 * WINDOW + SECOND);
    await watch(rig, { maxDisk: 1e12 }).retention.pass();
    assert.equal((await rig.files()).length, 2, 'indexed files');
    await rig.table.remove('s', [3]);
    await watch(rig, { maxDisk: 1e12, open: () => ({ msn: 3, startUs: MARK + WINDOW }) }).retention.pass();
    assert.equal((await rig.files()).length, 2, 'the open file');
    await watch(rig, { maxDisk: 1e12 }).retention.pass();
    assert.equal((await rig.files()).length, 1, 'a file without an index row');
  });
});

suiteOnEngines('a pinned window', (openRig) => {
  const pin = (first: number, windows = 1) => ({
    fromUs: MARK + first * WINDOW,
    toUs: MARK + (first + windows) * WINDOW,
  });

  test('is kept when everything around it is old, and deleted in the first pass after it is unpinned', async () => {
    await using rig = await openRig();
    await record(rig, 5);
    let ranges = [pin(1), pin(3)];
    const seen = watch(rig, { pinned: (streamId) => (streamId === 's' ? ranges : []) });
    goTo(rig, MARK + 100 * WINDOW);
    await seen.retention.pass();
    assert.deepEqual(await msnsOf(rig), [3, 7]);
    assert.equal(await rig.table.deletedBefore('s'), MARK + 94 * WINDOW);
    rig.clock.advance(60_000);
    await seen.retention.pass();
    assert.equal((await rig.files()).length, 2);
    ranges = [pin(3)];
    await seen.retention.pass();
    assert.deepEqual(await msnsOf(rig), [7]);
    assert.deepEqual(seen.failures, []);
  });

  test('is kept under maxDisk: the oldest window that is not pinned is deleted, and nothing if there is none', async () => {
    await using rig = await openRig();
    await record(rig, 4);
    goTo(rig, MARK + 10 * WINDOW);
    const streams = () => [{ streamId: 's', keepMs: 1e12 }];
    const each = (await rig.table.totals('s')).bytes / 4;
    const tight = watch(rig, { streams, maxDisk: each * 3.5, pinned: () => [pin(0), pin(2)] });
    await tight.retention.pass();
    assert.deepEqual(await msnsOf(rig), [1, 5, 7]);
    await watch(rig, { streams, maxDisk: 0, pinned: () => [pin(0), pin(2)] }).retention.pass();
    assert.deepEqual(await msnsOf(rig), [1, 5]);
  });

  test('is taken under maxDisk only when nothing else can be, the oldest first, if it is not pinned for good', async () => {
    await using rig = await openRig();
    await record(rig, 4);
    goTo(rig, MARK + 10 * WINDOW);
    const each = (await rig.table.totals('s')).bytes / 4;
    const given: unknown[] = [];
    let soft = [pin(1), pin(3)];
    const options = {
      streams: () => [{ streamId: 's', keepMs: 1e12 }],
      pinned: () => [pin(0), ...soft],
      pinnedForGood: () => [pin(0)],
      async giveUp(streamId: string, { fromUs, toUs }: ReturnType<typeof pin>) {
        given.push([streamId, (fromUs - MARK) / WINDOW, (toUs - fromUs) / WINDOW]);
        soft = soft.filter((one) => one.fromUs !== fromUs);
      },
    };
    const pass = async (windows: number) => {
      const seen = watch(rig, { ...options, maxDisk: each * windows });
      await seen.retention.pass();
      assert.deepEqual(seen.failures, []);
      return msnsOf(rig);
    };
    assert.deepEqual([await pass(3.5), given], [[1, 3, 7], []], 'the window that nothing pins goes first');
    assert.deepEqual([await pass(2.5), given], [[1, 7], [['s', 1, 1]]]);
    assert.deepEqual(await pass(0), [1], 'what is pinned for good stays');
    assert.deepEqual(given.slice(1), [['s', 3, 1]]);
  });

  test('stays under maxDisk if what pins it does not give it up', async () => {
    await using rig = await openRig();
    await record(rig, 1);
    goTo(rig, MARK + 10 * WINDOW);
    const stubborn = { pinned: () => [pin(0)], pinnedForGood: () => [], giveUp: async () => undefined };
    await watch(rig, { streams: () => [{ streamId: 's', keepMs: 1e12 }], maxDisk: 0, ...stubborn }).retention.pass();
    assert.deepEqual(await msnsOf(rig), [1]);
  });

  test('is kept if it is pinned during the query for old files', async () => {
    await using rig = await openRig();
    await record(rig, 3);
    let ranges: ReturnType<typeof pin>[] = [];
    const chunks = Object.assign(new ChunkQueries(rig.store.rows), {
      async startedBetween(...args: Parameters<ChunkQueries['startedBetween']>) {
        const rows = await rig.chunks.startedBetween(...args);
        ranges = [pin(1)];
        return rows;
      },
    });
    goTo(rig, MARK + 100 * WINDOW);
    await watch(rig, { chunks, pinned: () => ranges }).retention.pass();
    assert.deepEqual(await msnsOf(rig), [3]);
  });

  test('is kept by the search for files without an index row, also after a crash', async () => {
    await using rig = await openRig();
    await record(rig, 3);
    await rig.table.remove('s', [1, 3, 5]);
    goTo(rig, MARK + 100 * WINDOW);
    await watch(rig, { pinned: () => [pin(1)] }).retention.pass();
    const [left, ...others] = await rig.files();
    assert.ok(left?.endsWith('-3.mp4'), left);
    assert.deepEqual(others, []);
  });
});

suiteOnEngines('files that the last process did not delete in time', (openRig) => {
  test('are deleted at the start if they are older than the horizon, and nothing else is', async () => {
    await using rig = await openRig();
    await record(rig, 3);
    await rig.table.clear('s');
    const [name] = await rig.files();
    const holiday = segmentLocation(`recordings/s/${path.posix.dirname(name!)}/holiday.mp4`);
    await rig.segments.put(holiday, Buffer.from('mine'));
    goTo(rig, MARK + 2 * WINDOW + 60 * MINUTE);
    const seen = watch(rig);
    await seen.retention.pass();
    assert.deepEqual(seen.deleted, [[2, 0]]);
    assert.equal((await rig.files()).filter((file) => !file.endsWith('holiday.mp4')).length, 1);
    assert.equal(await rig.segments.size(holiday), 4);
  });

  test('are deleted under maxDisk if they are older than the whole index, and kept without maxDisk', async () => {
    await using rig = await openRig();
    await record(rig, 3);
    await rig.table.remove('s', [1]);
    goTo(rig, MARK + 4 * WINDOW);
    await watch(rig).retention.pass();
    assert.equal((await rig.files()).length, 3);
    await watch(rig, { maxDisk: 1e12 }).retention.pass();
    assert.equal((await rig.files()).length, 2);
    assert.deepEqual(await msnsOf(rig), [3, 5]);
  });

  test('are searched again after an hour, except files in their grace period', async () => {
    await using rig = await openRig();
    await record(rig, 3);
    const seen = watch(rig);
    goTo(rig, MARK + WINDOW + 60 * MINUTE);
    await seen.retention.pass();
    assert.equal((await rig.files()).length, 3);
    await rig.table.clear('s');
    rig.clock.advance(3_500_000);
    await seen.retention.pass();
    assert.equal((await rig.files()).length, 2, 'the one in its grace period');
    rig.clock.advance(100_000);
    await seen.retention.pass();
    assert.deepEqual(await rig.files(), []);
  });
});

test('runs until it is stopped', async () => {
  await using rig = await openRig();
  await record(rig, 1);
  goTo(rig, MARK + 100 * WINDOW);
  const controller = new AbortController();
  const deleted = Promise.withResolvers<void>();
  const { options } = watch(rig, { onDeletedBefore: () => deleted.resolve() });
  const done = runRetention(options, { signal: controller.signal });
  await deleted.promise;
  controller.abort();
  await done;
});
