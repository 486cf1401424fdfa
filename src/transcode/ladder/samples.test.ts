import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { samplesOf } from './samples.ts';

const S = 1_000_000;
const cutsOf = (count: number, stepS: number) => Array.from({ length: count }, (_, i) => i * stepS * S);

suite('samples of a video', () => {
  test('a short video has none, a longer one up to five of 2 s: less than 1.7 % of it', () => {
    assert.deepEqual(samplesOf({ cuts: cutsOf(29, 6), endUs: 174 * S }).cuts, []);
    for (const [seconds, count, sampleS] of [
      [180, 3, 1],
      [360, 3, 2],
      [480, 4, 2],
      [600, 5, 2],
      [36_000, 5, 2],
    ] as const) {
      const { cuts, sampleUs } = samplesOf({ cuts: cutsOf(seconds / 6, 6), endUs: seconds * S });
      assert.deepEqual([cuts.length, sampleUs], [count, sampleS * S], `${seconds} s`);
      assert.ok((count * sampleS) / seconds < 0.017);
    }
  });

  test('without sizes they are spread over the video, the middle one first', () => {
    const { cuts } = samplesOf({ cuts: cutsOf(100, 6), endUs: 600 * S });
    assert.deepEqual(
      cuts.map((us) => us / S),
      [300, 540, 60, 420, 180],
    );
  });

  test('they are as complex as the video: of its hardest fifth, of its easiest, and between', () => {
    // Slides with one fifth of moving pictures.
    const bytes = Array.from({ length: 100 }, (_, i) => (i >= 40 && i < 60 ? 100_000 + i : 1000 + i));
    const { cuts } = samplesOf({ cuts: cutsOf(100, 6), endUs: 600 * S, bytes });
    const hard = cuts.filter((us) => us >= 240 * S && us < 360 * S);
    assert.equal(hard.length, 1);
    assert.equal(cuts[1], hard[0], 'the hardest is measured second');
  });

  test('one that would end after the video is not taken, and equal ones only once', () => {
    const { cuts } = samplesOf({ cuts: [0, 599 * S], endUs: 600 * S });
    assert.deepEqual(cuts, [0]);
  });
});
