import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { concatBytes } from '@oxbow/media/bytes';
import { flacConfigFromHeader } from '@oxbow/media/flac/stream-info';
import type { AudioConfig } from '@oxbow/media/frame';
import { printInit } from '@oxbow/media/isobmff/init';
import { ac3Track, audioTrack, eac3Track, flacTrack, mp3Track, opusTrack } from '@oxbow/media/isobmff/media.fixture';
import { fragmentsOf } from '@oxbow/media/isobmff/real-media.fixture';
import type { Frame } from 'node-av/lib';
import { readFrames } from '../../test/fixtures/media/inside.ts';
import { need } from '../../test/fixtures/need.ts';
import { audioFrameS, silenceFor } from './audio-frame.ts';

const configOf = (track: { config: unknown }) => track.config as AudioConfig;

test('a frame has the duration of its codec', () => {
  const samples = [audioTrack, mp3Track, ac3Track, eac3Track, opusTrack, flacTrack].map((track) =>
    Math.round(audioFrameS(configOf(track)) * 48_000),
  );
  assert.deepEqual(samples, [1024, 1152, 1536, 1536, 960, 4608]);
  const low = { ...configOf(mp3Track), sampleRate: 22_050 };
  assert.equal(audioFrameS(low), 576 / 22_050);
});

test('AC-3 has no silent frame', () => {
  assert.equal(silenceFor(configOf(ac3Track)), undefined);
  assert.equal(silenceFor(configOf(eac3Track)), undefined);
});

suite('silence', { skip: need('ffmpeg') }, () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'oxbow-silence-'));
  });
  after(() => rmSync(folder, { recursive: true }));
  const mp3 = (sampleRate: number, channels: number): AudioConfig => ({
    codec: 'mp3',
    record: new Uint8Array(0),
    sampleRate,
    channels,
    codecs: sampleRate < 32_000 ? 'mp4a.69' : 'mp4a.6B',
  });
  const opus = (channels: number): AudioConfig => ({
    ...configOf(opusTrack),
    record: Uint8Array.from(configOf(opusTrack).record.with(1, channels)),
    channels,
  });
  /** Frames of 4096 samples. */
  const flac = (sampleRate: number, channels: number, bitDepth: number): AudioConfig => {
    const info = new Uint8Array(34);
    const word = sampleRate * 0x1000 + (channels - 1) * 0x200 + (bitDepth - 1) * 0x10;
    info.set([0x10, 0, 0x10, 0]);
    new DataView(info.buffer).setUint32(10, word);
    return flacConfigFromHeader(info);
  };
  for (const config of [
    ...[48_000, 44_100, 32_000, 24_000, 22_050, 16_000].flatMap((rate) => [mp3(rate, 1), mp3(rate, 2)]),
    opus(1),
    opus(2),
    ...[flac(44_100, 1, 16), flac(48_000, 2, 24), flac(96_000, 6, 16), flac(192_000, 2, 24), flac(37_800, 8, 16)],
  ]) {
    const { codec, sampleRate, channels } = config;
    test(`of ${codec} at ${sampleRate} Hz with ${channels} channels is decoded by FFmpeg to nothing but zeros`, () => {
      const track = { ...audioTrack, id: 1, timescale: sampleRate, config } as typeof audioTrack;
      const duration = Math.round(audioFrameS(config) * sampleRate);
      const data = silenceFor(config)!;
      const frames = Array.from({ length: 20 }, (_, i) => {
        return { trackId: 1, dts: i * duration, pts: i * duration, duration, key: true, data };
      });
      const input = concatBytes([printInit([track]), fragmentsOf([track], frames)]);
      const path = join(folder, 'silence.mp4');
      writeFileSync(path, input);
      const read = ({ data, nbSamples }: Frame) => new Uint8Array(data![0]!.subarray(0, nbSamples * channels * 2));
      const out = concatBytes(readFrames(`amovie=${path},aformat=sample_fmts=s16`, read));
      assert.ok(out.length >= 19 * duration * channels * 2, `${out.length} bytes`);
      assert.ok(out.every((byte) => byte === 0));
    });
  }
});
