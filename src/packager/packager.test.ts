import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Frame, Track } from '@oxbow/media/frame';
import { seeded } from '@oxbow/media/random.fixture';
import { audioFrames, audioTrack, interleave, videoFrames, videoTrack } from '../live/frames.fixture.ts';
import {
  assertConstraints,
  assertHolds,
  assertSound,
  continuous,
  createPackagerRig,
  type PackagerRig,
} from './packager.fixture.ts';

/** Publishes frames as they would come, in real time. */
function publishLive(rig: PackagerRig, tracks: readonly Track[], frames: readonly Frame[]): void {
  const timescales = new Map(tracks.map((track) => [track.id, track.timescale]));
  let nowS = 10;
  for (const frame of frames) {
    const atS = frame.dts / timescales.get(frame.trackId)!;
    if (atS > nowS) rig.clock.advance((atS - nowS) * 1000);
    nowS = Math.max(nowS, atS);
    rig.stream.publish(frame);
  }
}

/** Runs one continuous stream from beginning to end and checks all that must hold. */
function runContinuous(
  tracks: readonly Track[],
  lists: readonly Frame[][],
  lateS: readonly number[] = [],
): PackagerRig {
  const rig = createPackagerRig();
  rig.stream.startRun(continuous(tracks));
  publishLive(rig, tracks, interleave(tracks, lists, lateS));
  rig.stream.offline('over');
  assertSound(rig, tracks);
  assertConstraints(rig, tracks);
  for (const [i, track] of tracks.entries()) {
    const startS = lists[0]![0]!.pts / tracks[0]!.timescale;
    const expected = lists[i]!.filter((frame) => frame.pts >= startS * track.timescale - 1);
    assertHolds(rig.groups, track, expected);
  }
  return rig;
}

test('segments lie in plain buffers, which V8 counts, and in shared memory only if other threads have replicas (rule 24)', () => {
  const tracks = [videoTrack(), audioTrack()];
  for (const shared of [false, true]) {
    const rig = createPackagerRig({ shared });
    rig.stream.startRun(continuous(tracks));
    publishLive(
      rig,
      tracks,
      interleave(tracks, [
        videoFrames({ track: tracks[0]!, seconds: 5, rate: 25, gopS: 1 }),
        audioFrames({ track: tracks[1]!, seconds: 5 }),
      ]),
    );
    rig.stream.offline('over');
    const buffers = rig.groups.flatMap(({ tracks: own }) => own.map(({ bytes }) => bytes.buffer));
    assert.ok(buffers.length >= 2);
    for (const buffer of buffers) assert.equal(buffer instanceof SharedArrayBuffer, shared);
  }
});

const RATES = [24_000 / 1001, 24, 25, 30_000 / 1001, 30, 50, 60_000 / 1001] as const;

suite('parts and segments of continuous sources', () => {
  for (const rate of RATES) {
    for (const timescale of [90_000, 1000]) {
      const name = `${rate.toFixed(3)} fps in ${timescale === 1000 ? 'RTMP milliseconds' : '90 kHz'}`;
      test(`parts are at most PART-TARGET and at least 85 % of it at ${name} (rule 8)`, () => {
        for (const [gopS, delay] of [
          [0.5, 0],
          [1, 2],
          [2, 1],
        ] as const) {
          const video = videoTrack(timescale);
          const audio = audioTrack(delay === 0 ? 44_100 : 48_000);
          const rig = runContinuous(
            [video, audio],
            [
              videoFrames({ track: video, seconds: 9, rate, gopS, delay, startS: 10 + delay / 100 }),
              audioFrames({ track: audio, seconds: 9 }),
            ],
          );
          const { parts } = rig.list.generation!;
          const frames = Math.round(0.2 * rate);
          assert.equal(parts?.frames, frames);
          assert.ok(Math.abs(parts.targetS - (frames / rate + 0.001)) < 0.00006, `PART-TARGET ${parts.targetS}`);
        }
      });
    }
  }

  for (const rate of RATES) {
    test(`segments are whole GOPs of 0.5, 1, 2 s at ${rate.toFixed(3)} fps, and none is above TARGETDURATION (RFC 8216bis 4.4.3.1)`, () => {
      const video = videoTrack();
      for (const [gopS, targetDurationS] of [
        [0.5, 2],
        [1, 2],
        [2, 2],
        [3, 3],
      ] as const) {
        const rig = runContinuous([video], [videoFrames({ track: video, seconds: 13, rate, gopS })]);
        assert.equal(rig.list.generation!.targetDurationS, targetDurationS);
        assert.ok(rig.groups.every((group) => group.tracks[0]!.independent));
        const longest = Math.max(...rig.groups.map((group) => group.durationUs));
        assert.ok(Math.abs(longest - Math.max(2, gopS) * 1e6) < 100_000, `${gopS}: ${longest}`);
      }
    });
  }

  test('a GOP too long for TARGETDURATION is cut without a key frame, B-frames or not (rule 10)', () => {
    for (const delay of [0, 1, 2]) {
      for (const timescale of [90_000, 1000]) {
        const video = videoTrack(timescale);
        const audio = audioTrack();
        const rig = runContinuous(
          [video, audio],
          [
            videoFrames({ track: video, seconds: 31, rate: 25, gopS: 10, delay }),
            audioFrames({ track: audio, seconds: 31 }),
          ],
        );
        assert.equal(rig.list.generation!.targetDurationS, 4);
        const keys = rig.groups.map((group) => group.tracks[0]!.independent);
        assert.deepEqual(keys.slice(0, 4), [true, false, false, true]);
        assert.deepEqual(
          // Up to three frames before the limit, where the next cut would be within B-frames.
          rig.groups.slice(0, 3).map((group) => group.durationUs > (delay === 0 ? 4_400_000 : 4_300_000)),
          [true, true, false],
        );
      }
    }
  });

  test('irregular GOPs are cut at key frames if one comes in time, and never exceed TARGETDURATION', () => {
    for (let seed = 1; seed <= 12; seed++) {
      const random = seeded(seed);
      const gopS = Array.from({ length: 40 }, () => 0.1 + random(40) / 10);
      const video = videoTrack(seed % 2 ? 1000 : 90_000);
      const audio = audioTrack();
      const rate = RATES[seed % RATES.length]!;
      const rig = runContinuous(
        [video, audio],
        [
          videoFrames({ track: video, seconds: 40, rate, gopS, delay: seed % 3, seed }),
          audioFrames({ track: audio, seconds: 40 }),
        ],
      );
      const shortest = Math.min(...rig.groups.slice(0, -1).map((group) => group.durationUs));
      assert.ok(shortest >= 250_000, `MSNs outrun the clock: ${shortest}`);
    }
  });

  test('after GOPs have become longer, segments are key frame to key frame again', () => {
    const video = videoTrack();
    const gopS = [1, ...Array.from({ length: 20 }, () => 2)];
    const { groups } = runContinuous([video], [videoFrames({ track: video, seconds: 20, rate: 25, gopS })]);
    assert.deepEqual(
      groups.map((group) => group.tracks[0]!.independent),
      groups.map((_, i) => i !== 1),
    );
  });

  test('5 fps and variable rates have no parts, and each of their segments has one slab of exactly its length (rules 8 and 24)', () => {
    const audio = audioTrack();
    for (const rate of [5, 'variable'] as const) {
      for (const timescale of [90_000, 1000]) {
        const video = videoTrack(timescale);
        const rig = runContinuous(
          [video, audio],
          [videoFrames({ track: video, seconds: 20, rate, gopS: 2 }), audioFrames({ track: audio, seconds: 20 })],
        );
        assert.equal(rig.list.generation!.parts, undefined);
        for (const { bytes } of rig.groups.flatMap((group) => group.tracks))
          assert.equal(bytes.length, bytes.buffer.byteLength);
      }
    }
  });

  test('a slab has room for most segments: at most a third more than the last one took, unless it was outgrown (rule 24)', () => {
    const video = videoTrack();
    const frames = videoFrames({ track: video, seconds: 20, rate: 25, gopS: 2, maxBytes: 8000 });
    const { groups } = runContinuous([video], [frames]);
    for (const [i, { tracks }] of groups.entries()) {
      const { bytes } = tracks[0]!;
      const before = groups[Math.max(0, i - 1)]!.tracks[0]!.bytes.length;
      assert.ok(bytes.buffer.byteLength <= Math.max(1.3 * before + 1, 2 * bytes.length), `segment ${i}`);
    }
    const buffers = new Set(groups.map(({ tracks }) => tracks[0]!.bytes.buffer));
    assert.equal(buffers.size, groups.length, 'a slab is never used again');
  });

  test('audio that leads or lags by up to half a second loses no frame and never starts before its T (rules 6 and 7)', () => {
    for (const timescale of [90_000, 1000]) {
      for (const sampleRate of [44_100, 48_000]) {
        for (const lateS of [-0.5, -0.3, -0.05, 0.02, 0.2, 0.5]) {
          const video = videoTrack(timescale);
          const audio = audioTrack(sampleRate);
          const rate = timescale === 1000 ? 30_000 / 1001 : 25;
          runContinuous(
            [video, audio],
            [
              videoFrames({ track: video, seconds: 9, rate, gopS: 1, delay: 2 }),
              audioFrames({ track: audio, seconds: 9.2 }),
            ],
            [0, lateS],
          );
        }
      }
    }
  });

  test('two audio tracks are aligned independently', () => {
    const video = videoTrack();
    const tracks = [video, audioTrack(48_000, { language: 'deu' }), audioTrack(44_100, { id: 3, language: 'eng' })];
    runContinuous(
      tracks,
      [
        videoFrames({ track: video, seconds: 9, rate: 25, gopS: 1 }),
        audioFrames({ track: tracks[1]!, seconds: 9 }),
        audioFrames({ track: tracks[2]!, seconds: 9, seed: 5 }),
      ],
      [0, 0.3, -0.2],
    );
  });

  test('audio alone is cut by its own frames, video alone by its key frames', () => {
    for (const audio of [audioTrack(44_100), audioTrack(), audioTrack(44_100, { timescale: 1000 })]) {
      const rig = runContinuous([audio], [audioFrames({ track: audio, seconds: 15 })]);
      assert.equal(rig.list.generation!.targetDurationS, 2);
      assert.equal(rig.list.generation!.parts?.frames, 9);
    }
    const video = videoTrack();
    runContinuous([video], [videoFrames({ track: video, seconds: 9, rate: 25, gopS: 1 })]);
  });
});
