import assert from 'node:assert/strict';
import { test } from 'node:test';
import { layerChoiceOf } from './layer-choice.ts';

const sizes = [90, 360, 180].map((height) => ({ width: height * 2, height }));

test('the picture of the stream is the largest one, or the one that the settings name', () => {
  const heightOf = (quality?: string) => {
    const { rank } = layerChoiceOf({ quality });
    return [...sizes].sort((a, b) => rank(b) - rank(a))[0]!.height;
  };
  const heights = [undefined, 'best', 'worst', '180p', '300p', '50p', '2M'].map(heightOf);
  assert.deepEqual(heights, [360, 360, 90, 180, 180, 90, 360]);
});

test('all others are qualities, or those of the settings', () => {
  const taken = (qualities?: string) => [90, 180, 360].filter(layerChoiceOf({ qualities }).takes);
  assert.deepEqual([undefined, 'all', 'best', '180p, 90'].map(taken), [[90, 180, 360], [90, 180, 360], [], [90, 180]]);
});
