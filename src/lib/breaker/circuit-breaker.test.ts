import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CircuitBreaker, doublingPause } from './circuit-breaker.ts';

function create() {
  let nowMs = 0;
  const breaker = new CircuitBreaker({ nowMs: () => nowMs, failures: 3, pauseMs: doublingPause(1000, 3000) });
  const pass = (ms: number) => {
    nowMs += ms;
  };
  return { breaker, pass };
}

test('three failures in a row open it; a success in between does not count', () => {
  const { breaker } = create();
  for (const outcome of ['failed', 'failed', 'succeeded', 'failed', 'failed'] as const) {
    assert.equal(breaker.allows(), true);
    breaker[outcome]();
  }
  assert.equal(breaker.isOpen, false);
  breaker.failed();
  assert.deepEqual([breaker.isOpen, breaker.allows(), breaker.waitMs], [true, false, 1000]);
});

test('after the pause there is one trial at a time, and each that fails doubles the pause up to the longest', () => {
  const { breaker, pass } = create();
  for (let i = 0; i < 5; i++) breaker.failed();
  assert.equal(breaker.waitMs, 1000, 'late failures of calls that ran do not lengthen it');
  for (const next of [2000, 3000, 3000]) {
    pass(breaker.waitMs);
    assert.deepEqual([breaker.allows(), breaker.allows()], [true, false]);
    breaker.failed();
    assert.equal(breaker.waitMs, next);
  }
  pass(3000);
  assert.equal(breaker.allows(), true);
  breaker.succeeded();
  assert.deepEqual([breaker.isOpen, breaker.allows(), breaker.allows(), breaker.waitMs], [false, true, true, 0]);
});

test('a trial that its caller ends is followed by another pause of the same length', () => {
  const { breaker, pass } = create();
  breaker.abandoned();
  assert.equal(breaker.state, 'closed');
  for (let i = 0; i < 3; i++) breaker.failed();
  pass(1000);
  assert.deepEqual([breaker.allows(), breaker.state], [true, 'half-open']);
  breaker.abandoned();
  assert.deepEqual([breaker.state, breaker.waitMs], ['open', 1000]);
});
