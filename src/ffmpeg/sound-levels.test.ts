import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { concatBytes } from '@oxbow/media/bytes';
import { fragmentLength, printFragment } from '@oxbow/media/isobmff/fragment';
import { printInit } from '@oxbow/media/isobmff/init';
import { need } from '../../test/fixtures/need.ts';
import { demuxSound, makeSound } from './audio.fixture.ts';
import { closeEngine, measureLevels } from './engine.ts';

const signal = new AbortController().signal;
after(() => closeEngine());

test('sound is measured in steps of 10 ms, a hole is silence, and a bound ends it', {
  skip: need('ffmpeg'),
}, async () => {
  const { track, frames } = demuxSound(makeSound({ seconds: 4, codec: 'aac' }));
  const { timescale } = track;
  const first = frames[0]!.dts;
  // The second second is missing.
  const kept = frames.filter(({ dts }) => dts - first < timescale || dts - first >= 2 * timescale);
  const pieces = [
    kept.filter(({ dts }) => dts - first < timescale),
    kept.filter(({ dts }) => dts - first >= timescale),
  ];
  const bytes = concatBytes([
    printInit([track]),
    ...pieces.map((piece, i) => {
      const target = new Uint8Array(fragmentLength(piece));
      printFragment(target, 0, { sequence: i + 1, trackId: track.id, tfdt: piece[0]!.dts - first, frames: piece });
      return target;
    }),
  ]);
  const levels = await measureLevels(bytes, 60_000, { signal });
  assert.ok(Math.abs(levels.length - 400) <= 10, `${levels.length} levels`);
  const mean = (from: number, to: number) =>
    levels.subarray(from, to).reduce((sum, each) => sum + each, 0) / (to - from);
  assert.ok(mean(20, 90) > 0.2, String(mean(20, 90)));
  assert.equal(mean(110, 190), 0);
  assert.ok(mean(215, 380) > 0.2);
  assert.equal((await measureLevels(bytes, 50, { signal })).length, 50);
  await assert.rejects(measureLevels(new Uint8Array(100), 50, { signal }), { code: 'engine-failed' });
});
