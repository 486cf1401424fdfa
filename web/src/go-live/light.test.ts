import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lightOf, lightTones, REFUSAL_MS, type Refusal } from './light.ts';

const publisher = { protocol: 'rtmp', since: '2026-11-20T20:00:00.000Z', standby: 0 };
const refusal: Refusal = {
  atMs: 1000,
  protocol: 'rtmp',
  remote: '192.0.2.1:5',
  code: 'publish-denied',
  detail: '',
  hint: '',
};

test('the light follows a publisher from waiting to live', () => {
  assert.equal(lightOf(null, null, false, 0), 'loading');
  assert.equal(lightOf({ state: 'unpublished', publisher: null }, null, false, 0), 'waiting');
  assert.equal(lightOf({ state: 'starting', publisher }, null, false, 0), 'connecting');
  assert.equal(lightOf({ state: 'live', publisher }, null, false, 0), 'live');
  assert.equal(lightTones[lightOf({ state: 'live', publisher }, null, false, 0)], 'good');
});

test('a finding that viewers notice makes a live stream weak; a connected publisher that sends nothing is silent', () => {
  assert.equal(lightOf({ state: 'live', publisher }, null, true, 0), 'weak');
  assert.equal(lightOf({ state: 'waiting', publisher }, null, true, 0), 'silent');
});

test('a refusal is shown for a minute, and not while another publisher is connected', () => {
  const waiting = { state: 'unpublished', publisher: null } as const;
  assert.equal(lightOf(waiting, refusal, false, 2000), 'refused');
  assert.equal(lightOf(waiting, refusal, false, 1000 + REFUSAL_MS), 'waiting');
  assert.equal(lightOf({ state: 'live', publisher }, refusal, false, 2000), 'live');
});

test('publishers of a stopped stream are refused: until one tries, it is off', () => {
  const stopped = { state: 'stopped', publisher: null } as const;
  assert.equal(lightOf(stopped, null, false, 0), 'off');
  assert.equal(lightOf(stopped, refusal, false, 2000), 'refused');
});

test('a paused stream is shown as paused, with and without its publisher', () => {
  assert.equal(lightOf({ state: 'paused', publisher }, null, true, 0), 'paused');
  assert.equal(lightOf({ state: 'paused', publisher: null }, refusal, false, 2000), 'paused');
});
