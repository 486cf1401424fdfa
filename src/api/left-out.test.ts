import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LeftOutTrack } from '@oxbow/media/left-out';
import { leftOutSentence } from './left-out.ts';

const video: LeftOutTrack = { kind: 'video', name: 'MPEG-2 video' };
const audio: LeftOutTrack = { kind: 'audio', name: 'DTS audio' };
const program = (number: number): LeftOutTrack => ({ kind: 'program', name: `program ${number}` });

test('tracks that oxbow cannot take and programs that were not selected have different sentences', () => {
  const cases: readonly (readonly [readonly LeftOutTrack[], string])[] = [
    [[], ''],
    [[video], 'Left out: MPEG-2 video. oxbow cannot take this track.'],
    [[video, audio], 'Left out: MPEG-2 video, DTS audio. oxbow cannot take these tracks.'],
    [[program(2)], 'Not selected: program 2. program=2 in the address of the source selects it.'],
    [
      [program(4), audio, program(65535)],
      'Left out: DTS audio. oxbow cannot take this track. ' +
        'Not selected: program 4, program 65535. program=4 in the address of the source selects it.',
    ],
  ];
  for (const [tracks, sentence] of cases) assert.equal(leftOutSentence(tracks), sentence);
});
