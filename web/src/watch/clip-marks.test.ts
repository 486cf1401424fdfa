import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lastClip, markEdge } from './clip-marks.ts';

test('a mark replaces one end of the clip, in whole milliseconds, and leaves the other', () => {
  const clip = { fromMs: 5_000, toMs: null };
  assert.deepEqual(markEdge(clip, 'to', 9_000.4), { fromMs: 5_000, toMs: 9_000 });
  assert.deepEqual(markEdge(clip, 'from', 9_000.6), { fromMs: 9_001, toMs: null });
  assert.equal(markEdge(clip, 'to', null), clip, 'without a picture it stays');
});

test('one press marks the last half minute, or what is recorded of it', () => {
  assert.deepEqual(lastClip(100_000.2, 0), { fromMs: 70_000, toMs: 100_000 });
  assert.deepEqual(lastClip(100_000, 90_000), { fromMs: 90_000, toMs: 100_000 });
});

test('less than a second is not a clip, nor is a stream without a picture or a recording', () => {
  assert.equal(lastClip(100_000, 99_001), null);
  assert.deepEqual(lastClip(100_000, 99_000), { fromMs: 99_000, toMs: 100_000 });
  assert.equal(lastClip(null, 0), null);
  assert.equal(lastClip(100_000, null), null);
});
