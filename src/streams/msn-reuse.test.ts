import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { suite, test } from 'node:test';
import { MSN_MARKS_FILE } from '../store/file-names.ts';
import { LOST_MARKS_MSNS } from '../store/msn-marks.ts';
import { openStreams, START_MS, type StreamsRig, temporaryFolder } from './streams.fixture.ts';

const testSource = { source: { type: 'test' } } as const;
const pull = { source: { type: 'pull', url: 'http://127.0.0.1:9/live.m3u8' } } as const;
const config = { hls: { partDuration: 200, segmentDuration: 1000, window: 60_000 } } as never;

/** Publishes hundreds of segments at one time of the clock. @returns every announced MSN */
function race(rig: StreamsRig, segments = 300): Set<number> {
  const announced = new Set<number>();
  const { list } = rig.catalog.get('door').served;
  const listening = list.changes.subscribe(() => {
    for (const { msn } of list.segments) announced.add(msn);
  });
  rig.source('door').race(segments);
  listening();
  assert.ok(announced.size >= segments - 5, `${announced.size} segments were announced`);
  return announced;
}

function assertNoneTwice(before: Set<number>, after: Set<number>): void {
  const twice = [...after].filter((msn) => before.has(msn));
  assert.deepEqual(twice, [], 'used twice');
  assert.ok(Math.min(...after) > Math.max(...before));
}

suite('no MSN is used twice, even with hundreds of segments per second (docs/media.md 14)', () => {
  for (const record of [true, false]) {
    test(`when its stream is deleted and created again, record: ${record}`, async () => {
      await using folder = await temporaryFolder();
      await using rig = await openStreams({ folder: folder.path, config });
      await rig.api.create('door', { ...testSource, record });
      const before = race(rig);
      await rig.settle();
      await rig.api.remove('door', { recordings: 'delete' });
      await rig.api.create('door', { ...testSource, record });
      assertNoneTwice(before, race(rig));
    });

    test(`when oxbow is killed, record: ${record}`, async () => {
      await using folder = await temporaryFolder();
      await using rig = await openStreams({ folder: folder.path, config });
      await rig.api.create('door', { ...testSource, record });
      // Killed before anything of it is on the disk but the marks, which were there before the first segment.
      await using left = await rig.crash();
      const before = race(rig);
      await using again = await openStreams({ folder: left.path, config, nowMs: START_MS + 1000 });
      assertNoneTwice(before, race(again));
    });
  }

  test('when it is not recorded and gets another source', async () => {
    await using folder = await temporaryFolder();
    await using rig = await openStreams({ folder: folder.path, config });
    await rig.api.create('door', { ...testSource, record: false });
    const before = race(rig);
    await rig.api.replace('door', { ...pull, record: false });
    assertNoneTwice(before, race(rig));
  });

  test('when the database is lost or older, because the marks are in a file of their own', async () => {
    await using folder = await temporaryFolder();
    let before: Set<number>;
    {
      await using rig = await openStreams({ folder: folder.path, config });
      await rig.api.create('door', { ...testSource, record: false });
      before = race(rig);
    }
    for (const suffix of ['', '-wal', '-shm']) await rm(path.join(folder.path, `oxbow.db${suffix}`), { force: true });
    await using rig = await openStreams({ folder: folder.path, config });
    await rig.api.create('door', { ...testSource, record: false });
    assertNoneTwice(before, race(rig));
  });

  test('when the file of marks is lost: MSNs skip far ahead, once', async () => {
    await using folder = await temporaryFolder();
    let before: Set<number>;
    {
      await using rig = await openStreams({ folder: folder.path, config });
      await rig.api.create('door', { ...testSource, record: false });
      before = race(rig);
    }
    await rm(path.join(folder.path, MSN_MARKS_FILE));
    let after: Set<number>;
    {
      await using rig = await openStreams({ folder: folder.path, config });
      after = race(rig);
      assertNoneTwice(before, after);
      assert.ok(rig.logged.some(({ level, msg }) => level === 'warn' && /numbers is missing/.test(msg)));
    }
    await using rig = await openStreams({ folder: folder.path, config });
    const last = race(rig);
    assertNoneTwice(after, last);
    assert.ok(Math.min(...last) - Math.max(...after) < LOST_MARKS_MSNS / 2, 'once');
  });
});
