import assert from 'node:assert/strict';
import { test } from 'node:test';
import { offsetText, stepState } from './offset-text.ts';

test('an offset has its sign, and seconds from one second on', () => {
  assert.equal(offsetText(12.4), '+12 ms');
  assert.equal(offsetText(-12.6), '−13 ms');
  assert.equal(offsetText(0.2), '0 ms');
  assert.equal(offsetText(-0.2), '0 ms');
  assert.equal(offsetText(999.4), '+999 ms');
  assert.equal(offsetText(999.6), '+1.0 s');
  assert.equal(offsetText(-61_400), '−61.4 s');
});

test('the state of a player is a word, not only a colour', () => {
  const here = { present: 1, buffering: false, offsetMs: 20 };
  assert.deepEqual(stepState(here), { is: 'in-step', tone: 'good', offset: '+20 ms' });
  assert.deepEqual(stepState({ ...here, offsetMs: 200 }), { is: 'late', tone: 'warn', offset: '+200 ms' });
  assert.deepEqual(stepState({ ...here, offsetMs: -900 }), { is: 'early', tone: 'live', offset: '−900 ms' });
  assert.deepEqual(stepState({ ...here, buffering: true }), { is: 'loading', tone: 'warn', offset: '' });
  assert.equal(stepState({ ...here, offsetMs: null }).is, 'unknown');
  assert.equal(stepState({ ...here, present: 0 }).is, 'away');
});
