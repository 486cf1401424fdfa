import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { openTimeZone } from '../../../api/local-time.ts';
import { createManualClock } from '../../../lib/clock.ts';
import type { Media } from '../playable.ts';
import { Plan } from './plan.ts';
import { type ChannelItem, Schedule } from './schedule.ts';
import type { FillRange } from './stretch.ts';

const START_MS = 1_795_000_200_000;
const media: Media = { async *pieces() {} };
const item = (id: string, kind: ChannelItem['kind'], fromS: number, seconds: number): ChannelItem => {
  const times = { startMs: START_MS + fromS * 1000, durationMs: seconds * 1000, mediaMs: 5000 };
  return { id, kind, ref: `${kind}-${id}`, title: id, weekly: false, ...times };
};
const range = (title: string, seconds: number): FillRange => ({
  title,
  fromUs: 0,
  toUs: seconds * 1e6,
  media: async () => media,
});

function openPlan(items: readonly ChannelItem[], fill: readonly FillRange[] = [range('hot', 60), range('warm', 30)]) {
  const clock = createManualClock(START_MS);
  const live = new Set<string>();
  const plan = new Plan(new Schedule(openTimeZone('UTC'), items), {
    clock,
    media: {
      open: async () => media,
      isLive: (id) => live.has(id),
      titleOf: (id) => id,
      fill: async () => fill,
    },
  });
  return { clock, live, plan };
}

suite('the plan of a channel', () => {
  test('an item is played from the position at which it is, until its end', async () => {
    const { plan } = openPlan([item('a', 'asset', 0, 100)]);
    const stretch = await plan.next(START_MS + 30_000);
    assert.deepEqual(
      [stretch.kind, stretch.toMs, stretch.positionUs(START_MS + 30_000)],
      ['item', START_MS + 100_000, 35_000_000],
    );
    assert.equal(plan.endOf(stretch, START_MS + 99_999), START_MS + 100_000);
    assert.equal(plan.endOf(stretch, START_MS + 100_000), undefined);
  });

  test('what failed is skipped with its reason, filled until its end, and tried again after a change', async () => {
    const { plan } = openPlan([item('a', 'asset', 0, 100)]);
    const stretch = await plan.next(START_MS);
    plan.failed(stretch, 'The asset was deleted.');
    assert.deepEqual(
      plan.skips.map(({ itemId, reason }) => [itemId, reason]),
      [['a', 'The asset was deleted.']],
    );
    const fill = await plan.next(START_MS + 1000);
    assert.deepEqual([fill.kind, fill.title, fill.why, fill.item?.id], ['fill', 'hot', 'The asset was deleted.', 'a']);
    assert.equal(fill.toMs, START_MS + 61_000, 'the range is over first');
    assert.equal((await plan.next(START_MS + 61_000)).title, 'warm');
    plan.replace(plan.schedule, undefined);
    assert.equal((await plan.next(START_MS + 2000)).kind, 'item');
  });

  test('media that cannot be read is tried again after longer and longer pauses, and noted once', async () => {
    const { plan, clock } = openPlan([item('a', 'asset', 0, 1000)]);
    const again = async () => (await plan.next(clock.nowMs())).kind === 'item';
    for (const pauseS of [5, 10, 20]) {
      const stretch = await plan.next(clock.nowMs());
      plan.failed(stretch, 'This part is damaged.', { mayReturn: true });
      clock.advance(pauseS * 1000 - 1);
      assert.ok(!(await again()), `not before ${pauseS} s`);
      clock.advance(1);
      assert.ok(await again(), `after ${pauseS} s`);
    }
    assert.equal(plan.skips.length, 1);
    const stretch = await plan.next(clock.nowMs());
    plan.started(stretch, clock.nowMs());
    plan.failed(stretch, 'This part is damaged.', { mayReturn: true });
    clock.advance(5000);
    assert.ok(await again(), 'what was played begins with the short pause');
  });

  test('an item that begins elsewhere in its media is another stretch, one that is longer is the same', async () => {
    const first = item('a', 'asset', 0, 100);
    const { plan } = openPlan([first]);
    const stretch = await plan.next(START_MS);
    const replace = (changed: ChannelItem) => plan.replace(new Schedule(openTimeZone('UTC'), [changed]), undefined);
    replace({ ...first, durationMs: 200_000 });
    assert.equal(plan.endOf(stretch, START_MS + 1000), START_MS + 200_000);
    replace({ ...first, mediaMs: 60_000 });
    assert.equal(plan.endOf(stretch, START_MS + 1000), undefined);
  });

  test('a live stream that is offline is filled, and shown once it is live', async () => {
    const { plan, live, clock } = openPlan([item('a', 'live', 0, 1000)]);
    plan.failed(await plan.next(START_MS), 'the stream is not live');
    const fill = await plan.next(START_MS + 100);
    assert.equal(fill.kind, 'fill');
    clock.advance(10_000);
    assert.ok(plan.endOf(fill, START_MS + 10_000) !== undefined, 'it is not live yet');
    live.add('live-a');
    assert.equal(plan.endOf(fill, START_MS + 10_000), undefined);
    assert.equal((await plan.next(START_MS + 10_000)).kind, 'item');
  });

  test('an interruption is first, and its end leads to the item at its second', async () => {
    const { plan } = openPlan([item('a', 'asset', 0, 100)]);
    const before = await plan.next(START_MS);
    plan.replace(plan.schedule, { streamId: 'cam', untilMs: START_MS + 50_000 });
    assert.equal(plan.endOf(before, START_MS + 1000), undefined);
    const now = await plan.next(START_MS + 1000);
    assert.deepEqual([now.kind, now.title, now.toMs], ['live', 'cam', START_MS + 50_000]);
    const after = await plan.next(START_MS + 50_000);
    assert.equal(after.positionUs(START_MS + 50_000), 55_000_000);
    plan.failed(now, 'the stream is not live');
    assert.equal((await plan.next(START_MS + 2000)).kind, 'item', 'the schedule while it sends nothing');
  });

  test('ranges that cannot be played are not tried without a pause', async () => {
    const { plan, clock } = openPlan([], [range('gone', 60)]);
    plan.failed(await plan.next(START_MS), '');
    assert.equal((await plan.next(START_MS + 1000)).kind, 'nothing');
    clock.advance(10_000);
    assert.equal((await plan.next(START_MS + 10_000)).kind, 'fill');
  });

  test('a part that was not recorded is listed with its reason, once for many gaps', async () => {
    const { plan, clock } = openPlan([item('a', 'recording', 0, 100)]);
    for (let gap = 0; gap < 3; gap++) {
      plan.missing(await plan.next(clock.nowMs()), clock.nowMs() + 5000);
      assert.equal((await plan.next(clock.nowMs())).kind, 'fill');
      clock.advance(5000);
    }
    assert.deepEqual(
      plan.skips.map(({ itemId, reason }) => [itemId, reason]),
      [['a', 'this part was not recorded']],
    );
  });

  test('the lines of what was skipped have a bound', async () => {
    const { plan } = openPlan(Array.from({ length: 200 }, (_, i) => item(`${i}`, 'asset', i * 10, 10)));
    for (let i = 0; i < 200; i++) plan.failed(await plan.next(START_MS + i * 10_000), 'no');
    assert.deepEqual([plan.skips.length, plan.skips[0]!.itemId], [50, '199']);
  });
});
