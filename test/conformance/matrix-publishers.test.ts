/**
 * The matrix of media, fifth side: publishers, whose live playlist begins before their second key frame.
 * docs/media.md 10, docs/decisions/0024-a-publisher-is-listed-before-its-second-key-frame.md.
 */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { need } from '../fixtures/need.ts';
import { assertLive } from './harness/assertions.ts';
import { encode } from './harness/encoded-media.ts';
import { StreamHarness } from './harness/stream-harness.ts';

suite('the first playlists of a publisher', { skip: need('ffmpeg'), concurrency: 2 }, () => {
  for (const { gopS, bFrames = 0 } of [
    { gopS: 0.5 },
    { gopS: 1 },
    { gopS: 2, bFrames: 2 },
    { gopS: 3 },
    { gopS: 2, bFrames: 3 },
    { gopS: 10 },
    { gopS: 10, bFrames: 3 },
    { gopS: 10, bFrames: 16 },
  ]) {
    test(`GOPs of ${gopS} s, B-frames ${bFrames}: conform, and none of their media is missing`, async () => {
      await using harness = await StreamHarness.open();
      const media = await encode({ seconds: 22, rate: '30', gopS, bFrames });
      await harness.play(media, { clock: 'arrival' });
      await harness.end();
      await assertLive(harness);
      const lists = [...harness.players].filter(([path]) => path.includes('/v0/'));
      assert.deepEqual(
        lists.map(([, { received }]) => received[0]!.list.targetDurationS),
        [4],
      );
    });
  }
});
