import assert from 'node:assert/strict';
import { test } from 'node:test';
import { afterSnapshot, initialGuide, parseGuide } from './guide.ts';

test('stored steps are parsed, and any other text is the initial state', () => {
  const done = { watched: true, rewound: false, dismissed: true };
  assert.deepEqual(parseGuide(JSON.stringify(done)), done);
  for (const text of [null, '', '{', 'null', '7', '[]', '{"watched":"yes"}']) {
    assert.deepEqual(parseGuide(text), initialGuide, String(text));
  }
});

test('a live picture completes the first step, a past one the second', () => {
  const shown = { pictured: true, loading: false, behindMs: 600 };
  const watched = afterSnapshot(initialGuide, { ...shown, mode: 'live' });
  assert.deepEqual(watched, { ...initialGuide, watched: true });
  assert.equal(afterSnapshot(watched, { ...shown, mode: 'live' }), watched);
  assert.ok(afterSnapshot(watched, { ...shown, mode: 'past' }).rewound);
  assert.ok(afterSnapshot(watched, { ...shown, mode: 'shifted', behindMs: 20_000 }).rewound);
  assert.equal(afterSnapshot(watched, { ...shown, mode: 'shifted', behindMs: 3_000 }), watched);
});

test('a requested picture that is not shown yet completes nothing', () => {
  for (const missing of [
    { pictured: false, loading: false },
    { pictured: true, loading: true },
  ]) {
    assert.equal(afterSnapshot(initialGuide, { ...missing, mode: 'past', behindMs: 60_000 }), initialGuide);
  }
});
