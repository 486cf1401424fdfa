import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Track } from '@oxbow/media/frame';
import { audioTrack } from '@oxbow/media/isobmff/media.fixture';
import { audioNames } from './audio-names.ts';

assert.ok(audioTrack.kind === 'audio');
const { config } = audioTrack;
const track = (language: string, channels: number, label = ''): Track => ({
  ...audioTrack,
  kind: 'audio',
  language,
  label,
  config: { ...config, channels },
});

test('audio tracks are named in words: label, language, channels; no two alike', () => {
  for (const [tracks, names] of [
    [[track('und', 2)], ['Audio 1']],
    [[track('eng', 2)], ['English']],
    [
      [track('eng', 2), track('deu', 2)],
      ['English', 'German'],
    ],
    [
      [track('eng', 6), track('eng', 2)],
      ['English (5.1)', 'English (stereo)'],
    ],
    [
      [track('und', 6), track('und', 2)],
      ['Audio 1 (5.1)', 'Audio 2 (stereo)'],
    ],
    [
      [track('und', 2), track('und', 2)],
      ['Audio 1', 'Audio 2'],
    ],
    [
      [track('de', 2, 'Commentary'), track('de', 2)],
      ['Commentary', 'German'],
    ],
    [
      [track('de', 2, 'Main'), track('de', 2, 'Main'), track('de', 1, 'Main')],
      ['Main (stereo)', 'Main (stereo) 2', 'Main (mono)'],
    ],
    [
      [track('pt-BR', 2), track('x-none', 2), track('qaa', 5)],
      ['Brazilian Portuguese', 'x-none', 'qaa'],
    ],
    [
      [track('jpn', 8), track('jpn', 5)],
      ['Japanese (7.1)', 'Japanese (5 channels)'],
    ],
  ] as const) {
    assert.deepEqual(audioNames(tracks), names);
    assert.equal(new Set(names).size, names.length);
  }
});
