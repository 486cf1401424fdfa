import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiError } from '../api/client.ts';
import { Clock, type ClockAnswer } from './clock.ts';

/** A clock whose requests are answered from `answers`, on a machine whose own clocks do not advance. */
function setUp(answers: (ClockAnswer | Error)[]) {
  const machine = { wallMs: 1_000_000, steadyMs: 500 };
  const clock = new Clock({
    ask: async () => {
      const answer = answers.shift();
      if (!answer) throw new ApiError({ code: 'unreachable', status: 0, title: '', hint: '' });
      if (answer instanceof Error) throw answer;
      return answer;
    },
    wallMs: () => machine.wallMs,
    steadyMs: () => machine.steadyMs,
  });
  return { clock, machine, signal: new AbortController().signal };
}

test('of several requests the quickest one counts', async () => {
  const { clock, signal } = setUp([
    { offsetMs: 90, roundTripMs: 80 },
    { offsetMs: 5_000, roundTripMs: 4 },
    { offsetMs: 40, roundTripMs: 60 },
  ]);
  assert.equal(clock.now(), 1_000_000, 'before the first response the local clock is used');
  assert.equal(await clock.read(signal), true);
  assert.equal(clock.now(), 1_005_000);
  assert.equal(clock.networkS, 0.004);
});

test('setting the local clock by hand changes nothing', async () => {
  const { clock, machine, signal } = setUp([{ offsetMs: 5_000, roundTripMs: 4 }]);
  await clock.read(signal);
  machine.wallMs += 3_600_000;
  machine.steadyMs += 10;
  assert.equal(clock.now(), 1_005_010);
});

test('small differences are applied by half, large ones at once', async () => {
  const answers = [{ offsetMs: 100, roundTripMs: 4 }];
  const { clock, signal } = setUp(answers);
  await clock.read(signal);
  answers.push({ offsetMs: 110, roundTripMs: 4 });
  await clock.read(signal);
  assert.equal(clock.now(), 1_000_105);
  answers.push({ offsetMs: 9_000, roundTripMs: 4 });
  await clock.read(signal);
  assert.equal(clock.now(), 1_009_000);
});

test('without a server it reports failure and continues with the last offset', async () => {
  const { clock, signal } = setUp([]);
  assert.equal(await clock.read(signal), false);
  assert.equal(clock.now(), 1_000_000);
});

test('an error other than a failed request is a bug and is thrown', async () => {
  const { clock, signal } = setUp([new RangeError('bug')]);
  await assert.rejects(clock.read(signal), RangeError);
});
