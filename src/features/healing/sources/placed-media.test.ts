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
  const how = { maxShiftMs: 10_000, measureLevels, trustsDates, maxBytes: 1e9, mayComeLater: true, signal };
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
  const how = { maxShiftMs: 10_000, measureLevels, trustsDates: true, maxBytes: 1e9, mayComeLater: true, signal };
  await assert.rejects(placeMedia(source(), { gap, around: surroundingsOf(recorded, gap), ...how }), /gone/);
});

test('a source at 24 Mbit/s is compared too, although its pictures do not all fit into memory', async () => {
  // A message that is no part of the picture.
  const filler = new Uint8Array(120_000).fill(1);
  new DataView(filler.buffer).setUint32(0, filler.length - 4);
  filler[4] = 6;
  async function* source(): AsyncGenerator<SourceFrames, void> {
    const run = { tracks: recorded.tracks, utcOffsetUs: recorded.utcOffsetUs };
    for (let second = 0; second < 110; second++) {
      const frames = recorded.frames.filter(({ trackId, dts }) => {
        return Math.floor(dts / (trackId === 1 ? 90_000 : 48_000)) === second;
      });
      const padded = frames.map((frame) => {
        return frame.trackId === 1 ? { ...frame, data: Buffer.concat([frame.data, filler]) } : frame;
      });
      yield { run, frames: padded };
    }
  }
  const measureLevels: MeasureLevels = async () => levelsOf(new Float32Array(30 * SOUND_RATE));
  const how = { maxShiftMs: 10_000, measureLevels, trustsDates: false, maxBytes: 1e9, mayComeLater: true, signal };
  const found = await placeMedia(source(), { gap, around: surroundingsOf(recorded, gap), ...how });
  assert.ok(found.kind === 'found', JSON.stringify(found));
  let pictures = 0;
  for await (const { run, frames } of found.media) {
    assert.equal(run.exactness.kind, 'same-frames');
    for (const { trackId, pts } of frames) {
      const ms = (run.utcOffsetUs + pts / 0.09) / 1000;
      if (trackId === 1 && ms >= gap.fromMs && ms < gap.toMs) pictures++;
    }
  }
  assert.equal(pictures, 250);
});

test('a source without any media that fits is read only to the limit of bytes', async () => {
  let parts = 0;
  async function* source(): AsyncGenerator<SourceFrames, void> {
    const run = { tracks: other.tracks, utcOffsetUs: other.utcOffsetUs };
    for (; parts < 100; parts++) yield { run, frames: other.frames };
  }
  let seed = 0;
  const measureLevels: MeasureLevels = async () => levelsOf(speech(seed++, 30));
  const size = other.frames.reduce((sum, { data }) => sum + data.length, 0);
  const how = { maxShiftMs: 10_000, measureLevels, trustsDates: true, mayComeLater: true, signal };
  const found = await placeMedia(source(), { gap, around: surroundingsOf(recorded, gap), ...how, maxBytes: 5 * size });
  assert.equal(found.kind, 'nothing');
  assert.ok(parts < 10, `${parts} parts were read`);
});
