import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LevelMeter } from '@oxbow/media/align/energy';
import { beat, SOUND_RATE, speech } from '@oxbow/media/align/sound.fixture';
import { cameraStretch } from '../../../../test/fixtures/rtsp/camera-stretch.ts';
import type { MeasureLevels } from '../../../ffmpeg/engine.ts';
import type { HealingGap } from '../source.ts';
import { type Broadcast, readFound, surroundingsOf } from '../surroundings.fixture.ts';
import { placeMedia, type SourceFrames } from './placed-media.ts';

const { signal } = new AbortController();
const T0 = Date.UTC(2026, 10, 30);
const gap: HealingGap = { fromMs: T0 + 60_000, toMs: T0 + 70_000, cause: 'offline' };
const recorded: Broadcast = cameraStretch(T0, 140, 1);
/** The same time in another encode: no frame is the same. */
const other: Broadcast = cameraStretch(T0, 140, 2);

/** Levels of silence, or of a sound that begins with the first frame that is measured. */
const levelsOf = (samples: Float32Array): Float32Array => {
  const meter = new LevelMeter(100_000);
  meter.add(0, samples, SOUND_RATE);
  return meter.levels;
};

async function place(measureLevels: MeasureLevels, trustsDates: boolean) {
  let isClosed = false;
  async function* source(): AsyncGenerator<SourceFrames, void> {
    try {
      const run = { tracks: other.tracks, utcOffsetUs: other.utcOffsetUs };
      yield { run, frames: other.frames };
    } finally {
      isClosed = true;
    }
  }
  const how = { maxShiftMs: 10_000, measureLevels, trustsDates, mayComeLater: true, signal };
  const found = await placeMedia(source(), { gap, around: surroundingsOf(recorded, gap), ...how });
  const read = found.kind === 'found' ? await readFound(found) : undefined;
  assert.ok(isClosed, 'the source is closed');
  return { found, read };
}

test('where sound says nothing, dates count only if they are trusted', async () => {
  for (const samples of [new Float32Array(30 * SOUND_RATE), beat(1, 30)]) {
    const measure: MeasureLevels = async () => levelsOf(samples);
    const { read } = await place(measure, true);
    assert.deepEqual(read?.runs[0]?.exactness, { kind: 'dated' });
    assert.equal(read?.runs[0]?.utcOffsetUs, other.utcOffsetUs);
    const { found } = await place(measure, false);
    assert.equal(found.kind, 'nothing');
  }
});

test('media whose sound differs is not taken, whatever its dates are', async () => {
  let seed = 0;
  const { found } = await place(async () => levelsOf(speech(seed++, 30)), true);
  assert.deepEqual(found, {
    kind: 'nothing',
    reason: 'its sound differs from the recording',
    mayComeLater: true,
  });
});

test('a source that fails before its media is placed rejects', async () => {
  // biome-ignore lint/correctness/useYield: it fails first
  async function* source(): AsyncGenerator<SourceFrames, void> {
    throw new Error('gone');
  }
  const measureLevels: MeasureLevels = () => assert.fail('nothing is measured');
  const how = { maxShiftMs: 10_000, measureLevels, trustsDates: true, mayComeLater: true, signal };
  await assert.rejects(placeMedia(source(), { gap, around: surroundingsOf(recorded, gap), ...how }), /gone/);
});
