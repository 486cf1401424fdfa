import assert from 'node:assert/strict';
import { test } from 'node:test';
import { trackText } from './track-text.ts';

test('a track is described by the common name of its codec and its known properties', () => {
  const video = { id: 1, kind: 'video', codecs: 'avc1.64001f', language: 'und' } as const;
  assert.equal(
    trackText({ ...video, width: 1280, height: 720, frameRate: 29.97002997 }),
    'H.264 (avc1.64001f) · 1280 × 720 · 29.97 fps',
  );
  assert.equal(
    trackText({ id: 2, kind: 'audio', codecs: 'mp4a.40.2', language: 'eng', sampleRate: 44_100, channels: 2 }),
    'AAC (mp4a.40.2) · 44.1 kHz · 2 ch · eng',
  );
  assert.equal(trackText({ ...video, codecs: 'vp09.00' }), 'VP9 (vp09.00)');
  assert.equal(trackText({ id: 2, kind: 'audio', codecs: 'mp4a.6B', language: 'und' }), 'MP3 (mp4a.6B)');
  assert.equal(trackText({ ...video, codecs: 'xy01' }), 'xy01');
});
