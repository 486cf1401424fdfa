import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { seeded } from '@oxbow/media/random.fixture';
import { compareSounds, likenessAt } from './audio.fixture.ts';

const RATE = 48_000;
const MAX_LAG = 250;

/** The left channel of `soundInput`, with noise. */
function toneAt(fromS: number, seconds: number, noise = 0): Float32Array {
  const random = seeded(1);
  return Float32Array.from({ length: seconds * RATE }, (_, i) => {
    const t = fromS + i / RATE;
    return 0.5 * Math.sin(2 * Math.PI * (200 * t + 40 * t * t)) + noise * (random(2001) / 1000 - 1);
  });
}

/** What `compareSounds` returns, by trying each lag. */
function exhaustive(sound: Float32Array, other: Float32Array) {
  let best = { lag: 0, likeness: -1 };
  for (let lag = -MAX_LAG; lag <= MAX_LAG; lag++) {
    const likeness = likenessAt(sound, other, lag);
    if (likeness > best.likeness) best = { lag, likeness };
  }
  return best;
}

suite('sounds are compared as if each lag was tried', () => {
  const [from, length] = [MAX_LAG, 0.35 * RATE];
  for (const fromS of [0.3, 6]) {
    const long = toneAt(fromS, 0.4);
    const sound = long.slice(from, from + length);
    const hole = (at: number) => long.slice().fill(0, at, at + 0.075 * RATE);
    for (const [name, other] of [
      ['the same', long],
      ['with noise', toneAt(fromS, 0.4, 0.2)],
      ['with silence at the start', hole(0)],
      ['with silence in the middle', hole(0.15 * RATE)],
      ['with silence at the end', hole(0.3 * RATE)],
    ] as const) {
      test(`${name}, from ${fromS} s on`, () => {
        for (const lag of [-247, 0, 120]) {
          const later = other.subarray(from - lag, from - lag + length);
          assert.deepEqual(compareSounds(sound, later, MAX_LAG), exhaustive(sound, later), `lag ${lag}`);
        }
      });
    }
  }

  test('another sound is not like it', () => {
    const { likeness } = compareSounds(toneAt(0.3, 0.4), toneAt(5, 0.4), MAX_LAG);
    assert.ok(likeness < 0.5, `${likeness}`);
  });
});
