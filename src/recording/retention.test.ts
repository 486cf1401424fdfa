import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { segmentLocation } from '../archive/segment-store.ts';
import { ChunkTable } from './chunk-table.ts';
import { Horizons } from './horizons.ts';
import { Recorded } from './recorded.ts';
import { Recorder } from './recorder.ts';
import { groupsFrom, openHouse, type RecordingHouse, suiteOnEngines } from './recording.fixture.ts';
import { Retention, type RetentionOptions, runRetention } from './retention.ts';
import { horizonUs, windowOf } from './window.ts';

const SECOND = 1_000_000;
const MINUTE = 60 * SECOND;
const WINDOW = 600 * SECOND;
/** A ten-minute mark. */
const MARK = 1_795_000_200_000_000;

interface Watch {
  readonly retention: Retention;
  readonly options: RetentionOptions;
  readonly deleted: [files: number, bytes: number][];
  readonly forgot: [streamId: string, us: number][];
  readonly released: string[];
  readonly failures: unknown[];
}

function watch(
  house: RecordingHouse,
  { maxDisk, ...change }: Partial<RetentionOptions> & { readonly maxDisk?: number } = {},
): Watch {
  const deleted: Watch['deleted'] = [];
  const forgot: Watch['forgot'] = [];
  const released: string[] = [];
  const failures: unknown[] = [];
  const { segments, table, clock } = house;
  const options: RetentionOptions = {
    ...{ segments, table, clock, horizons: new Horizons({ clock }) },
    settings: { now: { record: { maxDisk } } },
    streams: () => [{ streamId: 's', keepMs: 3600_000 }],
    forgot: (streamId, us) => forgot.push([streamId, us]),
    release: (file) => released.push(file),
    deleted: (files, bytes) => deleted.push([files, bytes]),
    failed: (error) => failures.push(error),
    ...change,
  };
  return { retention: new Retention(options), options, deleted, forgot, released, failures };
}

/** Records a file of two groups in each window, the last group over the window's end, and seals. */
async function record(house: RecordingHouse, windows: number, streamId = 's', firstMsn = 1): Promise<void> {
  const { table, segments } = house;
  const recorded = new Recorded({ streamId, table, endUs: 0 });
  const counters = { committed() {}, lost: assert.fail, trouble: assert.fail, bug: assert.fail, slow() {} };
  await using recorder = new Recorder({
    ...{ recorded, table, segments, counters, clock: house.clock, previousMsn: 0, sync: 'off' },
    ...{ onCommitted() {}, mayWrite: () => true },
  });
  for (let i = 0; i < windows; i++) {
    const plan = { msn: firstMsn + i * 2, startUs: MARK + i * WINDOW + 597 * SECOND, run: i + 1 };
    for (const group of groupsFrom(plan, 2)) recorder.write(group);
  }
}

/** Sets the clock to `us`. */
function goTo(house: RecordingHouse, us: number): void {
  house.clock.advance(us / 1000 - house.clock.nowMs());
}

const msnsOf = async (house: RecordingHouse, streamId = 's') =>
  (await house.table.between(streamId, 0, Number.MAX_SAFE_INTEGER)).map((row) => row.first_msn);

suiteOnEngines('retention by age (docs/media.md 16)', (openHouse) => {
  test('the horizon is a ten-minute mark', () => {
    assert.equal(windowOf(MARK), MARK);
    assert.equal(horizonUs((MARK + 9 * MINUTE) / 1000, 0), MARK);
    assert.equal(horizonUs((MARK + 9 * MINUTE) / 1000, 540_000), MARK);
    assert.equal(horizonUs((MARK + 9 * MINUTE) / 1000, 540_001), MARK - WINDOW);
  });

  test('takes whole windows out of the index first, and the bytes a minute later', async () => {
    await using house = await openHouse();
    await record(house, 3);
    const seen = watch(house);
    goTo(house, MARK + WINDOW + 60 * MINUTE - 1);
    await seen.retention.pass();
    assert.deepEqual(await msnsOf(house), [1, 3, 5]);
    goTo(house, MARK + WINDOW + 60 * MINUTE);
    await seen.retention.pass();
    // The window's last segment ends after the mark, but goes with the window that it starts in.
    assert.deepEqual(await msnsOf(house), [3, 5]);
    assert.deepEqual(seen.forgot, [['s', MARK + WINDOW]]);
    assert.equal((await house.files()).length, 3);
    house.clock.advance(59_999);
    await seen.retention.pass();
    assert.equal((await house.files()).length, 3);
    assert.deepEqual(seen.released, []);
    house.clock.advance(1);
    await seen.retention.pass();
    assert.equal((await house.files()).length, 2);
    assert.equal(new Set(seen.released).size, 1);
    assert.equal(seen.deleted.length, 1);
    assert.equal(seen.deleted[0]![0], 1);
    assert.ok(seen.deleted[0]![1] > 1000);
    assert.deepEqual(seen.failures, []);
  });

  test('removes the folders of hours, days, months and years with their last file', async () => {
    await using house = await openHouse();
    await record(house, 2);
    const seen = watch(house);
    goTo(house, MARK + 30 * 24 * 60 * MINUTE);
    await seen.retention.pass();
    house.clock.advance(60_000);
    await seen.retention.pass();
    assert.equal(existsSync(path.join(house.folder, 'recordings', 's')), false);
  });

  test('goes through hundreds of files in one pass', async () => {
    await using house = await openHouse();
    await record(house, 1);
    const row = (await house.table.holding('s', 1))!;
    for (let i = 0; i < 600; i++) await house.table.put({ ...row, first_msn: 100 + i, last_msn: 100 + i });
    goTo(house, MARK + 100 * WINDOW);
    await watch(house).retention.pass();
    assert.deepEqual(await msnsOf(house), []);
  });

  test('of each stream is its own, and one that fails does not keep the others from theirs', async () => {
    await using house = await openHouse();
    await record(house, 2, 'a');
    await record(house, 2, 'b');
    const broken = Object.assign(new ChunkTable(house.store.db), {
      startedBetween: (...args: Parameters<ChunkTable['startedBetween']>) =>
        args[0] === 'bad' ? Promise.reject(new Error('no')) : house.table.startedBetween(...args),
    });
    const seen = watch(house, {
      table: broken,
      streams: () => [
        { streamId: 'bad', keepMs: 0 },
        { streamId: 'a', keepMs: 60_000 },
        { streamId: 'b', keepMs: 3600_000 },
      ],
    });
    goTo(house, MARK + 2 * WINDOW + MINUTE);
    await seen.retention.pass();
    assert.deepEqual([await msnsOf(house, 'a'), await msnsOf(house, 'b')], [[], [1, 3]]);
    assert.equal(seen.failures.length, 1);
  });

  test('tries again what could not be deleted', async () => {
    await using house = await openHouse();
    await record(house, 1);
    const remove = house.segments.delete;
    house.segments.delete = () => Promise.reject(new Error('EBUSY'));
    const seen = watch(house);
    goTo(house, MARK + 100 * WINDOW);
    await seen.retention.pass();
    house.clock.advance(60_000);
    await seen.retention.pass();
    assert.equal(seen.failures.length, 1);
    house.segments.delete = remove;
    await seen.retention.pass();
    assert.deepEqual(await house.files(), []);
    assert.deepEqual(seen.deleted.length, 1);
  });
});

suiteOnEngines('retention by size', (openHouse) => {
  const sizes = async (house: RecordingHouse) =>
    (await house.table.between('s', 0, Number.MAX_SAFE_INTEGER)).map((row) => row.size);

  test('deletes the oldest windows of whichever stream until the rest fits', async () => {
    await using house = await openHouse();
    await record(house, 4);
    await record(house, 2, 'other', 1000);
    const each = (await sizes(house))[0]!;
    goTo(house, MARK + 10 * WINDOW);
    const streams = () => [
      { streamId: 's', keepMs: 1e12 },
      { streamId: 'other', keepMs: 1e12 },
    ];
    const room = watch(house, { streams, maxDisk: 7 * each });
    await room.retention.pass();
    assert.deepEqual(
      [await msnsOf(house), await msnsOf(house, 'other')],
      [
        [1, 3, 5, 7],
        [1000, 1002],
      ],
    );
    const seen = watch(house, { streams, maxDisk: 3 * each + each / 2 });
    await seen.retention.pass();
    assert.deepEqual([await msnsOf(house), await msnsOf(house, 'other')], [[5, 7], [1002]]);
  });

  test('counts files that are being written, and leaves windows that still grow alone', async () => {
    await using house = await openHouse();
    await record(house, 2);
    const [each] = await sizes(house);
    goTo(house, MARK + WINDOW + 599 * SECOND);
    const seen = watch(house, { maxDisk: each! * 2, openBytes: () => 1 });
    await seen.retention.pass();
    assert.deepEqual(await msnsOf(house), [3]);
    assert.deepEqual(seen.forgot, [['s', MARK + WINDOW]]);
    const tight = watch(house, { maxDisk: 0 });
    await tight.retention.pass();
    assert.deepEqual(await msnsOf(house), [3], 'this window is not over');
    goTo(house, MARK + 2 * WINDOW);
    await tight.retention.pass();
    assert.deepEqual(await msnsOf(house), []);
  });
});

suiteOnEngines('retention while the clock is wrong', (openHouse) => {
  test('takes nothing by age for an hour after a large step, and goes on then', async () => {
    await using house = await openHouse();
    await record(house, 3);
    goTo(house, MARK + 30 * MINUTE);
    const seen = watch(house);
    await seen.retention.pass();
    house.clock.step(365 * 24 * 3600_000);
    await seen.retention.pass();
    house.clock.advance(59 * 60_000);
    await seen.retention.pass();
    assert.deepEqual(await msnsOf(house), [1, 3, 5]);
    assert.deepEqual(seen.forgot, []);
    house.clock.advance(60_000);
    await seen.retention.pass();
    assert.deepEqual(await msnsOf(house), []);
  });

  test('takes nothing at a start at which the clock is far from the newest recording, also not what no index knows', async () => {
    await using house = await openHouse();
    await record(house, 3);
    await house.table.remove('s', [1]);
    goTo(house, MARK + 1000 * WINDOW);
    const horizons = new Horizons({ clock: house.clock, lastSeenMs: (MARK + 3 * WINDOW) / 1000 });
    await watch(house, { horizons }).retention.pass();
    assert.deepEqual(await msnsOf(house), [3, 5]);
    assert.equal((await house.files()).length, 3);
  });

  for (const [way, stepMs] of [
    ['forward', 48 * 3600_000],
    ['back', -48 * 3600_000],
  ] as const) {
    test(`still keeps within maxDisk after a step ${way}, but for the window that is being written`, async () => {
      await using house = await openHouse();
      await record(house, 4);
      const each = (await house.table.totals('s')).bytes / 4;
      goTo(house, MARK + 4 * WINDOW - SECOND);
      const open = () => ({ msn: 9, startUs: MARK + 3 * WINDOW + 599 * SECOND });
      const streams = () => [{ streamId: 's', keepMs: 1e12 }];
      const seen = watch(house, { maxDisk: 1.5 * each, open, streams });
      house.clock.step(stepMs);
      await seen.retention.pass();
      assert.deepEqual(await msnsOf(house), [7]);
      const none = watch(house, { maxDisk: 0, open, streams });
      await none.retention.pass();
      assert.deepEqual(await msnsOf(house), [7]);
    });
  }
});

suiteOnEngines('a file that is being written, or is in the index', (openHouse) => {
  test('keeps its window where room is short, though the clock is in the next one', async () => {
    await using house = await openHouse();
    await record(house, 2);
    goTo(house, MARK + 2 * WINDOW + SECOND);
    const open = () => ({ msn: 9, startUs: MARK + WINDOW });
    const seen = watch(house, { maxDisk: 0, open });
    await seen.retention.pass();
    assert.deepEqual(await msnsOf(house), [3]);
    assert.deepEqual(seen.forgot, [['s', MARK + WINDOW]]);
  });

  test('is never deleted by the search for files that no index knows', async () => {
    await using house = await openHouse();
    await record(house, 2);
    // As a pass leaves it that forgot a window in which a file was still being written.
    await house.store.db
      .insertInto('retention')
      .values({ stream_id: 's', gone_before_us: MARK + 2 * WINDOW })
      .execute();
    goTo(house, MARK + 2 * WINDOW + SECOND);
    await watch(house, { maxDisk: 1e12 }).retention.pass();
    assert.equal((await house.files()).length, 2, 'those in the index');
    await house.table.remove('s', [3]);
    await watch(house, { maxDisk: 1e12, open: () => ({ msn: 3, startUs: MARK + WINDOW }) }).retention.pass();
    assert.equal((await house.files()).length, 2, 'that being written');
    await watch(house, { maxDisk: 1e12 }).retention.pass();
    assert.equal((await house.files()).length, 1, 'what nobody knows');
  });
});

suiteOnEngines('what is pinned', (openHouse) => {
  const pin = (first: number, windows = 1) => ({
    fromUs: MARK + first * WINDOW,
    toUs: MARK + (first + windows) * WINDOW,
  });

  test('stays when all around it is old, and goes at the next pass when it is pinned no more', async () => {
    await using house = await openHouse();
    await record(house, 5);
    let ranges = [pin(1), pin(3)];
    const seen = watch(house, { pinned: (streamId) => (streamId === 's' ? ranges : []) });
    goTo(house, MARK + 100 * WINDOW);
    await seen.retention.pass();
    assert.deepEqual(await msnsOf(house), [3, 7]);
    assert.equal(await house.table.goneBefore('s'), MARK + 94 * WINDOW);
    house.clock.advance(60_000);
    await seen.retention.pass();
    assert.equal((await house.files()).length, 2);
    ranges = [pin(3)];
    await seen.retention.pass();
    assert.deepEqual(await msnsOf(house), [7]);
    assert.deepEqual(seen.failures, []);
  });

  test('stays where room is short: the next older that is not pinned goes, and if there is none nothing does', async () => {
    await using house = await openHouse();
    await record(house, 4);
    goTo(house, MARK + 10 * WINDOW);
    const streams = () => [{ streamId: 's', keepMs: 1e12 }];
    const each = (await house.table.totals('s')).bytes / 4;
    const tight = watch(house, { streams, maxDisk: each * 3.5, pinned: () => [pin(0), pin(2)] });
    await tight.retention.pass();
    assert.deepEqual(await msnsOf(house), [1, 5, 7]);
    await watch(house, { streams, maxDisk: 0, pinned: () => [pin(0), pin(2)] }).retention.pass();
    assert.deepEqual(await msnsOf(house), [1, 5]);
  });

  test('stays when it is pinned while the index is asked what is old', async () => {
    await using house = await openHouse();
    await record(house, 3);
    let ranges: ReturnType<typeof pin>[] = [];
    const table = Object.assign(new ChunkTable(house.store.db), {
      async startedBetween(...args: Parameters<ChunkTable['startedBetween']>) {
        const rows = await house.table.startedBetween(...args);
        ranges = [pin(1)];
        return rows;
      },
    });
    goTo(house, MARK + 100 * WINDOW);
    await watch(house, { table, pinned: () => ranges }).retention.pass();
    assert.deepEqual(await msnsOf(house), [3]);
  });

  test('is left alone by the search for files that no index knows, also after a process that was killed', async () => {
    await using house = await openHouse();
    await record(house, 3);
    await house.table.remove('s', [1, 3, 5]);
    goTo(house, MARK + 100 * WINDOW);
    await watch(house, { pinned: () => [pin(1)] }).retention.pass();
    const [left, ...others] = await house.files();
    assert.ok(left?.endsWith('-3.mp4'), left);
    assert.deepEqual(others, []);
  });
});

suiteOnEngines('bytes that the last process did not come to delete', (openHouse) => {
  test('go at the start: what is older than the horizon, and nothing else', async () => {
    await using house = await openHouse();
    await record(house, 3);
    await house.table.clear('s');
    const [name] = await house.files();
    const holiday = segmentLocation(`recordings/s/${path.posix.dirname(name!)}/holiday.mp4`);
    await house.segments.put(holiday, Buffer.from('mine'));
    goTo(house, MARK + 2 * WINDOW + 60 * MINUTE);
    const seen = watch(house);
    await seen.retention.pass();
    assert.deepEqual(seen.deleted, [[2, 0]]);
    assert.equal((await house.files()).filter((file) => !file.endsWith('holiday.mp4')).length, 1);
    assert.equal(await house.segments.size(holiday), 4);
  });

  test('go where room is bounded if they are older than all that the index has, and not where it is not', async () => {
    await using house = await openHouse();
    await record(house, 3);
    await house.table.remove('s', [1]);
    goTo(house, MARK + 4 * WINDOW);
    await watch(house).retention.pass();
    assert.equal((await house.files()).length, 3);
    await watch(house, { maxDisk: 1e12 }).retention.pass();
    assert.equal((await house.files()).length, 2);
    assert.deepEqual(await msnsOf(house), [3, 5]);
  });

  test('are looked for again after an hour, and what waits for its minute is not one of them', async () => {
    await using house = await openHouse();
    await record(house, 3);
    const seen = watch(house);
    goTo(house, MARK + WINDOW + 60 * MINUTE);
    await seen.retention.pass();
    assert.equal((await house.files()).length, 3);
    await house.table.clear('s');
    house.clock.advance(3_500_000);
    await seen.retention.pass();
    assert.equal((await house.files()).length, 2, 'the one that waited');
    house.clock.advance(100_000);
    await seen.retention.pass();
    assert.deepEqual(await house.files(), []);
  });
});

test('runs until it is stopped', async () => {
  await using house = await openHouse();
  await record(house, 1);
  goTo(house, MARK + 100 * WINDOW);
  const controller = new AbortController();
  const forgotten = Promise.withResolvers<void>();
  const { options } = watch(house, { forgot: () => forgotten.resolve() });
  const done = runRetention(options, { signal: controller.signal });
  await forgotten.promise;
  controller.abort();
  await done;
});
