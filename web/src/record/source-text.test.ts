import assert from 'node:assert/strict';
import { test } from 'node:test';
import { protocolText, qualityText } from './source-text.ts';

test('a source is described in terms of the field', () => {
  assert.equal(protocolText('hls', 'mpegts'), 'HLS, MPEG-TS');
  assert.equal(protocolText('page', ''), 'yt-dlp');
  assert.equal(protocolText('mp4', 'mp4'), 'MP4');
  assert.equal(protocolText('hls', 'something-new'), 'HLS, something-new');
});

test('a quality adds what its name does not say', () => {
  assert.equal(
    qualityText({ name: '720p', width: 1280, height: 720, bandwidth: 2_500_000 }),
    '1280 × 720 · 2.5 Mbit/s',
  );
  assert.equal(qualityText({ name: '720p' }), '');
});
