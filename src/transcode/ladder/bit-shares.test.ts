import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { bitShares } from './bit-shares.ts';

const S = 1_000_000;

suite('bits of pieces', () => {
  test('follow what each piece takes at constant quality, and are those of the whole in sum', () => {
    const pieces = [
      { durationUs: 30 * S, bytes: 100 },
      { durationUs: 30 * S, bytes: 300 },
      { durationUs: 60 * S, bytes: 400 },
    ];
    assert.deepEqual(bitShares(pieces, 1000, 10_000), [500, 1500, 1000]);
  });

  test('what a piece may not have goes to the others', () => {
    const pieces = [
      { durationUs: 30 * S, bytes: 100 },
      { durationUs: 30 * S, bytes: 800 },
    ];
    assert.deepEqual(bitShares(pieces, 1000, 1500), [500, 1500]);
    assert.deepEqual(bitShares(pieces, 1000, 900), [900, 900], 'never above the highest');
  });

  test('a piece that was not measured is like the others, and none is without bits', () => {
    const of = (bytes: number | undefined) => ({ durationUs: 30 * S, bytes });
    assert.deepEqual(bitShares([of(undefined), of(400), of(undefined)], 1000, 9000), [1000, 1000, 1000]);
    assert.deepEqual(bitShares([of(undefined), of(undefined)], 1000, 9000), [1000, 1000]);
    const [dark, bright] = bitShares([of(0), of(1000)], 1000, 9000);
    assert.ok(dark! > 0 && Math.abs(dark! + bright! - 2000) <= 1, `${dark} ${bright}`);
    assert.deepEqual(bitShares([], 1000, 9000), []);
  });
});
