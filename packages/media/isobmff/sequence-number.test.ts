import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sequenceNumber } from './fragment.ts';

const video = { index: 0, count: 2 };
const audio = { index: 1, count: 2 };

test('fragments of two tracks in turn have increasing numbers, which are never consecutive, from segment to segment (ISO 14496-12 8.8.5)', () => {
  const numbers = [869_624_096, 869_624_097].flatMap((msn) =>
    Array.from({ length: 400 }, (_, i) => [sequenceNumber(msn, video, i), sequenceNumber(msn, audio, i)]).flat(),
  );
  for (const [i, number] of numbers.entries()) {
    assert.ok(number >= 1 && number < 2 ** 32);
    if (i > 0) assert.ok(number >= numbers[i - 1]! + 2, `${number} after ${numbers[i - 1]}`);
  }
});

test('a segment in which the numbers wrap keeps them in order', () => {
  const last = 2 ** 21 - 1;
  assert.ok(sequenceNumber(last, audio, 500) < 2 ** 32);
  assert.equal(sequenceNumber(last + 1, video, 0), 1);
});
