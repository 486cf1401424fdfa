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
    assert.equal(forecast.outlook([]).fullInSeconds, Number.POSITIVE_INFINITY);
    forecast.add(0, 10e9);
    forecast.add(5000, 9e9);
    assert.equal(forecast.growth, 0, 'five seconds say nothing');
    forecast.add(59 * minute, 10e9 - 59 * 60e6);
    assert.equal(forecast.outlook([]).fullInSeconds, Number.POSITIVE_INFINITY, 'less than an hour says nothing');
    forecast.add(60 * minute, 10e9 - 3600e6);
    assert.equal(forecast.growth, 1e6);
    assert.equal(forecast.outlook([]).fullInSeconds, 6400);
    assert.equal(forecast.outlook([], 1e12, 'recordings').fullInSeconds, Number.POSITIVE_INFINITY, 'others write it');
    forecast.add(80 * minute, 11e9);
    assert.ok(forecast.growth < 0);
    assert.equal(forecast.outlook([]).fullInSeconds, Number.POSITIVE_INFINITY);
  });

  test('recordings grow until retention limits them; other growth continues', () => {
    const never = Number.POSITIVE_INFINITY;
    const forecast = new DiskForecast();
    const hour = 3600;
    forecast.add(0, 100e9);
    forecast.add(minute, 100e9 - 600e6);
    const short = { bytesPerSecond: 0.25e6, growsForS: hour };
    const long = { bytesPerSecond: 0.75e6, growsForS: 10 * hour };
    const limited = { fullInSeconds: never, addsBytes: hour * 0.25e6 + 10 * hour * 0.75e6 };
    assert.deepEqual(forecast.outlook([long, short]), limited, 'one minute of other growth does not count');
    assert.deepEqual(forecast.outlook([long, short], 5e9), { fullInSeconds: never, addsBytes: 5e9 });
    assert.deepEqual(forecast.outlook([{ ...long, growsForS: never }]).fullInSeconds, 99.4e9 / 0.75e6);
    forecast.add(60 * minute, 100e9 - 7200e6); // 2 MB/s, half of them by recordings
    assert.equal(forecast.basisSeconds, 3600);
    const full = forecast.outlook([long, short]).fullInSeconds;
    const byRecordings = limited.addsBytes;
    assert.equal(Math.round(full), Math.round((92.8e9 - byRecordings) / 1e6));
    assert.deepEqual(forecast.outlook([long, short], never, 'recordings'), limited);
    forecast.add(80 * minute, 1e9);
    assert.ok(forecast.outlook([long, short]).fullInSeconds < hour, 'full before retention limits anything');
  });

  test('looks back a day and no further', () => {
    const forecast = new DiskForecast();
    // A day of filling by 1 MB/s, then three of none.
    for (let at = 0; at <= 4 * 1440; at++) forecast.add(at * minute, 1e12 - Math.min(at, 1440) * 60e6);
    assert.equal(forecast.growth, 0);
  });
});
