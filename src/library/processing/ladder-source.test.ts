import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { AssetFacts, AssetTrackFacts } from '../../api/library/asset-facts.ts';
import { ladderDefaults, planLadder } from '../../transcode/ladder/plan.ts';
import { ladderSourceOf } from './ladder-source.ts';

/** A film at a bit rate below that of its rung. */
function rungsOf(height: number, pixelFormat: string | undefined, facts: Partial<AssetTrackFacts> = {}): string[] {
  const base = { stream: 0, codecs: '', language: 'und', title: '', isDefault: true, isForced: false };
  const track = { ...base, kind: 'video', codec: 'h264', trackId: 1, width: (height * 16) / 9, height, frameRate: 25 };
  const video = { ...track, bitRate: 100_000, ...(pixelFormat && { pixelFormat }), ...facts } as AssetTrackFacts;
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
  test('interlaced H.264 has a quality of its size, whatever the rungs, which takes its place', () => {
    assert.deepEqual(rungsOf(1080, 'yuv420p', { interlaced: true }), ['v0-1080-full', 'v0-720', 'v0-480', 'v0-360']);
    assert.deepEqual(rungsOf(576, 'yuv420p', { interlaced: true }), ['v0-576-full', 'v0-480', 'v0-360']);
    assert.deepEqual(rungsOf(240, 'yuv422p10le', { interlaced: true }), ['v0-240-full']);
    assert.deepEqual(rungsOf(720, 'yuv420p', {}), ['v0-480', 'v0-360']);
  });

  for (const format of ['yuv444p', 'yuv422p', 'yuv420p10le', 'yuv422p10le', 'gray', undefined]) {
    test(`H.264 in ${format ?? 'an unknown format'}, which browsers do not decode, is encoded in its own size, too`, () => {
      assert.deepEqual(rungsOf(720, format), ['v0-720', 'v0-480', 'v0-360']);
      assert.deepEqual(rungsOf(360, format), ['v0-360']);
      assert.deepEqual(rungsOf(180, format), ['v0-180']);
    });
  }
});
