import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseQuality, qualityName } from './quality.ts';

test('a quality is best, worst, a height with or without a frame rate, or a bitrate', () => {
  assert.deepEqual(['', 'best', 'Worst', '720p', '1080p60', '2500k', '2M', '1.5m'].map(parseQuality), [
    { kind: 'best' },
    { kind: 'best' },
    { kind: 'worst' },
    { kind: 'height', height: 720 },
    { kind: 'height', height: 1080, frameRate: 60 },
    { kind: 'bitrate', bitrate: 2_500_000 },
    { kind: 'bitrate', bitrate: 2_000_000 },
    { kind: 'bitrate', bitrate: 1_500_000 },
  ]);
});

test('other text is rejected with the valid values', () => {
  for (const text of ['high', '720', 'p', '2G', '-1k', '999999p', '720p6000', '1e3k']) {
    assert.throws(() => parseQuality(text), { name: 'FormatError', message: /write best, worst, 720p/ });
  }
});

test('the name of a quality selects it again', () => {
  assert.equal(qualityName({ height: 720, frameRate: 29.97, bandwidth: 9 }), '720p');
  assert.equal(qualityName({ height: 1080, frameRate: 59.94 }), '1080p60');
  assert.equal(qualityName({ bandwidth: 2_500_123 }), '2501k');
  assert.equal(qualityName({}), '');
  assert.deepEqual(parseQuality(qualityName({ bandwidth: 2_500_123 })), { kind: 'bitrate', bitrate: 2_501_000 });
});
