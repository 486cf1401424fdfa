import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lostAfter } from './lost.ts';

const NOW_MS = Date.parse('2026-11-28T12:00:00Z');
const on = { publisher: {}, liveSince: '2026-11-28T11:59:45Z' } as never;
const off = { publisher: null, liveSince: null } as never;

test('a connection is lost when a publisher was there in the answer before, and known as lost until one returns', () => {
  assert.equal(lostAfter(null, null, off, NOW_MS), null, 'none has been there yet');
  assert.equal(lostAfter(null, off, on, NOW_MS), null);
  const lost = lostAfter(null, on, off, NOW_MS);
  assert.deepEqual(lost, { atMs: NOW_MS, livedMs: 15_000 });
  assert.deepEqual(lostAfter(lost, off, off, NOW_MS + 60_000), lost);
  assert.equal(lostAfter(lost, off, on, NOW_MS + 61_000), null);
});

test('a publisher that never got live has no time on air', () => {
  const silent = { publisher: {}, liveSince: null } as never;
  assert.deepEqual(lostAfter(null, silent, off, NOW_MS), { atMs: NOW_MS, livedMs: undefined });
});
