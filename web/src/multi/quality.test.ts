import assert from 'node:assert/strict';
import { test } from 'node:test';
import { qualityFor } from './quality.ts';

const choice = (height: number | undefined) => ({ id: `v0-${height}`, language: '', label: '', height });
const ladder = [1080, 720, 360, 180].map(choice);

test('a tile plays the smallest rendition that fills it', () => {
  assert.equal(qualityFor(ladder, 150), 'v0-180');
  assert.equal(qualityFor(ladder, 180), 'v0-180');
  assert.equal(qualityFor(ladder, 200), 'v0-360');
  assert.equal(qualityFor(ladder, 700), 'v0-720');
});

test('a tile that needs the best rendition leaves the choice to the player, and one without a choice too', () => {
  assert.equal(qualityFor(ladder, 1080), null);
  assert.equal(qualityFor(ladder, 2000), null);
  assert.equal(qualityFor([], 100), null);
  assert.equal(qualityFor([choice(undefined)], 100), null);
});
