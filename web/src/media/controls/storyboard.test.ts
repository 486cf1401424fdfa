import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseStoryboard, tileAt } from './storyboard.ts';

test('a storyboard has the place of each picture; what is none is left out', () => {
  const text =
    'WEBVTT\n\n00:00:00.000 --> 00:00:02.000\nstoryboard-0.jpg#xywh=0,0,160,90\n\n' +
    '00:00:02.000 --> 01:00:04.500\nstoryboard-0.jpg#xywh=160,0,160,90\n\n00:00:09.000 --> 00:00:10.000\njavascript:x\n';
  const tiles = parseStoryboard(text, 'http://host/t/secret/assets/a1/storyboard.vtt');
  assert.deepEqual(
    tiles.map(({ fromS, toS, sheet, x }) => [fromS, toS, sheet, x]),
    [
      [0, 2, 'http://host/t/secret/assets/a1/storyboard-0.jpg', 0],
      [2, 3604.5, 'http://host/t/secret/assets/a1/storyboard-0.jpg', 160],
    ],
  );
  assert.deepEqual(
    [tileAt(tiles, 1.9)?.x, tileAt(tiles, 2)?.x, tileAt(tiles, 9999)?.x, tileAt([], 0)],
    [0, 160, 160, undefined],
  );
});
