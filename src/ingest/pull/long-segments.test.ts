import { test } from 'node:test';
import { audioFrames, audioTrack, videoFrames, videoTrack } from '../../live/frames.fixture.ts';
import { assertHolds, assertSound, createPackagerRig } from '../../packager/packager.fixture.ts';
import type { PullContext } from './context.ts';
import { noCounters } from './pull-log.ts';
import { RunFeeder } from './run/run-feeder.ts';

const video = videoTrack();
const audio = audioTrack();
const both = [video, audio];

for (const seconds of [6, 12, 15, 20, 30]) {
  for (const order of ['video first', 'audio first'] as const) {
    test(`pulled segments of ${seconds} s with their ${order} are packaged with all of their audio`, () => {
      const rig = createPackagerRig();
      const log = { info() {}, warn() {} };
      const context = { clock: rig.clock, counters: noCounters, log } as unknown as PullContext;
      const feeder = new RunFeeder(rig.stream, context);
      const pictures = videoFrames({ track: video, seconds: 4 * seconds, rate: 10, gopS: 2 });
      const sounds = audioFrames({ track: audio, seconds: 4 * seconds });
      for (let i = 0; i < 4; i++) {
        const isOwn = (timescale: number) => (frame: { dts: number }) =>
          Math.floor((frame.dts / timescale - 10) / seconds + 1e-9) === i;
        const own = [pictures.filter(isOwn(90_000)), sounds.filter(isOwn(48_000))];
        if (order === 'audio first') own.reverse();
        const segment = {
          msn: i,
          url: new URL('https://tv.example/s.m4s'),
          durationS: seconds,
          targetDurationS: seconds,
          discontinuity: false,
          discontinuitySequence: 0,
          dated: false,
          toEdgeS: seconds,
          ended: false,
          epoch: 0,
          arrivedMs: rig.clock.nowMs(),
        };
        feeder.publish(segment, { groups: [{ tracks: both, frames: own.flat() }], damages: [] });
        rig.clock.advance(1000 * seconds);
      }
      rig.stream.offline('');
      assertHolds(rig.groups, video, pictures);
      assertHolds(rig.groups, audio, sounds);
      assertSound(rig, both);
    });
  }
}
