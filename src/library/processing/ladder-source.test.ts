import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { AssetFacts, AssetTrackFacts } from '../../api/library/asset-facts.ts';
import { ladderDefaults, planLadder } from '../../transcode/ladder/plan.ts';
import { ladderSourceOf } from './ladder-source.ts';

/** A film at a bit rate below that of its rung. */
function rungsOf(height: number, pixelFormat: string | undefined): string[] {
  const base = { stream: 0, codecs: '', language: 'und', title: '', isDefault: true, isForced: false };
  const track = { ...base, kind: 'video', codec: 'h264', trackId: 1, width: (height * 16) / 9, height, frameRate: 25 };
  const video = { ...track, bitRate: 100_000, ...(pixelFormat && { pixelFormat }) } as AssetTrackFacts;
  const plan = planLadder(ladderSourceOf({ tracks: [video] } as unknown as AssetFacts), ladderDefaults);
  return plan.video!.renditions.map(({ id }) => id);
}

suite('the ladder of an original', () => {
  for (const format of ['yuv420p', 'yuvj420p']) {
    test(`H.264 in ${format} is its own highest quality`, () => {
      assert.deepEqual(rungsOf(720, format), ['v0-480', 'v0-360']);
      assert.deepEqual(rungsOf(360, format), []);
    });
  }
  for (const format of ['yuv444p', 'yuv422p', 'yuv420p10le', 'yuv422p10le', 'gray', undefined]) {
    test(`H.264 in ${format ?? 'an unknown format'}, which browsers do not decode, is encoded in its own size, too`, () => {
      assert.deepEqual(rungsOf(720, format), ['v0-720', 'v0-480', 'v0-360']);
      assert.deepEqual(rungsOf(360, format), ['v0-360']);
      assert.deepEqual(rungsOf(180, format), ['v0-180']);
    });
  }
});
