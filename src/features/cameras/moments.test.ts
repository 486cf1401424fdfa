import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LONGEST_MS, MOST_IN_HOUR, type Moment, Moments, type Noticed, QUIET_MS } from './moments.ts';

function openRig() {
  const moments = new Moments();
  const begun: Moment[] = [];
  const take = (atMs: number, isOn: boolean | undefined, kind: Noticed['kind'] = 'motion') =>
    moments.take({ kind, isOn, atMs }, (moment) => begun.push(moment));
  return { moments, begun, take };
}

test('a storm of notifications is one moment, which is over ten seconds after the last one', () => {
  const { moments, begun, take } = openRig();
  assert.equal(take(0, undefined), 'new');
  for (let ms = 10; ms <= 9000; ms += 10) assert.equal(take(ms, undefined), 'merged');
  assert.equal(begun.length, 1);
  assert.deepEqual(moments.over(9000 + QUIET_MS - 1), []);
  assert.deepEqual(moments.over(9000 + QUIET_MS), [{ kind: 'motion', is: 'over', fromMs: 0, toMs: 9000 }]);
  assert.ok(!moments.areOpen);
});

test('what is on is a moment until it is off, and kinds are apart', () => {
  const { moments, begun, take } = openRig();
  take(0, true);
  take(5, undefined, 'line');
  assert.deepEqual(
    begun.map(({ kind }) => kind),
    ['motion', 'line'],
  );
  assert.deepEqual(
    moments.over(60_000).map(({ kind }) => kind),
    ['line'],
  );
  assert.equal(take(61_000, false), undefined);
  assert.deepEqual(moments.over(61_000 + QUIET_MS), [{ kind: 'motion', is: 'over', fromMs: 0, toMs: 61_000 }]);
  assert.equal(take(80_000, false), undefined);
  assert.equal(begun.length, 2);
});

test('what stays on for longer than five minutes is no moment again before it was off', () => {
  const { moments, take } = openRig();
  take(0, true);
  assert.deepEqual(moments.over(LONGEST_MS), [{ kind: 'motion', is: 'over', fromMs: 0, toMs: LONGEST_MS }]);
  assert.equal(take(LONGEST_MS + 1, true), 'merged');
  assert.ok(!moments.areOpen);
  take(LONGEST_MS + 2, false);
  assert.equal(take(LONGEST_MS + 3, true), 'new');
});

test('more moments than the bound of an hour are dropped', () => {
  const { moments, take } = openRig();
  const results = Array.from({ length: MOST_IN_HOUR + 5 }, (_, i) => {
    const result = take(i * 11_000, undefined);
    moments.over(i * 11_000 + QUIET_MS);
    return result;
  });
  assert.equal(results.filter((result) => result === 'new').length, MOST_IN_HOUR);
  assert.equal(results.at(-1), 'dropped');
  assert.equal(take(2 * 3_600_000, undefined), 'new');
});

test('all open moments are over when a camera is no longer watched', () => {
  const { moments, take } = openRig();
  take(0, true);
  assert.deepEqual(moments.over(3000, true), [{ kind: 'motion', is: 'over', fromMs: 0, toMs: 3000 }]);
});
