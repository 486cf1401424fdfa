import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seeded } from '../random.fixture.ts';
import { correlate } from './correlate.ts';
import { LevelMeter, type SoundLevels } from './energy.ts';
import { beat, normals, SOUND_RATE, speech, withNoise } from './sound.fixture.ts';
import { matchSound } from './sound-match.ts';

/** Levels of a cut of some sound. @param fromMs time that the recording gives to its first sample */
function levelsOf(samples: Float32Array, fromS: number, toS: number, fromMs: number): SoundLevels {
  const meter = new LevelMeter(100_000);
  meter.add(0, samples.subarray(Math.round(fromS * SOUND_RATE), Math.round(toS * SOUND_RATE)), SOUND_RATE);
  return { fromMs, levels: meter.levels };
}

const wide = { maxOffsetMs: 31_000 };

test('sums of products are those of the definition', () => {
  const random = seeded(3);
  const row = (length: number) => Float64Array.from({ length }, () => random(100) - 50);
  const [a, b] = [row(37), row(21)];
  const sums = correlate(a, b);
  assert.equal(sums.length, 57);
  for (let shift = -20; shift < 37; shift++) {
    let sum = 0;
    for (let i = 0; i < b.length; i++) sum += (a[i + shift] ?? 0) * b[i]!;
    assert.ok(Math.abs(sums[shift + 20]! - sum) < 1e-6, `shift ${shift}`);
  }
});

test('two recordings with noise at 10 dB and offsets of up to 30 s: an error of at most 20 ms in 95 %', () => {
  const random = seeded(49);
  const errors: number[] = [];
  for (let pair = 0; pair < 20; pair++) {
    const sound = speech(1000 + pair, 90);
    const trueMs = random(60_001) - 30_000 + random(10) / 10;
    const one = withNoise(sound, 10, 7 * pair + 1).map((sample) => sample * 0.3);
    const two = withNoise(sound, 10, 7 * pair + 2);
    // The other recording of the same second has times that are smaller by the offset.
    const reference = levelsOf(one, 2.003, 62, 2003);
    const other = levelsOf(two, 10.0047, 85, 10_004.7 - trueMs);
    const match = matchSound(reference, other, wide);
    if (!match.isFound) continue;
    errors.push(Math.abs(match.offsetMs - trueMs));
    assert.ok(match.confidence > 0 && match.confidence <= 1);
  }
  const good = errors.filter((error) => error <= 20).length;
  assert.ok(good >= 19, `${good} of 20: ${errors.map((each) => each.toFixed(1)).join(' ')}`);
  assert.ok(
    errors.every((error) => error <= 20),
    'what is found is right',
  );
});

test('the error that a match names holds', () => {
  for (let seed = 0; seed < 10; seed++) {
    const sound = speech(seed, 40);
    const match = matchSound(levelsOf(sound, 0, 30, 0), levelsOf(withNoise(sound, 6, seed), 5.0033, 40, 0), wide);
    assert.ok(match.isFound);
    assert.ok(Math.abs(match.offsetMs - 5003.3) <= match.errorMs, `${match.offsetMs} within ${match.errorMs}`);
  }
});

test('ten seconds in common are enough, less are not compared', () => {
  const sound = speech(5, 40);
  const match = matchSound(levelsOf(sound, 0, 25, 0), levelsOf(sound, 13, 40, 13_000), wide);
  assert.ok(match.isFound && Math.abs(match.offsetMs) <= 10);
  const short = matchSound(levelsOf(sound, 0, 9, 0), levelsOf(sound, 0, 40, 0), wide);
  assert.deepEqual(short, { isFound: false, reason: 'short' });
});

test('a beat, a hum, silence and another sound give no offset', () => {
  const reasonOf = (a: Float32Array, b: Float32Array) => {
    const match = matchSound(levelsOf(a, 0, 40, 0), levelsOf(b, 3, 40, 0), wide);
    return match.isFound ? `found ${match.offsetMs}` : match.reason;
  };
  assert.equal(reasonOf(beat(0.5, 40), withNoise(beat(0.5, 40), 20, 1)), 'periodic');
  assert.equal(reasonOf(beat(2, 40), beat(2, 40)), 'periodic');
  const hum = Float32Array.from(
    { length: 40 * SOUND_RATE },
    (_, i) => 0.3 * Math.sin((i * 50 * 2 * Math.PI) / SOUND_RATE),
  );
  assert.equal(reasonOf(hum, speech(1, 40)), 'steady');
  assert.equal(reasonOf(new Float32Array(40 * SOUND_RATE), speech(1, 40)), 'steady');
  for (let seed = 0; seed < 40; seed += 2) assert.equal(reasonOf(speech(seed, 40), speech(seed + 1, 40)), 'different');
});

test('noise without changes of its level gives no offset', () => {
  const hiss = (seed: number) => {
    const normal = normals(seed);
    return Float32Array.from({ length: 40 * SOUND_RATE }, () => 0.1 * normal());
  };
  const match = matchSound(levelsOf(hiss(1), 0, 40, 0), levelsOf(hiss(2), 0, 40, 0), wide);
  assert.equal(match.isFound, false);
});

test('a sound that repeats gives no offset, also where few offsets are compared', () => {
  for (const everyS of [0.5, 1, 2, 3.7]) {
    const sound = beat(everyS, 60);
    // Of these offsets only one has ten seconds in common.
    const narrow = matchSound(levelsOf(sound, 0, 30, 30_000), levelsOf(sound, 0, 30, 0), { maxOffsetMs: 10_000 });
    assert.equal(narrow.isFound, false, `a beat each ${everyS} s`);
    const short = matchSound(levelsOf(sound, 0, 10.2, 0), levelsOf(withNoise(sound, 20, 1), 0, 10.2, 0), wide);
    assert.equal(short.isFound, false, `ten seconds of a beat each ${everyS} s`);
  }
});

test('a match outside of the permitted offsets is none', () => {
  const sound = speech(9, 60);
  const match = matchSound(levelsOf(sound, 0, 40, 0), levelsOf(sound, 15, 60, 0), { maxOffsetMs: 10_000 });
  assert.equal(match.isFound, false);
});

test('holes in the sound are silence, and sound after the bound is left out', () => {
  const meter = new LevelMeter(300);
  const second = new Float32Array(SOUND_RATE).fill(0.5);
  meter.add(0, second, SOUND_RATE);
  meter.add(2, second, SOUND_RATE);
  meter.add(2.5, second, SOUND_RATE);
  const { levels } = meter;
  assert.equal(levels.length, 300);
  assert.deepEqual([levels[50], levels[150], levels[250]], [0.5, 0, 0.5]);
});
