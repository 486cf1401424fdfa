import assert from 'node:assert/strict';
import { test } from 'node:test';
import { audioFrames, audioTrack, interleave, videoFrames, videoTrack } from '../live/frames.fixture.ts';
import { assertConstraints, assertHolds, assertSound, continuous, createPackagerRig } from './packager.fixture.ts';

const video = videoTrack();
const audio = audioTrack();
const both = [video, audio];

test('a bursty run whose UTC offset steps forward with the clock continues in its playlist, without DISCONTINUITY (rules 1 and 3)', () => {
  const rig = createPackagerRig();
  rig.stream.startRun(continuous(both, { clock: 'arrival', pace: { kind: 'bursty', intervalS: 9 } }));
  const pictures = videoFrames({ track: video, seconds: 60, rate: 25, gopS: 2 });
  const sounds = audioFrames({ track: audio, seconds: 60 });
  let last = 0;
  for (const frame of interleave(both, [pictures, sounds])) {
    const segment = Math.floor((frame.dts / (frame.trackId === 1 ? 90_000 : 48_000) - 10) / 6);
    if (segment > last) {
      rig.stream.flush();
      rig.clock.advance(6000);
      last = segment;
      if (segment === 5) rig.clock.step(172_800_000);
    }
    rig.stream.publish(frame);
  }
  rig.stream.offline('');
  assertSound(rig, both);
  assertConstraints(rig, both);
  assertHolds(rig.groups, video, pictures);
  assertHolds(rig.groups, audio, sounds);
  const runs = Map.groupBy(rig.groups, (group) => group.run.id);
  assert.deepEqual([...runs.keys()], [1, 2]);
  const [before, after] = [runs.get(1)!.at(-1)!, runs.get(2)![0]!];
  assert.equal(after.run.utcOffsetUs - before.run.utcOffsetUs, 172_800_000_000);
  assert.equal(after.startUs, before.startUs + before.durationUs + 172_800_000_000);
  assert.ok(after.tracks[0]!.independent);
  assert.ok(rig.groups.every((group) => !group.discontinuity));
  assert.deepEqual(
    after.gaps.map(({ cause }) => cause),
    ['clock'],
  );
  assert.equal(rig.generations.length, 1);
});
