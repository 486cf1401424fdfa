import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AssetLadder } from '../../../src/api/library/asset-facts.ts';
import { ladderFacts } from './ladder-facts.ts';

const rung = { name: '720', width: 1280, height: 720, bitRate: 600_000, maxRate: 2_800_000, xpsnr: 45 };
const ladder: AssetLadder = {
  plan: 'measured',
  rungs: [rung, { ...rung, name: '720-2', bitRate: 390_000, maxRate: 1_800_000 }],
  fixed: [rung],
  samples: 3,
  points: [],
};

test('a measured ladder says what the best quality needs, and what the fixed ladder allows', () => {
  assert.deepEqual(ladderFacts({ ladder }), {
    plan: 'measured',
    best: { name: '720p', rate: '600 kbit/s', limit: '2.8 Mbit/s' },
    rungs: ['720p 600 kbit/s', '720p 390 kbit/s'],
  });
});

test('the name of a portrait video is its width', () => {
  const portrait = { ...rung, width: 720, height: 1280 };
  assert.equal(ladderFacts({ ladder: { ...ladder, rungs: [portrait], fixed: [portrait] } })!.best.name, '720p');
});

test('without a measurement, and of facts of another shape, there is nothing to show', () => {
  for (const facts of [
    null,
    {},
    { ladder: { ...ladder, rungs: [] } },
    { ladder: 'yes' },
    { ladder: { plan: 'other' } },
  ])
    assert.equal(ladderFacts(facts as never), undefined);
});
