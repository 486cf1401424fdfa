import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { seeded } from '@oxbow/media/random.fixture';

import { SkewMeter } from './skew.ts';

/** Feeds 25 frames a second with the delay of `delayMs`; stops when a correction is due. */
function feed(meter: SkewMeter, seconds: number, delayMs: (second: number) => number, fromS = 0, offsetMs = 0): number {
  for (let i = 0; i < seconds * 25; i++) {
    const atS = fromS + i / 25;
    const monotonicUs = (atS + delayMs(atS) / 1000) * 1e6;
    meter.add({ wallUs: monotonicUs + offsetMs * 1000, monotonicUs, mediaUs: atS * 1e6 });
    if (meter.dueUs > 0) return atS;
  }
  return Number.POSITIVE_INFINITY;
}

suite('skew (rule 1)', () => {
  test('above 250 ms for a minute is due, by as much as it was all the while', () => {
    const meter = new SkewMeter();
    const dueS = feed(meter, 300, (s) => 100 + (s > 30 ? 300 : 0));
    assert.ok(dueS > 90 && dueS < 115, `${dueS}`);
    assert.ok(Math.abs(meter.dueUs - 300_000) < 1, `${meter.dueUs}`);
    meter.moved();
    assert.equal(meter.dueUs, 0);
  });

  test('less than 250 ms, and a minute with a second that is on time, are shown and not applied', () => {
    const little = new SkewMeter();
    assert.equal(
      feed(little, 600, (s) => 100 + (s > 30 ? 249 : 0)),
      Number.POSITIVE_INFINITY,
    );
    assert.ok(Math.abs(little.skewUs - 249_000) < 1);
    assert.equal(
      feed(new SkewMeter(), 600, (s) => (s > 30 && s % 50 > 1 ? 500 : 100)),
      Number.POSITIVE_INFINITY,
    );
  });

  test('jitter of a second is no skew', () => {
    const random = seeded(4);
    const meter = new SkewMeter();
    assert.equal(
      feed(meter, 300, () => random(1000)),
      Number.POSITIVE_INFINITY,
    );
    assert.ok(Math.abs(meter.skewUs) < 100_000, `${meter.skewUs}`);
  });

  test('media that runs ahead of the clock stays so: UTC never runs back', () => {
    const meter = new SkewMeter();
    assert.equal(
      feed(meter, 600, (s) => 500 - s),
      Number.POSITIVE_INFINITY,
    );
    assert.ok(meter.skewUs < -500_000);
  });

  test('after a day a frame is enough', () => {
    const meter = new SkewMeter();
    const drift = (s: number) => (s * 50) / 86_400;
    for (let hour = 0; hour < 25; hour++) {
      const dueS = feed(meter, 30, drift, hour * 3600);
      if (dueS < Number.POSITIVE_INFINITY) {
        assert.equal(Math.floor(dueS / 3600), 24);
        return;
      }
    }
    assert.fail('never due');
  });

  test('a wall clock that steps forward by more than a second is due at once, by its step (rule 3)', () => {
    const meter = new SkewMeter();
    feed(meter, 20, () => 100);
    assert.equal(
      feed(meter, 1, () => 100, 20, 900),
      Number.POSITIVE_INFINITY,
    );
    assert.equal(
      feed(meter, 10, () => 100, 21, 3000),
      21,
    );
    assert.ok(Math.abs(meter.dueUs - 2_100_000) < 1, `${meter.dueUs}`);
    assert.equal(meter.skewUs, meter.dueUs);
  });

  test('a wall clock that steps back changes nothing', () => {
    const meter = new SkewMeter();
    feed(meter, 20, () => 100);
    assert.equal(
      feed(meter, 300, () => 100, 20, -5000),
      Number.POSITIVE_INFINITY,
    );
  });
});
