import assert from 'node:assert/strict';
import { test } from 'node:test';
import { trackFacts, warningsOf } from './track-facts.ts';

const track = { stream: 0, codecs: '', language: 'und', title: '', isDefault: true, isForced: false };

test('each track has one line with what is known of it', () => {
  const tracks = [
    { ...track, kind: 'video', codec: 'hevc', width: 3840, height: 2160, frameRate: 29.97002997, transfer: 'pq' },
    { ...track, kind: 'audio', codec: 'aac', sampleRate: 44_100, channels: 2, bitRate: 128_000 },
    { ...track, kind: 'text', codec: 'subrip', language: 'de' },
  ] as const;
  assert.deepEqual(trackFacts({ tracks }, 'en'), [
    { kind: 'video', text: 'HEVC · 3840 × 2160 · 29.97 fps · HDR10' },
    { kind: 'audio', text: 'AAC · 44.1 kHz · 2 ch · 128 kbit/s' },
    { kind: 'text', text: 'SRT · German' },
  ]);
});

test('facts of another shape are left out', () => {
  for (const facts of [null, {}, { tracks: 'none' }, { tracks: [{ kind: 'data' }, { kind: 'video' }] }]) {
    assert.deepEqual(trackFacts(facts as never, 'en'), []);
    assert.deepEqual(warningsOf(facts as never), []);
  }
  assert.deepEqual(warningsOf({ warnings: ['The last second is damaged.'] }), ['The last second is damaged.']);
});
