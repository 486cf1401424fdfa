import assert from 'node:assert/strict';
import { test } from 'node:test';
import { audioTrack, videoTrack } from '@oxbow/media/isobmff/media.fixture';
import { referenceOf } from './reference.ts';

test('the video of the source decides the cuts, not a derived quality of it that comes first', () => {
  const derived = { ...videoTrack, id: 101, rung: '480' } as const;
  assert.equal(referenceOf([derived, audioTrack, videoTrack] as never), videoTrack);
  assert.equal(referenceOf([audioTrack, derived] as never), derived);
});
