import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Arrivals } from './arrivals.ts';

const start = Date.UTC(2026, 0, 31, 20);

/** Parts of 200 ms that arrive 20 ms late, except those of `late`: seconds to milliseconds. */
function arrivalsOf(seconds: number, late: Readonly<Record<number, number>> = {}): Arrivals {
  const arrivals = new Arrivals();
  for (let at = 0; at <= seconds * 1000; at += 200) arrivals.add(late[at / 1000] ?? 20, start + at);
  return arrivals;
}

test('nothing is known before six seconds of arrivals', () => {
  assert.equal(arrivalsOf(5).behindMs, null);
  assert.equal(arrivalsOf(6).behindMs, 20);
});

test('one late arrival is no rule, two within a minute are', () => {
  assert.equal(arrivalsOf(60, { 20: 400 }).behindMs, 20);
  assert.equal(arrivalsOf(60, { 20: 400, 50: 300 }).behindMs, 300);
});

test('late arrivals of more than a minute ago do not count', () => {
  assert.equal(arrivalsOf(130, { 20: 400, 50: 300 }).behindMs, 20);
});

test('an outage counts as one second', () => {
  assert.equal(arrivalsOf(60, { 20: 8_000, 50: 7_000 }).behindMs, 1_020);
});

test('a clock that is set back starts again', () => {
  const arrivals = arrivalsOf(60, { 20: 400, 50: 300 });
  arrivals.add(20, start - 3_600_000);
  assert.equal(arrivals.behindMs, null);
});
