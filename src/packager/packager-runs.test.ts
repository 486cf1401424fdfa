import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Frame, Track } from '@oxbow/media/frame';
import { seeded } from '@oxbow/media/random.fixture';
import { audioFrames, audioTrack, interleave, videoFrames, videoTrack } from '../live/frames.fixture.ts';
import type { RunStart } from '../live/input.ts';
import {
  assertConstraints,
  assertHolds,
  assertSound,
  continuous,
  createPackagerRig,
  type PackagerRig,
  type PackagerRigOptions,
  RIG_START_US,
  samplesOfTrack,
} from './packager.fixture.ts';

const video = videoTrack();
const audio = audioTrack();
const both = [video, audio];

/** Runs a continuous stream and ends it. */
function run(tracks: readonly Track[], frames: readonly Frame[], rig = createPackagerRig()): PackagerRig {
  rig.stream.startRun(continuous(tracks));
  for (const frame of frames) rig.stream.publish(frame);
  rig.stream.absent('source-down', 'over');
  assertSound(rig, tracks);
  return rig;
}

const film = (seconds: number, startS = 10, rate = 25, gopS = 1) =>
  videoFrames({ track: video, seconds, rate, gopS, startS });
const sound = (seconds: number, startS = 10, track = audio) => audioFrames({ track, seconds, startS });

/**
 * Cuts frames into bursts as a puller gets them: each of `segmentS`, with the tracks' frames in the order of
 * `order`.
 */
function bursts(
  tracks: readonly Track[],
  frames: readonly Frame[],
  segmentS: number,
  order: 'mixed' | 'video first' | 'audio first',
): Frame[][] {
  const timescales = new Map(tracks.map((track) => [track.id, track.timescale]));
  const result: Frame[][] = [];
  for (const frame of frames) {
    const index = Math.floor((frame.dts / timescales.get(frame.trackId)! - 10) / segmentS + 1e-9);
    result[Math.max(0, index)] ??= [];
    result[Math.max(0, index)]!.push(frame);
  }
  if (order === 'mixed') return result;
  const sign = order === 'video first' ? 1 : -1;
  return result.map((burst) => burst.toSorted((a, b) => sign * (a.trackId - b.trackId)));
}

const bursty = (tracks: readonly Track[], intervalS: number): RunStart =>
  continuous(tracks, { pace: { kind: 'bursty', intervalS } });

suite('bursts (rule 9)', () => {
  for (const order of ['mixed', 'video first', 'audio first'] as const) {
    for (const [segmentS, gopS] of [
      [2, 1],
      [6, 2],
      [6, 6],
      [10, 10],
      [20, 2],
      [1, 1],
    ] as const) {
      test(`${order}, ${segmentS} s with GOPs of ${gopS} s: no parts, each frame once, nothing waits for the next burst`, () => {
        const pictures = videoFrames({ track: video, seconds: 4 * segmentS, rate: 25, gopS });
        const sounds = sound(4 * segmentS);
        const rig = createPackagerRig();
        rig.stream.startRun(bursty(both, 1.5 * segmentS));
        let doneUs = RIG_START_US;
        for (const burst of bursts(both, interleave(both, [pictures, sounds]), segmentS, order)) {
          for (const frame of burst) rig.stream.publish(frame);
          rig.stream.flush();
          doneUs += segmentS * 1e6;
          const last = rig.groups.at(-1);
          // A burst of one second is half a segment.
          if (last && segmentS > 1) assert.ok(last.startUs + last.durationUs >= doneUs - 1_000, `${rig.groups.length}`);
        }
        rig.stream.absent('source-down', '');
        assertSound(rig, both);
        assertConstraints(rig, both);
        assertHolds(rig.groups, video, pictures);
        assertHolds(rig.groups, audio, sounds);
        const { holdBackS, targetDurationS } = rig.list.generation!;
        assert.equal(targetDurationS, Math.max(2, gopS));
        assert.equal(holdBackS, Math.max(3 * targetDurationS, 1.5 * segmentS + targetDurationS));
        assert.ok(rig.groups.every((group) => group.tracks[0]!.independent));
      });
    }
  }

  test('with B-frames, audio interleaved by decode time comes a burst later, and is not cut before', () => {
    const pictures = videoFrames({ track: video, seconds: 24, rate: 25, gopS: 2, delay: 2 });
    const sounds = sound(24);
    const rig = createPackagerRig();
    rig.stream.startRun(bursty(both, 9));
    for (const [i, burst] of bursts(both, interleave(both, [pictures, sounds]), 6, 'mixed').entries()) {
      for (const frame of burst) rig.stream.publish(frame);
      rig.stream.flush();
      assert.equal(rig.groups.length, 3 * i + 2);
    }
    rig.stream.absent('source-down', '');
    assertSound(rig, both);
    assertHolds(rig.groups, video, pictures);
    assertHolds(
      rig.groups,
      audio,
      sounds.filter((frame) => frame.pts >= 10.08 * 48_000),
    );
  });

  test('a first burst that is shorter than the others does not shorten TARGETDURATION', () => {
    const rig = createPackagerRig();
    const frames = videoFrames({ track: video, seconds: 19, rate: 25, gopS: [1, 6, 6, 6] });
    rig.stream.startRun(bursty([video], 9));
    for (const [i, frame] of frames.entries()) {
      if (i > 0 && frame.key) rig.stream.flush();
      rig.stream.publish(frame);
    }
    rig.stream.absent('source-down', '');
    assert.equal(rig.list.generation!.targetDurationS, 6);
    assert.ok(rig.groups.every((group) => group.tracks[0]!.independent));
    assertHolds(rig.groups, video, frames);
  });

  test('audio that stops does not hold segments back by more than a burst', () => {
    const rig = createPackagerRig();
    rig.stream.startRun(bursty(both, 6));
    for (const [i, burst] of bursts(both, interleave(both, [film(24, 10, 25, 2), sound(8)]), 4, 'mixed').entries()) {
      for (const frame of burst) rig.stream.publish(frame);
      rig.stream.flush();
      if (i > 1) assert.ok(rig.groups.length >= 2 * i + 1, `burst ${i}: ${rig.groups.length} groups`);
    }
    assertSound(rig, both);
  });

  test('bursts that join with a frame missing or a millisecond too much keep audio after T', () => {
    const rtmp = videoTrack(1000);
    for (const offsetMs of [-15, -1, 0, 1, 30, 120, 400]) {
      const rig = createPackagerRig();
      rig.stream.startRun(bursty([rtmp, audio], 3));
      for (let i = 0; i < 5; i++) {
        const startS = 10 + i * (2 + offsetMs / 1000);
        const pictures = videoFrames({ track: rtmp, seconds: 2, rate: 30, gopS: 2, startS });
        for (const frame of interleave([rtmp, audio], [pictures, sound(2 + offsetMs / 1000, startS)]))
          rig.stream.publish(frame);
        rig.stream.flush();
      }
      rig.stream.absent('source-down', '');
      assertSound(rig, [rtmp, audio]);
      assertConstraints(rig, [rtmp, audio]);
      assert.equal(new Set(rig.groups.map((group) => group.run.id)).size, 1);
    }
  });
});

suite('runs', () => {
  test('a run may end in the middle of a segment and of a part: all frames are in it', () => {
    const random = seeded(3);
    for (let round = 0; round < 20; round++) {
      const pictures = film(7).slice(0, 30 + random(140));
      const endS = pictures.at(-1)!.dts / 90_000 + 0.04;
      const sounds = sound(endS - 10);
      const rig = run(both, interleave(both, [pictures, sounds]));
      assertConstraints(rig, both);
      assertHolds(rig.groups, video, pictures);
      assertHolds(rig.groups, audio, sounds);
      const last = rig.groups.at(-1)!;
      assert.equal(last.startUs + last.durationUs, RIG_START_US + Math.round((endS - 10) * 1e6));
      assert.ok(rig.list.segments.every((segment) => segment.sealed));
    }
  });

  test('a jump of more than half a second is a cut, a gap with its cause, and a DISCONTINUITY (rule 5)', () => {
    const first = film(5);
    const second = film(5, 16.2);
    const sounds = [...sound(5), ...sound(5, 16.2)];
    const rig = run(both, interleave(both, [[...first, ...second], sounds]));
    assertHolds(rig.groups, video, [...first, ...second]);
    const cut = rig.groups.findIndex((group) => group.run.id === 2);
    assert.deepEqual(
      rig.groups.map((group) => [group.discontinuity, group.discontinuitySequence, group.gaps.length]),
      rig.groups.map((_, i) => (i < cut ? [false, 0, 0] : [i === cut, 1, i === cut ? 1 : 0])),
    );
    const [gap] = rig.groups[cut]!.gaps;
    assert.deepEqual(gap, {
      fromUs: RIG_START_US + 5_000_000,
      toUs: RIG_START_US + 6_200_000,
      cause: 'source-skipped',
      detail: 'the source jumped ahead by 1.2 s',
    });
    assert.equal(rig.groups[cut]!.startUs, gap!.toUs);
    assert.equal(rig.groups[cut]!.run.utcOffsetUs, rig.groups[0]!.run.utcOffsetUs);
    assert.equal(rig.generations.length, 1, 'the generation continues');
  });

  test('a jump of more than two frames is damage on its segment, no cut; no part or segment exceeds its target (rule 5)', () => {
    for (let at = 5; at < 60; at += 7) {
      const pictures = film(2.4).concat(film(6, 12.8)).toSpliced(at, 4);
      const rig = run([video], pictures);
      assertPromisesButLast(rig);
      assertHolds(rig.groups, video, pictures);
      assert.equal(new Set(rig.groups.map((group) => group.run.id)).size, 1);
      assert.ok(rig.groups.some((group) => group.tracks[0]!.damaged));
    }
  });

  test('damage during the probe of a run is flagged on its segment', () => {
    const rig = createPackagerRig();
    rig.stream.startRun(continuous([video]));
    for (const [i, frame] of film(9).entries()) {
      if (i === 10) rig.stream.damage('a packet was lost');
      rig.stream.publish(frame);
    }
    assert.deepEqual(
      rig.groups.map((group) => group.tracks[0]!.damaged),
      [true, false, false, false],
    );
  });

  test('a single frame longer than PART-TARGET does not make its part exceed it', () => {
    const pictures = film(6);
    const slow = pictures.map((frame, i) => {
      const later = i > 80 ? 27_000 : 0;
      return { ...frame, dts: frame.dts + later, pts: frame.pts + later, duration: i === 80 ? 30_600 : frame.duration };
    });
    const rig = run([video], slow);
    assertHolds(rig.groups, video, slow);
    const { targetS } = rig.list.generation!.parts!;
    for (const { durationS } of rig.announced) assert.ok(durationS <= targetS);
  });

  test('frames before the run and of unknown tracks are ignored', () => {
    const stray = sound(9).map((frame) => ({ ...frame, trackId: 9 }));
    const rig = run(both, interleave(both, [film(9), [...sound(2, 9), ...sound(9, 11)]]).concat(stray));
    assertHolds(rig.groups, audio, [...sound(2, 9).filter((frame) => frame.pts >= 480_000), ...sound(9, 11)]);
    assert.ok(!rig.groups[0]!.tracks[1]!.damaged);
  });

  test('a run with timestamps below zero is shifted above it, and its UTC stays (ISO/IEC 14496-12, 8.8.12)', () => {
    const pictures = videoFrames({ track: video, seconds: 5, rate: 25, gopS: 1, delay: 2, startS: -3.08 });
    const rig = createPackagerRig();
    rig.stream.startRun(continuous([video], { utcOffsetUs: RIG_START_US }));
    for (const frame of pictures) rig.stream.publish(frame);
    rig.stream.offline('');
    assertSound(rig, [video]);
    assertHolds(
      rig.groups,
      video,
      pictures.map((frame) => ({ ...frame, dts: frame.dts + 4 * 90_000, pts: frame.pts + 4 * 90_000 })),
    );
    assert.equal(rig.groups[0]!.startUs, RIG_START_US - 3_000_000);
  });
});

/** PART-TARGET and TARGETDURATION hold; frames that are missing may have made a part short. */
function assertPromisesButLast(rig: PackagerRig): void {
  const { targetDurationS, parts } = rig.list.generation!;
  for (const { durationUs } of rig.groups) assert.ok(Math.round(durationUs / 1e6) <= targetDurationS);
  for (const { durationS } of rig.announced) assert.ok(durationS <= parts!.targetS);
}

suite('generations (rule 10)', () => {
  /** One run after another, each 4 s long and without a hole. */
  function chain(
    runs: readonly {
      tracks?: readonly Track[];
      rate?: number;
      gopS?: number;
      seconds?: number;
      pace?: RunStart['pace'];
    }[],
    options?: PackagerRigOptions,
  ) {
    const rig = createPackagerRig(options);
    let startS = 10;
    for (const { tracks = [video], rate = 25, gopS = 1, seconds = 4, pace } of runs) {
      rig.stream.startRun(continuous(tracks, pace && { pace }));
      const pictures = videoFrames({ track: tracks[0]!, seconds, rate, gopS, startS });
      const sounds = tracks.slice(1).map((track) => audioFrames({ track, seconds, startS }));
      for (const frame of interleave(tracks, [pictures, ...sounds])) rig.stream.publish(frame);
      if (pace) rig.stream.flush();
      startS += seconds;
    }
    rig.stream.offline('');
    return rig;
  }
  const numbers = (rig: PackagerRig) => rig.generations.map(({ number }) => number);

  test('a run with the same cadence continues the generation', () => {
    const rig = chain([{}, {}, { seconds: 7 }]);
    assert.deepEqual(numbers(rig), [1]);
    assert.deepEqual(
      rig.groups.filter((group) => group.discontinuity).map((group) => group.discontinuitySequence),
      [1, 2],
    );
  });

  test('25 and 30 frames a second have the same PART-TARGET: the generation continues, with as many frames in a part as fit', () => {
    for (const tracks of [[video], both]) {
      const rig = chain([{ tracks }, { tracks, rate: 30 }, { tracks, rate: 30_000 / 1001 }]);
      assert.deepEqual(numbers(rig), [1]);
      assertConstraints(rig, tracks);
    }
  });

  test('audio whose frames are longer than the PART-TARGET needs a new list', () => {
    const config = { ...audio.config, record: Uint8Array.of(0x2b, 0x11, 0x88, 0x00) };
    const long = { ...audio, config } as Track;
    assert.deepEqual(numbers(chain([{ tracks: both }, { tracks: [video, long] }, { tracks: both }])), [1, 2]);
  });

  test('another PART-TARGET, a longer segment, another codec, more tracks, or parts on or off need a new generation', () => {
    const hevc: Track = { ...video, config: { ...video.config, codec: 'hevc', codecs: 'hvc1.1.6.L93.B0' } } as Track;
    assert.deepEqual(numbers(chain([{}, { rate: 24 }])), [1, 2]);
    assert.deepEqual(numbers(chain([{}, { gopS: 3 }])), [1, 2]);
    assert.deepEqual(numbers(chain([{}, { tracks: [hevc] }])), [1, 2]);
    assert.deepEqual(numbers(chain([{}, { tracks: both }])), [1, 2]);
    assert.deepEqual(numbers(chain([{}, { pace: { kind: 'bursty', intervalS: 6 } }])), [1, 2]);
    assert.deepEqual(numbers(chain([{ rate: 5 }, {}])), [1, 2]);
  });

  test('shorter GOPs continue under the longer TARGETDURATION of the list', () => {
    const rig = chain([
      { gopS: 3, seconds: 6 },
      { gopS: 1, seconds: 6 },
      { gopS: 0.5, seconds: 6 },
    ]);
    assert.deepEqual(numbers(rig), [1]);
    assertConstraints(rig, [video]);
  });

  test('a first GOP cut short, of which three would exceed TARGETDURATION, continues in the list', () => {
    const rig = chain([{}, { gopS: 0.88, seconds: 6 }]);
    assert.deepEqual(numbers(rig), [1]);
    assertConstraints(rig, [video]);
  });

  test('a run too short to measure its cadence continues the current generation', () => {
    const rig = chain([{}, { seconds: 0.08 }, { seconds: 0.4 }, {}]);
    assert.deepEqual(numbers(rig), [1]);
    assert.equal(rig.groups.filter((group) => group.discontinuity).length, 3);
    assertSound(rig, [video]);
  });

  test('after a restart a new generation begins with a DISCONTINUITY; the previous one is ended', () => {
    const lastGeneration = chain([{}]).list.generation!;
    const rig = chain([{}], { lastGeneration });
    assert.deepEqual(rig.list.generation, { ...lastGeneration, number: lastGeneration.number + 1 });
    assert.equal(rig.groups[0]!.discontinuity, true);
    assert.equal(rig.list.view(lastGeneration.number)?.ended, true);
  });

  test('a first GOP cut short makes no longer target duration, with or without a previous generation', () => {
    const lastGeneration = chain([{}]).list.generation!;
    for (const gopS of [0.64, 0.88, 1.4, 1.8]) {
      const rigs = [{}, { lastGeneration }].map((last) => chain([{ gopS, seconds: 6 }], last));
      for (const rig of rigs) {
        assert.equal(rig.list.generation!.targetDurationS, 2, `GOPs of ${gopS} s`);
        assertConstraints(rig, [video]);
      }
    }
  });

  test('an ended generation is not continued', () => {
    const rig = createPackagerRig();
    for (const startS of [10, 20]) {
      rig.stream.startRun(continuous([video]));
      for (const frame of film(5, startS)) rig.stream.publish(frame);
      rig.stream.absent('source-down', '');
      rig.packager.endList();
      assert.ok(rig.list.ended);
    }
    assert.deepEqual(numbers(rig), [1, 2]);
    assert.equal(rig.list.view(1)?.ended, true);
    assert.equal(rig.list.view(1)?.segments.length, 3);
  });

  test('media that a source offers again is dropped: a restart joins without a hole', () => {
    const lastGeneration = chain([{}]).list.generation!;
    const endUs = RIG_START_US + 5_000_000;
    const rig = createPackagerRig({ lastGeneration, past: { endUs, hasMedia: true, lastRun: 4 } });
    const start = bursty([video], 6);
    rig.stream.startRun(start);
    rig.stream.nextSegment({
      utcOffsetUs: start.utcOffsetUs,
      clock: start.clock,
      listedUs: 0,
      mayRepeat: true,
      missingUs: 0,
    });
    for (const [i, frame] of film(12).entries()) {
      if (i > 0 && frame.key) rig.stream.flush();
      rig.stream.publish(frame);
    }
    assert.ok(rig.groups.length > 3);
    assert.equal(rig.groups[0]!.startUs, endUs);
    assert.equal(rig.groups[0]!.run.id, 5);
    assert.deepEqual(rig.groups[0]!.gaps, []);
    assertHolds(rig.groups, video, film(12).slice(125, 125 + samplesOfTrack(rig.groups, video).length));
  });
});

suite('a soft re-anchor (rule 1)', () => {
  test('is a new run and UTC offset from a key frame on, PROGRAM-DATE-TIME steps, without DISCONTINUITY and without a new list', () => {
    const rig = createPackagerRig();
    rig.stream.startRun(continuous(both, { clock: 'arrival' }));
    // The source's clock is slow by 1 %: after 60 s more than 250 ms are missing.
    const pictures = film(120, 10, 25, 1);
    const sounds = sound(120);
    for (const frame of interleave(both, [pictures, sounds])) {
      if (frame.trackId === 1) rig.clock.advance(40.4);
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
    const stepUs = after.run.utcOffsetUs - before.run.utcOffsetUs;
    assert.ok(stepUs > 250_000 && stepUs < 500_000, `${stepUs}`);
    assert.equal(after.startUs, before.startUs + before.durationUs + stepUs);
    assert.ok(after.tracks[0]!.independent);
    assert.ok(rig.groups.every((group) => !group.discontinuity && group.discontinuitySequence === 0));
    assert.deepEqual(after.gaps, []);
    assert.deepEqual(
      rig.list.segments.map((segment) => segment.run.id),
      rig.groups.map((group) => group.run.id),
    );
    assert.equal(rig.generations.length, 1);
  });
});
