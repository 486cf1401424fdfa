import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { audioFrames, audioTrack, interleave, videoFrames, videoTrack } from '../live/frames.fixture.ts';
import { createPackagerRig, RIG_START_US } from '../packager/packager.fixture.ts';
import { AudioOffset } from './audio-offset.ts';

const tracks = [videoTrack(), audioTrack()];
const media = interleave(tracks, [
  videoFrames({ track: tracks[0]!, seconds: 4, rate: 25, gopS: 1, startS: 1, delay: 1 }),
  audioFrames({ track: tracks[1]!, seconds: 4, startS: 1 }),
]);

suite('an audio offset', () => {
  test('moves dts and pts of audio by the same ticks; video and the order of frames stay', () => {
    for (const ms of [-800, -1, 120, 2000]) {
      const offset = new AudioOffset(tracks, ms);
      const last = new Map<number, number>();
      for (const frame of media) {
        const moved = offset.apply(frame);
        const ticks = frame.trackId === 2 ? ms * 48 : 0;
        assert.deepEqual([moved.dts - frame.dts, moved.pts - frame.pts], [ticks, ticks]);
        assert.ok(moved.dts <= moved.pts && moved.dts > (last.get(frame.trackId) ?? Number.NEGATIVE_INFINITY));
        assert.equal(moved.data, frame.data, 'no copy');
        last.set(frame.trackId, moved.dts);
      }
      assert.equal(offset.us, ms * 1000);
    }
  });

  test('of 0 returns the same frames, and one of a stream without video has no effect', () => {
    for (const offset of [new AudioOffset(tracks, 0), new AudioOffset([tracks[1]!], 500)]) {
      assert.equal(offset.us, 0);
      for (const frame of media) assert.equal(offset.apply(frame), frame);
    }
  });
});

suite('a stream whose audio is moved', () => {
  for (const ms of [-2000, -700, 700, 2000]) {
    test(`by ${ms} ms has complete segments: no audio is dropped or replaced by silence`, () => {
      const rig = createPackagerRig();
      const offset = new AudioOffset(tracks, ms);
      const pace = { kind: 'continuous', apartUs: Math.abs(offset.us) } as const;
      rig.stream.startRun({ tracks, utcOffsetUs: RIG_START_US, clock: 'source', pace });
      const long = interleave(tracks, [
        videoFrames({ track: tracks[0]!, seconds: 20, rate: 25, gopS: 2, startS: 5 }),
        audioFrames({ track: tracks[1]!, seconds: 20, startS: 5 }),
      ]);
      for (const frame of long) rig.stream.publish(offset.apply(frame));
      // The first and the last segment have no audio where it was moved away from the video.
      const whole = rig.groups.slice(ms > 0 ? Math.ceil(ms / 2000) : 0);
      assert.ok(whole.length >= 6, `${whole.length} segments`);
      for (const { msn, tracks: own } of whole) {
        const sound = own.find(({ trackId }) => trackId === 2);
        assert.ok(sound && !sound.damaged, `segment ${msn}`);
        assert.ok(Math.abs(sound.samples - 93.75) <= 1, `segment ${msn}: ${sound.samples} frames`);
      }
    });
  }
});
