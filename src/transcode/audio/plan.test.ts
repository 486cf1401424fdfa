import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAacConfig } from '@oxbow/media/aac/config';
import type { AudioConfig, Track } from '@oxbow/media/frame';
import { planConversion } from './plan.ts';

const config = (change: Partial<AudioConfig>): AudioConfig => ({
  codec: 'mp3',
  record: new Uint8Array(0),
  codecs: 'mp4a.6B',
  sampleRate: 48_000,
  channels: 2,
  ...change,
});
const audio = (id: number, change: Partial<AudioConfig>, timescale = 48_000): Track => ({
  id,
  kind: 'audio',
  timescale,
  language: 'deu',
  label: 'Deutsch',
  config: config(change),
});
const video: Track = {
  id: 1,
  kind: 'video',
  timescale: 90_000,
  language: 'und',
  label: '',
  config: { codec: 'h264', record: Uint8Array.of(1), codecs: 'avc1.64001f', width: 640, height: 360 },
};

test('by default MP2 and Layer I are converted, and nothing else', () => {
  const tracks = [
    video,
    audio(2, { layer: 2 }),
    audio(3, { layer: 1 }),
    audio(4, {}),
    audio(5, { codec: 'ac3', codecs: 'ac-3', channels: 6 }),
    audio(6, { codec: 'aac', codecs: 'mp4a.40.2' }),
  ];
  const { converts, tracks: results } = planConversion(tracks, 'auto');
  assert.deepEqual(
    converts.map(({ id, codec }) => [id, codec]),
    [
      [2, 'mp2'],
      [3, 'mp1'],
    ],
  );
  assert.deepEqual(
    results.map(({ config: { codecs } }) => codecs),
    ['avc1.64001f', 'mp4a.40.2', 'mp4a.40.2', 'mp4a.6B', 'ac-3', 'mp4a.40.2'],
  );
});

test('a converted track keeps id, language and label; its configuration is known before the first frame', () => {
  const { tracks } = planConversion([audio(2, { layer: 2, channels: 1, sampleRate: 44_100 }, 1000)], 'auto');
  const [track] = tracks;
  assert.deepEqual([track?.id, track?.language, track?.label, track?.timescale], [2, 'deu', 'Deutsch', 44_100]);
  const parsed = parseAacConfig(track!.config.record);
  assert.deepEqual([parsed.objectType, parsed.sampleRate, parsed.channels], [2, 44_100, 1]);
});

test('aac converts all but AAC, Opus and FLAC, to stereo; keep converts nothing', () => {
  const tracks = [
    audio(2, { codec: 'eac3', channels: 6 }),
    audio(3, { codec: 'opus' }),
    audio(6, { codec: 'flac' }),
    audio(4, {}),
    audio(5, { codec: 'aac' }),
  ];
  const { converts } = planConversion(tracks, 'aac');
  assert.deepEqual(
    converts.map(({ id, channels }) => [id, channels]),
    [
      [2, 2],
      [4, 2],
    ],
  );
  const kept = planConversion([audio(2, { layer: 2 })], 'keep');
  assert.deepEqual([kept.converts.length, kept.tracks[0]?.config.codec], [0, 'mp3']);
});
