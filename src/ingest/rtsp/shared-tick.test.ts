import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { startTick } from './shared-tick.ts';

test('sessions of an interval share a timer, which ends with the last of them and starts again with the next', () => {
  mock.timers.enable({ apis: ['setInterval'] });
  const calls: string[] = [];
  const ends = [startTick(() => calls.push('a'), 40), startTick(() => calls.push('b'), 40)];
  const endUdp = startTick(() => calls.push('udp'), 20);
  mock.timers.tick(40);
  assert.deepEqual(calls.splice(0).sort(), ['a', 'b', 'udp', 'udp']);
  endUdp();
  ends[0]!();
  ends[0]!();
  mock.timers.tick(40);
  assert.deepEqual(calls.splice(0), ['b']);
  ends[1]!();
  mock.timers.tick(400);
  assert.equal(calls.length, 0);
  const end = startTick(() => calls.push('c'), 40);
  mock.timers.tick(40);
  end();
  assert.deepEqual(calls, ['c']);
  mock.timers.reset();
});
