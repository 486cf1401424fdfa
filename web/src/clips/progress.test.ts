import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JobView } from '../../../src/api/jobs/job-shapes.ts';
import { hasEnded, secondsLeft } from './progress.ts';

const startedAt = '2026-01-31T20:00:00.000Z';
const job = (more: Partial<JobView>) => ({ state: 'running', progress: 0, startedAt, ...more }) as JobView;
const at = (seconds: number) => Date.parse(startedAt) + seconds * 1000;

test('a job that did a quarter in ten seconds needs thirty more', () => {
  assert.equal(secondsLeft(job({ progress: 0.25 }), at(10)), 30);
  assert.equal(secondsLeft(job({ progress: 1 }), at(10)), 0);
});

test('there is no estimate for a job that has just begun, waits, or has ended', () => {
  assert.equal(secondsLeft(job({ progress: 0.01 }), at(10)), null);
  assert.equal(secondsLeft(job({ progress: 0.5 }), at(0.5)), null);
  assert.equal(secondsLeft(job({ progress: 0.5 }), at(-20)), null, 'clocks that differ');
  assert.equal(secondsLeft(job({ state: 'queued', startedAt: null }), at(10)), null);
  for (const state of ['done', 'failed', 'cancelled'] as const) {
    assert.equal(secondsLeft(job({ state, progress: 0.5 }), at(10)), null);
    assert.ok(hasEnded(job({ state })));
  }
  assert.ok(!hasEnded(job({})) && !hasEnded(job({ state: 'queued' })));
});
