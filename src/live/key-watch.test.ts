import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Frame } from '@oxbow/media/frame';
import { createManualClock } from '../lib/clock.ts';
import { videoFrames, videoTrack } from './frames.fixture.ts';
import { Stream } from './stream.ts';

const track = videoTrack();

test('ten seconds without a key frame are reported once, also before the first one (docs/media.md 12)', () => {
  const past = { endUs: 0, hasMedia: false, lastRun: 0, gaps: [] };
  const stream = new Stream({ clock: createManualClock(), past });
  let reports = 0;
  stream.events.subscribe(({ type }) => {
    if (type === 'keyless') reports++;
  });
  const publish = (frames: readonly Frame[], change: Partial<Frame> = {}) => {
    for (const frame of frames) stream.publish({ ...frame, ...change });
  };
  const film = (seconds: number, startS: number, gopS: readonly number[] = [100]) =>
    videoFrames({ track, seconds, rate: 25, gopS, startS });
  stream.startRun({ tracks: [track], utcOffsetUs: 0, clock: 'source', pace: { kind: 'continuous' } });
  publish(film(9.9, 1), { key: false });
  assert.equal(reports, 0);
  publish(film(20, 10.9), { key: false });
  assert.equal(reports, 1);
  assert.equal(stream.placement.context, undefined, 'there is nothing to begin with');
  publish(film(45, 30.9, [9, 11, 25]));
  assert.equal(reports, 3);
});
