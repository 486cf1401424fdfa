import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { START_US } from '../../recording/recording.fixture.ts';
import { lengthOf } from '../body-parts.ts';
import { makeGroup, openDelivery } from '../delivery.fixture.ts';
import { measureClip } from './clip-extent.ts';

const SECOND = 1_000_000;
const startS = START_US / SECOND;

suite('the place of a span in the file of its segments', () => {
  test('follows the file over a hole, and is as long as the file says', async () => {
    await using past = await openDelivery();
    const late = START_US + 60 * SECOND;
    const plans = [
      { msn: 100 },
      { msn: 101 },
      { msn: 102, run: 2, startUs: late },
      { msn: 103, run: 2, startUs: late + 2 * SECOND },
    ];
    await past.record(...plans.map((plan) => makeGroup(plan, past.init)));
    past.state.settledUs = START_US + 600 * SECOND;
    const measure = async (fromS: number, toS: number) => {
      const range = { fromUs: START_US + fromS * SECOND, toUs: START_US + toS * SECOND };
      const { startS: from, endS: to, firstUs, ...extent } = await measureClip(past.stream, range);
      const rounded = [from, to].map((value) => Math.round(value * 100) / 100);
      return { ...extent, at: rounded, firstS: (firstUs - START_US) / SECOND };
    };
    const file = await past.get(`/clip/door/${startS + 1}/62.5s.mp4`);
    const bytes = lengthOf(file.body);
    assert.deepEqual(await measure(1, 63.5), { bytes, isComplete: true, at: [1, 7.5], firstS: 1 });
    assert.deepEqual((await measure(1, 30)).at, [1, 4], 'the end is in the hole');
    const { at, firstS } = await measure(30, 61);
    assert.deepEqual([at, firstS], [[0, 1], 60], 'the start is in the hole');
    assert.deepEqual((await measure(61, 90)).at, [1, 4], 'the end is after the recording');
  });

  test('is already known while its end is still being recorded', async () => {
    await using past = await openDelivery();
    await past.record(makeGroup({ msn: 100 }, past.init));
    const range = { fromUs: START_US + SECOND, toUs: START_US + 3.5 * SECOND };
    const { startS: from, endS: to, isComplete } = await measureClip(past.stream, range);
    assert.deepEqual([from, to, isComplete], [1, 3.5, false]);
  });
});
