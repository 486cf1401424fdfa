import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Frame } from '@oxbow/media/frame';
import { Continuity } from './continuity.ts';
import { audioTrack, videoTrack } from './frames.fixture.ts';

const tracks = [videoTrack(1000), audioTrack()];
const frame = (dts: number, trackId = 1, duration = 40): Frame => ({
  trackId,
  dts,
  pts: dts,
  duration,
  key: true,
  data: new Uint8Array(),
});

/** A run whose last video frame ends at 10,040 ms. */
function open(): Continuity {
  const continuity = new Continuity();
  continuity.begin(tracks);
  continuity.add(frame(10_000));
  return continuity;
}

suite('a jump of the timestamps (rule 5)', () => {
  test('is one of more than half a second, ahead or back', () => {
    const continuity = open();
    assert.equal(continuity.jump(frame(10_540)), undefined);
    assert.deepEqual(continuity.jump(frame(10_541)), { isAhead: true, detail: 'the source jumped ahead by 0.5 s' });
    assert.equal(continuity.jump(frame(9_540)), undefined);
    assert.deepEqual(continuity.jump(frame(7_040)), {
      isAhead: false,
      detail: "the source's timestamps went back by 3.0 s",
    });
  });

  test('is measured in seconds, also where another track shows it', () => {
    const continuity = open();
    assert.equal(continuity.jump(frame(48 * 10_500, 2)), undefined);
    assert.equal(continuity.jump(frame(48 * 14_040, 2))?.detail, 'the source jumped ahead by 4.0 s');
  });

  test('is never one back where the time goes forward: durations are guesses', () => {
    const continuity = open();
    continuity.add(frame(10_040, 1, 3000));
    assert.equal(continuity.jump(frame(11_040)), undefined);
  });

  test('is none at the first frame of a run', () => {
    const continuity = open();
    continuity.begin(tracks);
    assert.equal(continuity.jump(frame(90_000)), undefined);
    assert.equal(continuity.isLate(frame(0)), false);
    assert.equal(continuity.isMissingBefore(frame(90_000)), false);
  });
});

test('a frame at or before the last one is late; a step of more than two frames misses some', () => {
  const continuity = open();
  assert.deepEqual(
    [10_000, 10_001].map((dts) => continuity.isLate(frame(dts))),
    [true, false],
  );
  assert.deepEqual(
    [10_120, 10_121].map((dts) => continuity.isMissingBefore(frame(dts))),
    [false, true],
  );
});
