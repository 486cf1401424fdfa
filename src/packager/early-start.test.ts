import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { audioFrames, audioTrack, interleave, videoFrames, videoTrack } from '../live/frames.fixture.ts';
import {
  assertConstraints,
  assertHolds,
  assertSound,
  continuous,
  createPackagerRig,
  type PackagerRig,
} from './packager.fixture.ts';

const tracks = [videoTrack(), audioTrack()] as const;

interface Encoder {
  readonly seconds: number;
  readonly gopS: number;
  readonly rate?: number;
  readonly delay?: number;
  /** Called after each picture with the number published so far. */
  readonly each?: (rig: PackagerRig, pictures: number) => void;
}

/** Publishes what an encoder sends, as a run whose UTC offset is its arrival. */
function publish(rig: PackagerRig, { seconds, gopS, rate = 30, delay = 0, each }: Encoder): void {
  const pictures = videoFrames({ track: tracks[0], seconds, rate, gopS, delay });
  const sounds = audioFrames({ track: tracks[1], seconds });
  rig.stream.startRun(continuous(tracks, { clock: 'arrival' }));
  let count = 0;
  for (const frame of interleave(tracks, [pictures, sounds])) {
    if (frame.trackId === 1) rig.clock.advance(1000 / rate);
    rig.stream.publish(frame);
    if (frame.trackId === 1) each?.(rig, ++count);
  }
  rig.stream.offline('over');
  assertSound(rig, tracks);
  assertConstraints(rig, tracks);
  assertHolds(rig.groups, tracks[0], pictures);
  const startS = pictures[0]!.pts / tracks[0].timescale;
  const heard = sounds.filter(({ pts }) => pts >= startS * tracks[1].timescale - 1);
  assertHolds(rig.groups, tracks[1], heard);
}

suite('the first playlist of a publisher', () => {
  for (const [rate, delay] of [
    [25, 0],
    [29.97, 2],
    [30, 0],
    [60, 2],
  ] as const) {
    test(`begins as soon as the frame rate is known, within 0.4 s of media: ${rate} fps, B-frames ${delay}`, () => {
      const rig = createPackagerRig();
      let listedAt: number | undefined;
      publish(rig, {
        seconds: 6,
        gopS: 1,
        rate,
        delay,
        each({ list }, pictures) {
          if (list.ready) listedAt ??= pictures / rate;
        },
      });
      assert.ok(listedAt !== undefined && listedAt <= 0.4, `${listedAt}`);
      assert.equal(rig.generations.length, 1);
      assert.equal(rig.generations[0]!.targetDurationS, 4);
    });
  }

  test('stays the only one while GOPs fit into its segments', () => {
    const rig = createPackagerRig();
    publish(rig, { seconds: 12, gopS: 2 });
    assert.equal(rig.generations.length, 1);
    const [first, , ...others] = rig.groups;
    // The first part is a segment, because a playlist needs one. The next segment is the rest of the first
    // GOP.
    assert.ok(first!.durationUs > 190_000 && first!.durationUs < 210_000);
    for (const {
      tracks: [video],
    } of [first!, ...others])
      assert.ok(video!.independent);
  });

  for (const gopS of [4, 10]) {
    test(`has GOPs of ${gopS} s, too`, () => {
      const rig = createPackagerRig();
      publish(rig, { seconds: 32, gopS });
      assert.deepEqual(
        rig.generations.map(({ targetDurationS }) => targetDurationS),
        [4],
      );
    });
  }

  test('has the target duration of the last GOPs, if there was a publisher before', () => {
    const rig = createPackagerRig();
    publish(rig, { seconds: 6, gopS: 1 });
    rig.packager.endList();
    const utcOffsetUs = Math.round(rig.clock.nowMs() * 1000) - 100_000_000;
    rig.stream.startRun(continuous([tracks[0]], { clock: 'arrival', utcOffsetUs }));
    for (const frame of videoFrames({ track: tracks[0], seconds: 3, rate: 30, gopS: 1, startS: 100 })) {
      rig.clock.advance(1000 / 30);
      rig.stream.publish(frame);
    }
    assert.deepEqual(
      rig.generations.map(({ targetDurationS }) => targetDurationS),
      [4, 2],
    );
  });

  test('counts one key frame in each segment in its BANDWIDTH', () => {
    const early = createPackagerRig();
    publish(early, { seconds: 12, gopS: 2 });
    const measured = createPackagerRig();
    measured.stream.startRun(continuous(tracks));
    const pictures = videoFrames({ track: tracks[0], seconds: 12, rate: 30, gopS: 2 });
    for (const frame of interleave(tracks, [pictures, audioFrames({ track: tracks[1], seconds: 12 })]))
      measured.stream.publish(frame);
    const [a, b] = [early, measured].map(({ list }) => list.generation!.bandwidths[1]!);
    assert.ok(a! > 0.8 * b! && a! < 1.25 * b!, `${a} and ${b}`);
  });

  test('waits for the second key frame while the frame rate varies', () => {
    const rig = createPackagerRig();
    const pictures = videoFrames({ track: tracks[0], seconds: 4, rate: 30, gopS: 1 });
    rig.stream.startRun(continuous([tracks[0]], { clock: 'arrival' }));
    const [first] = pictures;
    for (const [i, picture] of pictures.entries()) {
      const shift = i % 2 === 0 ? 0 : Math.round(tracks[0].timescale / 50);
      const dts = picture.dts + shift;
      rig.stream.publish({ ...picture, dts, pts: dts + (picture.pts - picture.dts) });
      if ((picture.dts - first!.dts) / tracks[0].timescale < 0.9) assert.equal(rig.announced.length, 0);
    }
    rig.stream.offline('over');
    assert.ok(rig.groups.length > 0);
  });
});
