import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { createManualClock, createSystemClock } from './clock.ts';

suite('the one clock (rule 3)', () => {
  test('it shows UTC, and its monotonic time does not step', () => {
    const clock = createSystemClock();
    const [wallMs, monoMs] = [Date.now(), performance.now()];
    const shown = { wallMs: clock.nowMs(), monoMs: clock.monotonicMs() };
    // The clock may be a step of slewing (20 ms) before or behind; a suspended process shows in both
    // readings.
    assert.ok(shown.wallMs > wallMs - 1000 && shown.wallMs < Date.now() + 1000);
    assert.ok(shown.monoMs >= monoMs && shown.monoMs <= performance.now());
  });

  test('an interruption of the process between two readings is not a clock step', (t) => {
    let monoMs = 5000;
    let heldUpMs = 0;
    const wallMs = () => 1_795_000_000_000 + monoMs;
    t.mock.method(performance, 'now', () => monoMs);
    t.mock.method(Date, 'now', () => {
      monoMs += heldUpMs;
      return wallMs();
    });
    const clock = createSystemClock();
    monoMs += 1500;
    heldUpMs = 700;
    assert.ok(Math.abs(clock.nowMs() - wallMs() + heldUpMs) < 1, 'the time of the call');
    heldUpMs = 0;
    assert.ok(Math.abs(clock.nowMs() - wallMs()) < 1);
    heldUpMs = 0.5;
    for (let i = 0; i < 3; i++) {
      monoMs += 1500;
      assert.ok(Math.abs(clock.nowMs() - wallMs()) < 2);
    }
  });

  test('a step of the wall clock is applied within a second; small differences are slewed, and time never goes back', (t) => {
    let monoMs = 5000;
    let wallMs = 1_795_000_000_000;
    t.mock.method(performance, 'now', () => monoMs);
    t.mock.method(Date, 'now', () => Math.floor(wallMs));
    const clock = createSystemClock();
    const pass = (ms: number) => {
      monoMs += ms;
      wallMs += ms;
    };
    assert.equal(clock.nowMs(), wallMs);
    pass(0.25);
    assert.equal(clock.nowMs(), 1_795_000_000_000.25, 'it has a fraction that Date.now does not have');
    wallMs += 3000;
    pass(400);
    assert.ok(clock.nowMs() < wallMs - 2000, 'not before it is looked at');
    pass(600);
    assert.ok(Math.abs(clock.nowMs() - wallMs) < 1);
    wallMs -= 16;
    let last = clock.nowMs();
    for (let i = 0; i < 100; i++) {
      pass(500);
      const now = clock.nowMs();
      assert.ok(now > last);
      last = now;
    }
    assert.ok(Math.abs(last - wallMs) < 2, `${last - wallMs}`);
    assert.equal(clock.monotonicMs(), monoMs);
  });

  test('a manual clock moves both together, or the wall clock alone', () => {
    const clock = createManualClock(1000);
    clock.advance(50);
    clock.step(-20);
    assert.deepEqual([clock.nowMs(), clock.monotonicMs()], [1030, 50]);
    assert.equal(createManualClock().nowMs(), 1_795_000_000_000);
  });
});
