import assert from 'node:assert/strict';
import { test } from 'node:test';
import { audioFrames, audioTrack, interleave, videoFrames, videoTrack } from '../live/frames.fixture.ts';
import {
  assertConstraints,
  assertHolds,
  assertSound,
  continuous,
  createPackagerRig,
  isSilence,
  samplesOfTrack,
} from './packager.fixture.ts';

const video = videoTrack();
const audio = audioTrack();
const both = [video, audio];

test('a run that rests has all of its media in segments, and continues with any frame: no picture is lost, segments join', () => {
  for (const [gopS, at] of [
    [1, 4.4],
    [1, 5],
    [10, 7.3],
  ] as const) {
    const frames = videoFrames({ track: video, seconds: 20, rate: 25, gopS, startS: 10, delay: 2 });
    const sounds = audioFrames({ track: audio, seconds: 20, startS: 10 });
    const all = interleave(both, [frames, sounds]);
    const rig = createPackagerRig();
    rig.stream.startRun(continuous(both));
    const [before, after] = [
      all.filter((_, i) => i < all.length * (at / 20)),
      all.filter((_, i) => i >= all.length * (at / 20)),
    ];
    for (const frame of before) rig.stream.publish(frame);
    rig.packager.rest();
    const held = before.filter(({ trackId }) => trackId === video.id);
    assertHolds(rig.groups, video, held);
    rig.packager.rest();
    for (const frame of after) rig.stream.publish(frame);
    rig.stream.absent('source-down', 'over');
    assertHolds(rig.groups, video, frames);
    // Sound that had not come by then is silence.
    const heard = samplesOfTrack(rig.groups, audio).filter((sample) => !isSilence(sample, audio)).length;
    assert.ok(heard >= sounds.filter(({ pts }) => pts >= 10.08 * 48_000).length - 5, `${heard} sounds`);
    assertSound(rig, both);
    assertConstraints(rig, both);
    for (const [i, group] of rig.groups.entries()) {
      const previous = rig.groups[i - 1];
      assert.ok(!group.discontinuity && group.gaps.length === 0, `${at} s`);
      if (previous) assert.equal(group.msn, previous.msn + 1);
    }
    assert.equal(rig.generations.length, 1);
  }
});
