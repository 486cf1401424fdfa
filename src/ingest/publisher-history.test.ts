import assert from 'node:assert/strict';
import { test } from 'node:test';
import { playHistory } from './publisher-history.fixture.ts';

/** More with OXBOW_HISTORIES=10000. */
const HISTORIES = Number(process.env.OXBOW_HISTORIES ?? 300);

test('whatever publishers do, every frame can be decoded, UTC strictly increases, and every instant is accounted for', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval', 'setTimeout'] });
  const sum = { frames: 0, runs: 0, continued: 0 };
  for (let seed = 0; seed < HISTORIES; seed++) {
    const { frames, runs, continued } = await playHistory(seed, t.mock.timers);
    sum.frames += frames;
    sum.runs += runs;
    sum.continued += continued;
  }
  t.diagnostic(`${sum.frames} frames, ${sum.runs} runs, ${sum.continued} continued`);
  assert.ok(sum.runs > HISTORIES && sum.continued > HISTORIES / 30, 'the histories are not trivial');
});
