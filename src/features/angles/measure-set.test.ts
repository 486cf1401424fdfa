import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { LEVELS_PER_SECOND, LevelMeter } from '@oxbow/media/align/energy';
import { SOUND_RATE, speech, withNoise } from '@oxbow/media/align/sound.fixture';
import { joinPlaces } from '@oxbow/media/align/two-places';
import type { Angle } from './angle-members.ts';
import { measureSet, type ReadSound } from './measure-set.ts';

/** A clock of the present, ms. */
const START_MS = 1_795_160_000_000;
const STEP_MS = 1000 / LEVELS_PER_SECOND;
const { signal } = new AbortController();

/** What a member has: its sound begins at a time of its clock. */
interface Sound {
  readonly fromMs: number;
  readonly levels: Float32Array;
}

const levelsOf = (samples: Float32Array): Float32Array => {
  const meter = new LevelMeter(100_000);
  meter.add(0, samples, SOUND_RATE);
  return meter.levels;
};
const cut = (samples: Float32Array, fromS: number, toS: number) =>
  samples.subarray(Math.round(fromS * SOUND_RATE), Math.round(toS * SOUND_RATE));
const member = (id: string, offsetMs = 0) =>
  ({ member: { id, kind: 'stream', of: id, offsetMs, how: 'time' } }) as unknown as Angle;

/** Reads the sound of members by their ids. */
function reading(sounds: Readonly<Record<string, Sound>>): ReadSound {
  return async ({ member: { id } }, { fromMs, toMs }) => {
    const sound = sounds[id];
    if (!sound) return undefined;
    const first = Math.max(0, Math.floor((fromMs - sound.fromMs) / STEP_MS));
    const levels = sound.levels.subarray(first, Math.max(first, Math.ceil((toMs - sound.fromMs) / STEP_MS)));
    return levels.length === 0 ? undefined : { fromMs: sound.fromMs + first * STEP_MS, levels };
  };
}

const measure = (angles: readonly Angle[], sounds: Readonly<Record<string, Sound>>, atMs: number, withinMs = 30_000) =>
  measureSet(angles, { atMs, withinMs }, { readSound: reading(sounds), progress() {}, signal });

suite('the sound of a set', () => {
  test('gives the offset of each member; silence and other programmes give none', async () => {
    const sound = speech(42, 100);
    const sounds = {
      front: { fromMs: START_MS, levels: levelsOf(withNoise(cut(sound, 0, 100), 10, 1)) },
      back: { fromMs: START_MS + 5000 - 12_345, levels: levelsOf(withNoise(cut(sound, 5, 95), 10, 2)) },
      phone: { fromMs: 0, levels: levelsOf(withNoise(cut(sound, 30.2, 90), 10, 3)) },
      other: { fromMs: START_MS, levels: levelsOf(speech(43, 100)) },
      silent: { fromMs: START_MS, levels: new Float32Array(10_000) },
      muted: { fromMs: START_MS, levels: new Float32Array(10_000) },
    };
    const angles = [
      member('none'),
      member('muted'),
      member('front'),
      member('back'),
      member('phone', START_MS + 30_200 - 25_000),
      member('other'),
      member('silent'),
    ];
    const { reference, found, missed } = await measure(angles, sounds, START_MS + 40_000);
    assert.equal(reference, 'front', 'the first one with sound, after a camera whose microphone is off');
    assert.deepEqual(
      found.map(({ id }) => id),
      ['back', 'phone'],
    );
    const expected = [12_345, START_MS + 30_200];
    for (const [i, { offsetMs, errorMs, confidence }] of found.entries()) {
      assert.ok(Math.abs(offsetMs - expected[i]!) <= Math.min(20, errorMs), `${offsetMs - expected[i]!} ms`);
      assert.ok(confidence > 0.5 && confidence <= 1);
    }
    assert.deepEqual(missed, [
      { member: 'none', reason: 'no-sound' },
      { member: 'muted', reason: 'steady' },
      { member: 'other', reason: 'different' },
      { member: 'silent', reason: 'steady' },
    ]);
  });

  test('beyond the range that is searched gives no offset, and a wider search finds it', async () => {
    const sound = speech(44, 150);
    const sounds = {
      front: { fromMs: START_MS, levels: levelsOf(cut(sound, 0, 150)) },
      back: { fromMs: START_MS - 45_000, levels: levelsOf(withNoise(cut(sound, 0, 150), 20, 2)) },
    };
    const angles = [member('front'), member('back')];
    assert.equal((await measure(angles, sounds, START_MS + 50_000)).found.length, 0);
    const { found } = await measure(angles, sounds, START_MS + 50_000, 60_000);
    assert.ok(Math.abs(found[0]!.offsetMs - 45_000) <= 10);
  });

  test('is compared at a second place: a clock that is 100 ppm slow is found', async () => {
    const [early, late] = [speech(45, 100), speech(46, 100)];
    const join = (a: Float32Array, b: Float32Array, apartS: number) => {
      const joined = new Float32Array((apartS + 100) * LEVELS_PER_SECOND);
      joined.set(levelsOf(a));
      joined.set(levelsOf(b), apartS * LEVELS_PER_SECOND);
      return joined;
    };
    const front = { fromMs: START_MS, levels: join(early, late, 300) };
    // After five minutes this one is 30 ms behind.
    const back = { fromMs: START_MS, levels: join(early, cut(late, 0.03, 100), 300) };
    const { found } = await measure([member('front'), member('back')], { front, back }, START_MS + 340_000);
    const [{ offsetMs, drift }] = found as [(typeof found)[number]];
    assert.ok(Math.abs(offsetMs - 30) <= 5, `${offsetMs}`);
    assert.ok(drift && drift.overMs === 300_000 && Math.abs(drift.ms - 30) <= 8, JSON.stringify(drift));
    const same = await measure([member('front'), member('same')], { front, same: front }, START_MS + 340_000);
    assert.equal(same.found[0]!.drift, undefined);
    assert.ok(same.found[0]!.confidence > 0.95, 'two places agree');
  });
});

test('two places agree, drift or contradict each other', () => {
  const match = (offsetMs: number) => ({ isFound: true, offsetMs, errorMs: 5, confidence: 0.8 }) as const;
  assert.deepEqual(joinPlaces(match(100), match(107), -300_000).drift, undefined);
  assert.ok(joinPlaces(match(100), match(107), -300_000).confidence > 0.95);
  const earlier = joinPlaces(match(100), match(70), -300_000);
  assert.deepEqual(earlier.drift, { ms: 30, overMs: 300_000 });
  assert.deepEqual(joinPlaces(match(100), match(130), 300_000).drift, { ms: 30, overMs: 300_000 });
  const jump = joinPlaces(match(100), match(5100), 300_000);
  assert.deepEqual([jump.drift, jump.confidence, jump.offsetMs], [{ ms: 5000, overMs: 300_000 }, 0.4, 100]);
});
