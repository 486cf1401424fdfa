import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bar, sayBytes, sayClock, sayLength } from './progress.ts';

test('a clock does not begin anew after a day', () => {
  assert.equal(sayClock(14.9), '00:00:14');
  assert.equal(sayClock(31 * 3600 + 5 * 60), '31:05:00');
});

test('short lengths are told to a tenth of a second', () => {
  assert.equal(sayLength(14.72), '14.7 s');
  assert.equal(sayLength(90), '00:01:30');
});

test('bytes are told in the largest unit that fits', () => {
  assert.deepEqual([999, 252_379, 3_000_000_000].map(sayBytes), ['999 B', '252.4 kB', '3.0 GB']);
});

test('a bar tells how far it is, and what is left once that can be known', () => {
  assert.match(bar(0.5, 10_000), /={12}.* 50 % {2}10s left$/);
  assert.match(bar(0, 10_000), / 0 %$/);
});
