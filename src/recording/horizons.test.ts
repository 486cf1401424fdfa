import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { createManualClock } from '../lib/clock.ts';
import { Horizons } from './horizons.ts';
import { horizonUs, WINDOW_US, windowOf } from './window.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Commits a group every ten seconds, stamped by a clock that is `aheadMs` ahead of the manual one. */
function commitFor(ms: number, clock: ReturnType<typeof createManualClock>, horizons: Horizons, offsetMs = 0): void {
  for (let at = 0; at < ms; at += 10_000) {
    horizons.committed('s', (clock.nowMs() + offsetMs) * 1000);
    clock.advance(10_000);
    horizons.of('s', DAY);
  }
}

suite('the horizon of retention', () => {
  test('is `keep` ago, to a ten-minute mark', () => {
    const clock = createManualClock();
    const horizons = new Horizons({ clock });
    assert.equal(horizons.of('s', DAY), horizonUs(clock.nowMs(), DAY));
    commitFor(30 * HOUR, clock, horizons);
    const behindUs = horizonUs(clock.nowMs(), DAY) - horizons.of('s', DAY);
    assert.ok(behindUs >= 0 && behindUs <= WINDOW_US, `${behindUs / 6e7} minutes late`);
  });

  test('of a stream that records no more advances with the clock, past its last media', () => {
    const clock = createManualClock();
    const horizons = new Horizons({ clock });
    commitFor(HOUR, clock, horizons);
    clock.advance(2 * DAY);
    assert.equal(horizons.of('s', DAY), horizonUs(clock.nowMs(), DAY));
  });

  test('never passes media that was committed less than `keep` ago, although its timestamps are days old', () => {
    const clock = createManualClock();
    const horizons = new Horizons({ clock });
    const firstUs = clock.nowMs() * 1000;
    commitFor(10 * MINUTE, clock, horizons);
    // From now on media is stamped two days before the clock.
    clock.step(2 * DAY);
    for (let hour = 0; hour < 23; hour++) {
      commitFor(HOUR, clock, horizons, -2 * DAY);
      assert.ok(horizons.of('s', DAY) <= windowOf(firstUs), `after ${hour + 1} hours`);
    }
    commitFor(12 * HOUR, clock, horizons, -2 * DAY);
    const passed = horizons.of('s', DAY) - firstUs;
    assert.ok(passed > 10 * HOUR * 1000 && passed < 12 * HOUR * 1000, `${passed / 3.6e9} hours`);
  });

  test('remembers a bounded number of commits, however long it keeps', () => {
    const clock = createManualClock();
    const horizons = new Horizons({ clock });
    const before = process.memoryUsage().heapUsed;
    horizons.committed('s', 0);
    horizons.of('s', 365 * DAY);
    for (let i = 0; i < 200_000; i++) {
      horizons.committed('s', clock.nowMs() * 1000);
      clock.advance(10 * MINUTE);
    }
    assert.ok(process.memoryUsage().heapUsed - before < 20e6);
    const behindUs = horizonUs(clock.nowMs(), 365 * DAY) - horizons.of('s', 365 * DAY);
    assert.ok(behindUs <= (1.1 * 365 * DAY * 1000) / 128, `${behindUs / 3.6e9} hours late`);
  });
});

suite('retention is paused', () => {
  for (const [name, stepMs] of [
    ['forward', 2 * DAY],
    ['back', -2 * HOUR],
  ] as const) {
    test(`for an hour after the clock was set ${name}: horizons do not move`, () => {
      const clock = createManualClock();
      const reasons: string[] = [];
      const horizons = new Horizons({ clock, paused: (why) => reasons.push(why) });
      const before = horizons.of('s', DAY);
      clock.step(stepMs);
      assert.equal(horizons.of('s', DAY), before);
      assert.equal(horizons.of('other', DAY), 0, 'a stream without an earlier horizon keeps everything');
      assert.match(horizons.pause!.why, new RegExp(`set ${name} by 2 (days|hours)|set ${name} by 120 minutes`));
      clock.advance(HOUR - 1);
      assert.equal(horizons.of('s', DAY), before);
      assert.ok(horizons.pause);
      clock.advance(1);
      assert.equal(horizons.pause, undefined);
      assert.equal(horizons.of('s', DAY), horizonUs(clock.nowMs(), DAY));
      assert.equal(reasons.length, 1);
    });
  }

  test('not by the corrections of a clock in daily use', () => {
    const clock = createManualClock();
    const horizons = new Horizons({ clock });
    clock.step(4 * MINUTE);
    assert.equal(horizons.pause, undefined);
  });

  test('at a start at which the clock is far from the newest recording, in either direction', () => {
    const clock = createManualClock();
    for (const [lastSeenMs, isPaused] of [
      [undefined, false],
      [clock.nowMs() - MINUTE, false],
      [clock.nowMs() - 3 * DAY, true],
      [clock.nowMs() + HOUR, true],
    ] as const) {
      const horizons = new Horizons({ clock, lastSeenMs });
      assert.equal(horizons.pause !== undefined, isPaused, `${lastSeenMs}`);
      assert.equal(horizons.of('s', DAY), isPaused ? 0 : horizonUs(clock.nowMs(), DAY));
    }
  });
});
