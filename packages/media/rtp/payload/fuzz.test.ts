import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fuzzDepacketizers, fuzzParameters } from './fuzz.fixture.ts';

test('36,000 random packets are read or reported, and nothing is thrown', () => {
  // HEVC has no parameter sets here, MPEG-TS gives bytes.
  assert.deepEqual([...fuzzDepacketizers(6184, 3000)], ['h264', 'av1', 'vp9', 'vp8', 'opus', 'aac', 'latm']);
});

test('random parameters of a session description are refused or ignored', () => {
  assert.ok(fuzzParameters(8866, 3000) > 100);
});
