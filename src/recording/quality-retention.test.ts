import assert from 'node:assert/strict';
import { test } from 'node:test';
import { segmentPrefix } from '../archive/segment-store.ts';
import { suiteOnEngines } from './recording.fixture.ts';
import { goTo, MARK, MINUTE, msnsOf, record, WINDOW, watch } from './retention.fixture.ts';

suiteOnEngines('retention of derived qualities (docs/media.md 16)', (openRig) => {
  test('they go with the windows of their stream: by age, by size, and never while these are pinned', async () => {
    await using rig = await openRig();
    await record(rig, 5);
    await record(rig, 5, 's/q-180');
    const both = async () => [await msnsOf(rig), await msnsOf(rig, 's/q-180')];
    const pinned = (id: string) =>
      id === 's' ? [{ fromUs: MARK + 2 * WINDOW, toUs: MARK + 3 * WINDOW }] : assert.fail(`pins of ${id}`);
    const byAge = watch(rig, { pinned });
    goTo(rig, MARK + WINDOW + 60 * MINUTE);
    await byAge.retention.pass();
    assert.deepEqual(await both(), [
      [3, 5, 7, 9],
      [3, 5, 7, 9],
    ]);
    assert.deepEqual(byAge.deletedBefore, [['s', MARK + WINDOW]]);
    const { bytes } = await rig.table.totals('s');
    const bySize = watch(rig, { pinned, maxDisk: bytes - 1 });
    await bySize.retention.pass();
    assert.deepEqual(await both(), [
      [5, 7, 9],
      [5, 7, 9],
    ]);
    const again = watch(rig, { pinned, maxDisk: 1 });
    await again.retention.pass();
    assert.deepEqual(await both(), [[5], [5]]);
    // What came into the index of a quality later.
    await record(rig, 1, 's/q-90');
    await again.retention.pass();
    assert.deepEqual(await msnsOf(rig, 's/q-90'), []);
    for (const one of [byAge, bySize, again]) assert.deepEqual(one.failures, []);
  });

  test('files of theirs without a row in the index are deleted as those of the stream', async () => {
    await using rig = await openRig();
    await record(rig, 3);
    await record(rig, 3, 's/q-180');
    await rig.table.remove('s/q-180', [1]);
    const seen = watch(rig);
    goTo(rig, MARK + WINDOW + 60 * MINUTE);
    await seen.retention.pass();
    const left = await Array.fromAsync(rig.segments.list(segmentPrefix('recordings/s/q-180')));
    assert.equal(left.length, 2);
    assert.deepEqual(seen.failures, []);
  });
});
