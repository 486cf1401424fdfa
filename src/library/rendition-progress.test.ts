import assert from 'node:assert/strict';
import { test } from 'node:test';
import { renditionProgress } from './rendition-progress.ts';

test('a rendition in several pieces is as far as they are on average', () => {
  const input = JSON.stringify({ media: { renditions: [{ id: 'v0-360' }, { id: 'v0-720' }] } });
  const job = (state: string, parts = {}) => ({ state, input, parts: JSON.stringify(parts) });
  const jobs = [job('done'), job('running', { 'v0-360': 0.5, 'v0-720': 0.25 }), job('queued'), job('queued')];
  assert.deepEqual(
    [...renditionProgress(jobs)],
    [
      ['v0-360', 0.375],
      ['v0-720', 0.3125],
    ],
  );
  assert.equal(renditionProgress([{ state: 'running', input: '{}', parts: '{}' }]).size, 0);
});
