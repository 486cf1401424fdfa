import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EvidenceGap } from './block.ts';
import { openGaps } from './open-gaps.ts';

const S = 1_000_000;
const gap = (fromS: number, toS: number): EvidenceGap => [fromS * S, toS * S, 'source-down', 'HTTP 404'];
const segment = (fromS: number, durationS: number) => ({ from: fromS * S, duration: durationS * S });

test('a gap that was filled in later is none; of one that was filled in part, the rest is', () => {
  assert.deepEqual(openGaps([gap(10, 20), gap(30, 40)], []), [gap(10, 20), gap(30, 40)]);
  assert.deepEqual(openGaps([gap(10, 20)], [segment(9.8, 5), segment(14.9, 4.8)]), []);
  const part = [segment(12, 2), segment(14, 2)];
  assert.deepEqual(openGaps([gap(10, 20)], part), [gap(10, 12), gap(16, 20)]);
  assert.deepEqual(openGaps([gap(10, 20)], [segment(0, 10), segment(20, 5)]), [gap(10, 20)]);
});

test('a gap without a length is a note, and a short one counts', () => {
  assert.deepEqual(openGaps([gap(10, 10), gap(10, 10.2)], []), [gap(10, 10.2)]);
});
