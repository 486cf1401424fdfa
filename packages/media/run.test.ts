import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { seeded } from './random.fixture.ts';

import { ticksToUs, usToTicks } from './run.ts';

suite('ticks and microseconds', () => {
  test('each is the nearest to the other, below zero too', () => {
    assert.deepEqual([ticksToUs(90_000, 90_000), ticksToUs(1, 90_000), ticksToUs(3, 90_000)], [1_000_000, 11, 33]);
    assert.deepEqual([ticksToUs(-1, 90_000), ticksToUs(-90_001, 90_000)], [-11, -1_000_011]);
    assert.deepEqual([usToTicks(1_000_000, 44_100), usToTicks(11, 90_000), usToTicks(-11, 90_000)], [44_100, 1, -1]);
    assert.deepEqual([usToTicks(-1_000_011, 90_000), ticksToUs(0, 1000), usToTicks(0, 1000)], [-90_001, 0, 0]);
  });

  test('a clock of 90 kHz is exact for thousands of years', () => {
    const seconds = 3000 * 365 * 86_400;
    assert.equal(ticksToUs(seconds * 90_000 + 45, 90_000), seconds * 1e6 + 500);
    assert.equal(usToTicks(1_795_000_000_000_500, 90_000), 1_795_000_000 * 90_000 + 45);
  });

  test('ticks come back as they were, for every timescale up to a million', () => {
    const random = seeded(8);
    for (let i = 0; i < 5000; i++) {
      const timescale = 1 + random(1_000_000);
      const ticks = (random(2_000_000_000) - 1_000_000_000) * (1 + random(1000));
      assert.equal(usToTicks(ticksToUs(ticks, timescale), timescale), ticks, `${ticks} at ${timescale}`);
    }
  });
});
