import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { createManualClock } from '../lib/clock.ts';
import { DiskForecast } from './disk-forecast.ts';
import { ClockWatch, loopCheck, memoryCheck } from './host-health.ts';

const options = { signal: new AbortController().signal };

suite('the process and its host', () => {
  test('memory is reported in a sentence, and fails if nearly all of it is in use', () => {
    assert.equal(
      memoryCheck(
        () => ({ rss: 120e6, heapUsed: 35e6, arrayBuffers: 4e6 }),
        () => 1e9,
      )(options),
      '120 MB of 1000 MB are in use, heap 35 MB, buffers 4 MB',
    );
    assert.throws(
      () =>
        memoryCheck(
          () => ({ rss: 960e6, heapUsed: 35e6, arrayBuffers: 4e6 }),
          () => 1e9,
        )(options),
      /memory is short/,
    );
    assert.match(String(memoryCheck(undefined, () => Number.MAX_SAFE_INTEGER)(options)), /^\d+ MB of /);
  });

  test('a main thread that lags by seconds is a failure', () => {
    assert.match(String(loopCheck(() => 0.012)(options)), /12 ms late/);
    assert.throws(() => loopCheck(() => 6)(options), /too much to do/);
  });

  test('a clock step is counted and reported for an hour, slewing is not', () => {
    const clock = createManualClock();
    let steps = 0;
    const watch = new ClockWatch(clock, () => steps++);
    clock.advance(5000);
    clock.step(20);
    assert.equal(watch.check(), 'the clock has not stepped');
    clock.step(-3_600_000);
    watch.look();
    clock.advance(40_000);
    assert.equal(watch.check(), 'the clock stepped by -3600.0 s, seen 40 s ago');
    clock.advance(3_600_000);
    assert.equal(watch.check(), 'the clock has not stepped');
    assert.equal(steps, 1);
  });
});

suite('when the disk will be full', () => {
  const minute = 60_000;

  test('is predicted from its growth, and never if it does not grow', () => {
    const forecast = new DiskForecast();
    assert.equal(forecast.fullInSeconds, Number.POSITIVE_INFINITY);
    forecast.add(0, 10e9);
    forecast.add(5000, 9e9);
    assert.equal(forecast.growth, 0, 'five seconds say nothing');
    forecast.add(10 * minute, 10e9 - 600e6);
    assert.equal(forecast.growth, 1e6);
    assert.equal(forecast.fullInSeconds, 9400);
    forecast.add(20 * minute, 11e9);
    assert.ok(forecast.growth < 0);
    assert.equal(forecast.fullInSeconds, Number.POSITIVE_INFINITY);
  });

  test('looks back a day and no further', () => {
    const forecast = new DiskForecast();
    // A day of filling by 1 MB/s, then three of none.
    for (let at = 0; at <= 4 * 1440; at++) forecast.add(at * minute, 1e12 - Math.min(at, 1440) * 60e6);
    assert.equal(forecast.growth, 0);
  });
});
