import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fragmentLength, printFragment } from '@oxbow/media/isobmff/fragment';
import { printInit } from '@oxbow/media/isobmff/init';
import { textTrack } from '@oxbow/media/isobmff/media.fixture';
import { printSample } from '@oxbow/media/webvtt/sample';
import { growth } from '../../../lib/growth.fixture.ts';
import { parseSubtitleSegment } from './subtitle-segment.ts';

/** Consecutive samples of 10 ms, each with these cues. */
function segmentOf(texts: readonly (readonly string[])[]) {
  const ticks = textTrack.timescale / 100;
  const frames = texts.map((cues, i) => ({
    trackId: textTrack.id,
    dts: i * ticks,
    pts: i * ticks,
    duration: ticks,
    key: true,
    data: printSample(cues.map((text) => ({ id: '', settings: '', text, before: 0, after: 0 }))),
  }));
  const bytes = new Uint8Array(fragmentLength(frames));
  printFragment(bytes, 0, { sequence: 1, trackId: textTrack.id, tfdt: 0, frames });
  return { kind: 'fetched' as const, pieces: [bytes], init: { id: 'i', bytes: printInit([textTrack]) } };
}

test('a cue that is repeated in several samples is one cue', () => {
  const { cues } = parseSubtitleSegment(segmentOf([['a'], ['a', 'b'], ['b'], ['c'], ['b']]), 3);
  assert.deepEqual(
    cues.map(({ text, start, end, discontinuitySequence }) => [text, start, end, discontinuitySequence]),
    [
      ['a', 0, 1800, 3],
      ['b', 900, 2700, 3],
      ['c', 2700, 3600, 3],
      ['b', 3600, 4500, 3],
    ],
  );
});

test('a segment with very many samples is read in linear time', () => {
  const make = (length: number) => segmentOf(Array.from({ length }, (_, i) => [i.toString(36)]));
  const read = (length: number) => () => assert.equal(parseSubtitleSegment(make(length), 0).cues.length, length);
  // Sixteen times as many: quadratic would be 256 times.
  const times = growth({ long: read(16_000), short: read(1_000) }, 100);
  assert.ok(times < 100, `${times.toFixed(0)} times`);
});
