import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describe } from './heal.ts';

const gap = { from: '2026-11-30T12:01:00.000Z', to: '2026-11-30T12:01:12.000Z' };

test('the result says when the file begins, and of each gap what was filled and what is missing', () => {
  const filled = { ...gap, healed: 12, missing: 0, reason: '' };
  const open = { ...gap, healed: 2, missing: 10, reason: 'file a.mp4: it has no more of it' };
  assert.deepEqual(
    describe({ start: '2026-11-30T12:00:30.000Z', clock: 'media', seconds: 160, gaps: [filled, open] }),
    [
      '160.0 s of media; it begins 2026-11-30T12:00:30.000Z (by comparing it with the recording)',
      '2026-11-30T12:01:00.000Z to 2026-11-30T12:01:12.000Z: 12.0 s filled',
      '2026-11-30T12:01:00.000Z to 2026-11-30T12:01:12.000Z: 2.0 s filled, 10.0 s missing: file a.mp4: it has no more of it',
    ],
  );
  assert.deepEqual(describe({ start: null, clock: null, seconds: 3, gaps: [] }), [
    '3.0 s of media; when it begins is not known',
    'no gap of the recording is in its time',
  ]);
});
