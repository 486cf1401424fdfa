import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StreamView } from '../../../src/api/shapes.ts';
import { encoderText, figuresOf, percentText } from './figures.ts';

const view: Pick<StreamView, 'tracks' | 'media' | 'publisher'> = {
  tracks: [
    { id: 1, kind: 'video', codecs: 'avc1.64001f', language: 'und', width: 1920, height: 1080, frameRate: 30 },
    { id: 2, kind: 'audio', codecs: 'mp4a.40.2', language: 'und', sampleRate: 48000, channels: 2 },
  ],
  media: { bitrate: 6_180_000, frameRate: 29.97, gopS: 2 },
  publisher: { protocol: 'srt', since: '2026-11-20T20:00:00.000Z', standby: 0 },
};

test('the figures name codec, size, rate, key frame interval and the connection', () => {
  const link = { rttMs: 41.6, lossShare: 0.0007, encoder: 'obs-output module (libobs version 30.2.3)' };
  assert.deepEqual(
    figuresOf(view, link).map(({ value }) => value),
    ['H.264 1920 × 1080', '30 fps', 'AAC · 48 kHz · 2 ch', '6.2 Mbit/s', '2 s', 'SRT', '42 ms', '0.07 %', 'OBS 30.2.3'],
  );
});

test('what the server converts has both names', () => {
  const tracks = view.tracks.map((track) => ({ ...track, convertedFrom: track.kind === 'video' ? 'vp8' : 'mp2' }));
  const values = figuresOf({ ...view, tracks }).map(({ value }) => value);
  assert.deepEqual([values[0], values[2]], ['VP8 → H.264 1920 × 1080', 'MP2 → AAC · 48 kHz · 2 ch']);
});

test('the figures of the last seconds are preferred to those of the stream', () => {
  const values = figuresOf(view, { frameRate: 18.42, bitrate: 2_400_000, keyIntervalS: 10.01 }).map(
    ({ value }) => value,
  );
  assert.deepEqual(values.slice(1, 5), ['18.4 fps', 'AAC · 48 kHz · 2 ch', '2.4 Mbit/s', '10 s']);
});

test('what is not known has no row', () => {
  assert.deepEqual(figuresOf({ tracks: [], media: null, publisher: null }), []);
});

test('a share has two digits while it is small', () => {
  assert.deepEqual([0, 0.00012, 0.0123, 0.25, 1].map(percentText), ['0 %', '0.012 %', '1.2 %', '25 %', '100 %']);
});

test('encoders have the names that their users know', () => {
  assert.equal(encoderText('Lavf59.27.100'), 'FFmpeg (Lavf59.27.100)');
  assert.equal(encoderText('Larix/1.3'), 'Larix/1.3');
});
