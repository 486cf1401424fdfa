import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ErrorData } from 'hls.js';
import { Missing, missingPiece } from './missing.ts';

const error = (code: number, more: object = {}) =>
  ({
    details: 'fragLoadError',
    response: { code },
    frag: { programDateTime: 1_000, duration: 2 },
    ...more,
  }) as unknown as ErrorData;

test('a segment that is not there is a missing piece; a server that is down or a list that is not there is none', () => {
  assert.deepEqual(missingPiece(error(404)), { fromMs: 1_000, toMs: 3_000 });
  assert.deepEqual(missingPiece(error(410)), { fromMs: 1_000, toMs: 3_000 });
  assert.equal(missingPiece(error(503)), null);
  assert.equal(missingPiece(error(404, { details: 'levelLoadError' })), null);
  assert.equal(missingPiece(error(404, { frag: { programDateTime: null, duration: 2 } })), null);
});

test('a piece ahead is tried once more, each one anew', () => {
  const missing = new Missing();
  const [one, other] = [
    { fromMs: 0, toMs: 2_000 },
    { fromMs: 2_000, toMs: 4_000 },
  ];
  assert.deepEqual([missing.ahead(one), missing.ahead(one), missing.ahead(other)], [true, false, true]);
});

test('where piece after piece is missing, the tenth is the last that is stepped over, until a picture was there', () => {
  const missing = new Missing();
  assert.equal(Array.from({ length: 12 }, () => missing.first()).filter(Boolean).length, 10);
  missing.ahead({ fromMs: 0, toMs: 2_000 });
  assert.equal(missing.first(), true);
});
