import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ErrorData } from 'hls.js';
import { mayRequestAgain, maySkip, missedAhead, missedFirst, missingSegment, nothingMissing } from './missing.ts';

const error = (code: number, more: object = {}) =>
  ({
    details: 'fragLoadError',
    response: { code },
    frag: { programDateTime: 1_000, duration: 2 },
    ...more,
  }) as unknown as ErrorData;

test('only an absent segment is missing: neither a server that is down nor an absent playlist', () => {
  assert.deepEqual(missingSegment(error(404)), { fromMs: 1_000, toMs: 3_000 });
  assert.deepEqual(missingSegment(error(410)), { fromMs: 1_000, toMs: 3_000 });
  assert.equal(missingSegment(error(503)), null);
  assert.equal(missingSegment(error(404, { details: 'levelLoadError' })), null);
  assert.equal(missingSegment(error(404, { frag: { programDateTime: null, duration: 2 } })), null);
});

test('a segment ahead is requested twice, the next one twice again', () => {
  const one = { fromMs: 0, toMs: 2_000 };
  const first = missedAhead(nothingMissing, one);
  const second = missedAhead(first, one);
  const other = missedAhead(second, { fromMs: 2_000, toMs: 4_000 });
  assert.deepEqual([first, second, other].map(mayRequestAgain), [true, false, true]);
});

test('ten segments in a row are skipped, and again ten after a picture', () => {
  let missing = nothingMissing;
  const skipped = Array.from({ length: 12 }, () => {
    missing = missedFirst(missing);
    return maySkip(missing);
  });
  assert.equal(skipped.filter(Boolean).length, 10);
  assert.ok(maySkip(missedFirst(missedAhead(missing, { fromMs: 0, toMs: 2_000 }))));
});
