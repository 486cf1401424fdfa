import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMetrics } from '../../../observe/metrics.ts';
import { Tally } from './tally.ts';

test('a scrape has everything that was counted before it once, and disposing adds the rest', async () => {
  using metrics = createMetrics();
  const tally = new Tally<'hit' | 'miss'>(metrics, (result, count) =>
    metrics.roomPermissionAnswers.inc({ result }, count),
  );
  const read = async (result: string) => new RegExp(`${result}"} (\\d+)`).exec(await metrics.print())?.[1];
  tally.count('hit');
  tally.count('miss');
  tally.count('hit');
  assert.equal(await read('hit'), '2');
  assert.equal(await read('miss'), '1');
  tally.count('hit');
  tally[Symbol.dispose]();
  assert.equal(await read('hit'), '3');
});
