import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Frame, Track } from '@oxbow/media/frame';
import { audioFrames, audioTrack, interleave, videoFrames, videoTrack } from '../live/frames.fixture.ts';
import {
  assertConstraints,
  assertHolds,
  assertSound,
  continuous,
  createPackagerRig,
  isSilence,
  type PackagerRig,
  RIG_START_US,
  samplesOf,
  samplesOfTrack,
} from './packager.fixture.ts';

const video = videoTrack();
const audio = audioTrack();
const both = [video, audio];
const film = (seconds: number) => videoFrames({ track: video, seconds, rate: 25, gopS: 1 });
const sound = (seconds: number, startS = 10) => audioFrames({ track: audio, seconds, startS });

/** Runs a continuous stream and ends it. */
function run(tracks: readonly Track[], frames: readonly Frame[]): PackagerRig {
  const rig = createPackagerRig();
  rig.stream.startRun(continuous(tracks));
  for (const frame of frames) rig.stream.publish(frame);
  rig.stream.absent('source-down', 'over');
  assertSound(rig, tracks);
  return rig;
}

suite('audio that is missing while video continues (rule 15)', () => {
  const cases: [string, Frame[]][] = [
    ['starts late', sound(6, 13)],
    ['starts a little late', sound(9, 10.3)],
    ['stops', sound(4)],
    ['pauses for two seconds', [...sound(3), ...sound(4, 15)]],
    ['pauses for a fifth of a second', [...sound(3), ...sound(5, 13.2)]],
    ['never comes', []],
  ];
  for (const timescale of [48_000, 90_000, 1000]) {
    const track = audioTrack(48_000, { timescale });
    for (const [name, plain] of cases) {
      const frames = plain.map((frame) => {
        const scaled = (ticks: number) => Math.round((ticks * timescale) / 48_000);
        const dts = scaled(frame.dts);
        return { ...frame, dts, pts: dts, duration: scaled(frame.dts + frame.duration) - dts };
      });
      test(`is silence, without a hole, where it ${name}, at a timescale of ${timescale}`, () => {
        const tracks = [video, track];
        const pictures = film(10);
        const rig = run(tracks, interleave(tracks, [pictures, frames]));
        assertConstraints(rig, tracks);
        assertHolds(rig.groups, video, pictures);
        assertHolds(rig.groups, track, frames);
        for (const group of rig.groups.slice(0, -1)) assert.equal(group.tracks.length, 2);
        const samples = samplesOfTrack(rig.groups, track);
        assert.ok(samples[0]!.pts <= 10.05 * timescale);
        const stepMs = samples.slice(1).map(({ dts }, i) => ((dts - samples[i]!.dts) * 1000) / timescale);
        // A hole may be left of up to two frames.
        assert.ok(Math.max(...stepMs) < 75, `${Math.max(...stepMs)} ms`);
        assert.ok(Math.min(...stepMs) > 5, `${Math.min(...stepMs)} ms`);
        const flagged = rig.groups.filter((group) =>
          samplesOf(group.tracks[1]?.bytes ?? new Uint8Array()).some((sample) => isSilence(sample, track)),
        );
        assert.ok(flagged.length > 0);
        for (const group of flagged) assert.ok(group.tracks[1]!.damaged, 'silence is flagged');
      });
    }
  }

  test('where a run ends, audio ends with the video or a frame after it, however small the hole', () => {
    const pictures = film(5);
    const end = pictures.at(-1)!.dts + pictures.at(-1)!.duration;
    for (const short of [0, 1, 2, 3, 8]) {
      const rig = run(both, interleave(both, [pictures, sound(5).slice(0, -short || undefined)]));
      const last = samplesOfTrack(rig.groups, audio).at(-1)!;
      const own = rig.groups.at(-1)!.tracks[1]!;
      const behind = ((own.tfdt + own.duration) / audio.timescale - end / video.timescale) / (1024 / 48_000);
      assert.ok(behind > -0.05 && behind < 1, `${short} frames short: ${behind} frames behind`);
      assert.equal(own.damaged, isSilence(last, audio), 'silence is flagged');
    }
  });

  test('that ends just before a cut ends with silence up to the cut: the next segment begins where it ends', () => {
    for (const lateMs of [0, 5, 13, 20]) {
      for (const pictures of [101, 110, 150]) {
        // The last cut of the shortest run is at 14 s.
        const heard = sound(5, 10 + lateMs / 1000).filter(
          ({ dts, duration }) => dts + duration <= 14 * audio.timescale,
        );
        for (const left of [heard.length, heard.length - 1]) {
          const rig = run(both, interleave(both, [film(8).slice(0, pictures), heard.slice(0, left)]));
          const own = rig.groups.flatMap(({ tracks }) => tracks.filter(({ trackId }) => trackId === audio.id));
          const apart = own.slice(1).map(({ tfdt }, i) => tfdt - own[i]!.tfdt - own[i]!.duration);
          assert.ok(
            apart.every((ticks) => Math.abs(ticks) <= 1),
            `${lateMs} ms, ${pictures} pictures, ${left} frames: ${apart} ticks`,
          );
        }
      }
    }
  });

  test('where runs meet, audio begins with the video, and each audio frame keeps its time', () => {
    for (const lateMs of [0, 4, 8, 16, 30, 50, 119, 199, 300, 1010, 3100]) {
      const pictures = film(5);
      const late = sound(5 - Math.ceil(lateMs / 1000), 10 + lateMs / 1000);
      const rig = createPackagerRig();
      for (let i = 0; i < 2; i++) {
        rig.stream.startRun(continuous(both, { utcOffsetUs: RIG_START_US + (10 * i - 10) * 1_000_000 }));
        for (const frame of interleave(both, [pictures, late])) rig.stream.publish(frame);
        rig.stream.absent('source-down', 'over');
      }
      const second = rig.groups.filter(({ run: { id } }) => id === rig.groups.at(-1)!.run.id);
      assertHolds(second, video, pictures);
      assertHolds(second, audio, late);
      const samples = second.flatMap(({ tracks }) =>
        samplesOf(tracks.find(({ trackId }) => trackId === audio.id)!.bytes),
      );
      assert.ok(Math.abs(samples[0]!.dts - 10 * audio.timescale) <= 1, `begins ${samples[0]!.dts}, ${lateMs} ms late`);
      let at = samples[0]!.dts;
      for (const { dts, duration } of samples.slice(0, 20)) {
        assert.equal(dts, at, `no hole, ${lateMs} ms late`);
        at += duration;
      }
      for (const [i, { dts }] of samples.slice(1).entries())
        assert.ok(dts > samples[i]!.dts, `rises, ${lateMs} ms late`);
      assert.equal(second[0]!.tracks[1]!.damaged, lateMs > 0, 'silence is flagged');
    }
  });

  test('a track without a silent frame is omitted, and no error is thrown', () => {
    // AAC Main, and a record that is cut short.
    for (const record of [Uint8Array.of(0x09, 0x90), Uint8Array.of(0x11)]) {
      const odd = { ...audio, config: { ...audio.config, record } } as Track;
      const rig = run([video, odd], film(9));
      assert.ok(rig.groups.length > 3);
      assert.ok(rig.groups.every(({ tracks }) => tracks.length === 1 && tracks[0]!.trackId === 1));
    }
  });

  test('a hole in audio without a silent frame stays a hole: later frames keep their times, and the segment is flagged', () => {
    const record = Uint8Array.of(0x10, 0x11, 0x40);
    const config = { codec: 'ac3', record, codecs: 'ac-3', sampleRate: 48_000, channels: 2 } as const;
    const track: Track = { ...audio, kind: 'audio', config };
    // 1,536 samples a frame: three of AAC in two.
    const longer = (frames: readonly Frame[]) =>
      frames.flatMap((frame, i) => {
        if (i % 3 === 2) return [];
        const dts = frame.dts + (i % 3) * 512;
        return [{ ...frame, dts, pts: dts, duration: 1536 }];
      });
    for (const backS of [13.3, 16]) {
      const frames = longer([...sound(3), ...sound(4, backS)]);
      const rig = run([video, track], interleave([video, track], [film(10), frames]));
      assertConstraints(rig, [video, track]);
      assertHolds(rig.groups, video, film(10));
      assertHolds(rig.groups, track, frames);
      const own = rig.groups.flatMap(({ tracks }) => tracks.filter(({ trackId }) => trackId === track.id));
      assert.ok(own.some(({ damaged }) => damaged));
      assert.ok(own.some(({ damaged }) => !damaged));
    }
  });

  test('HE-AAC is filled with frames of its length, and its parts keep their PART-TARGET (rule 8)', () => {
    // Explicit SBR: a core of 24 kHz, 48 kHz out.
    const record = Uint8Array.of(0x2b, 0x11, 0x88, 0x00);
    const config = { codec: 'aac', record, codecs: 'mp4a.40.5', sampleRate: 48_000, channels: 2 } as const;
    const track: Track = { ...audio, kind: 'audio', config };
    const frames = sound(6).flatMap((frame, i, all) =>
      i % 2 === 1 ? [] : [{ ...frame, dts: all[i]!.dts, duration: 2048 }],
    );
    const rig = run([video, track], interleave([video, track], [film(10), frames]));
    assertConstraints(rig, [video, track]);
    assertHolds(rig.groups, track, frames);
    const silent = samplesOfTrack(rig.groups, track).filter((sample) => isSilence(sample, track));
    assert.equal(silent[2]!.dts - silent[1]!.dts, 2048);
  });

  test('audio that comes back later than its part was closed loses the earlier frames, is flagged, and continues', () => {
    const rig = run(both, interleave(both, [film(9), sound(9)], [0, 0.9]));
    const samples = samplesOfTrack(rig.groups, audio);
    for (const [i, { dts }] of samples.slice(1).entries()) assert.ok(dts > samples[i]!.dts);
    assert.ok(rig.groups.some((group) => group.tracks[1]?.damaged));
  });
});

suite('audio that continues while video is missing', () => {
  for (const backS of [undefined, 4, 12]) {
    test(`makes no part and no segment longer than was promised, the video ${backS ? `being back after ${backS} s` : 'never being back'}`, () => {
      const later =
        backS === undefined ? [] : videoFrames({ track: video, seconds: 5, rate: 25, gopS: 1, startS: 15 + backS });
      const frames = interleave(both, [[...film(5), ...later], sound(24)]);
      const rig = run(both, frames);
      assertConstraints(rig, both);
      for (const group of rig.groups) {
        for (const { trackId, duration } of group.tracks) {
          const s = duration / both.find(({ id }) => id === trackId)!.timescale;
          assert.ok(s < 2.5, `track ${trackId} of ${group.msn} lasts ${s} s`);
        }
      }
    });
  }

  test('waits for video that is late by seconds: nothing is lost, and nothing is cut late', () => {
    const frames = interleave(both, [film(12), sound(12)], [2.5, 0]);
    const rig = run(both, frames);
    assertHolds(rig.groups, audio, sound(12));
    assertConstraints(rig, both);
  });
});

suite('audio whose times are far ahead of the pictures', () => {
  const moved = (frames: readonly Frame[], byS: number) =>
    frames.map((frame) => ({ ...frame, dts: frame.dts + byS * 48_000, pts: frame.pts + byS * 48_000 }));

  for (const pace of [{ kind: 'continuous' }, { kind: 'bursty', intervalS: 3 }] as const) {
    for (const aheadS of [20, 3600, 36_000, 1e6]) {
      test(`by ${aheadS} s is dropped, and not led up to by silence (${pace.kind})`, () => {
        const rig = createPackagerRig();
        rig.stream.startRun(continuous(both, { pace }));
        const own = sound(30);
        const all = interleave(both, [film(30), own]);
        const at = all.indexOf(own[600]!);
        const stray = moved([own[600]!], aheadS);
        // One frame in the middle, and the whole track of another clock for a while.
        const frames = [...all.slice(0, at), ...stray, ...all.slice(at)].map((frame) =>
          frame.trackId === audio.id && frame.dts >= 20 * 48_000 && frame.dts < 23 * 48_000
            ? moved([frame], aheadS)[0]!
            : frame,
        );
        for (const frame of frames) rig.stream.publish(frame);
        rig.stream.absent('source-down', 'over');
        assertConstraints(rig, both);
        assertHolds(rig.groups, video, film(30));
        const samples = samplesOfTrack(rig.groups, audio);
        assert.ok(samples.at(-1)!.pts < 41 * 48_000, 'nothing beyond the end of the pictures');
        assert.ok(samples.length < 30 * 48 + 10, `${samples.length} samples`);
        const lost = own.length - samples.filter((sample) => !isSilence(sample, audio)).length;
        assert.ok(lost * (1024 / 48_000) < 3.2, `${lost} frames lost`);
        assert.ok(rig.groups.some((group) => group.tracks[1]?.damaged));
      });
    }
  }

  test('from the first frame of the run on is no audio at all', () => {
    const rig = run(both, interleave(both, [film(10), moved(sound(10), 36_000)], [0, -36_000]));
    assertHolds(rig.groups, video, film(10));
    const samples = samplesOfTrack(rig.groups, audio);
    assert.ok(samples.length < 500 && samples.every((sample) => isSilence(sample, audio)), `${samples.length}`);
  });
});

suite('parts of the sound beside pictures', () => {
  test('are closed by the frame that reaches their end, not by the next one', () => {
    const rig = createPackagerRig();
    rig.stream.startRun(continuous(both));
    const closed: number[] = [];
    let last = 0;
    for (const frame of interleave(both, [film(8), sound(8)])) {
      const before = rig.announced.length;
      if (frame.trackId === 2) last = frame.dts + frame.duration;
      rig.stream.publish(frame);
      for (const part of rig.announced.slice(before)) {
        if (part.trackId !== 2) continue;
        const samples = samplesOf(part.bytes);
        const end = samples.at(-1)!;
        closed.push((last - (end.dts + 1024)) / 1024);
      }
    }
    const late = closed.slice(10).filter((frames) => frames > 0.01);
    // Segments wait for the next frame where it may still belong to them.
    assert.ok(late.length < closed.length / 8, `${late.length} of ${closed.length} parts waited`);
  });

  test('lose no frame whose time jitters by four milliseconds', () => {
    const jitter = (i: number) => (i === 0 ? 0 : [-180, 120, -190, 60, 0][i % 5]!);
    const frames = sound(20).map((frame, i) => ({ ...frame, dts: frame.dts + jitter(i), pts: frame.pts + jitter(i) }));
    const rig = run(both, interleave(both, [film(20), frames], [0, 0.02]));
    assert.equal(samplesOfTrack(rig.groups, audio).filter((sample) => !isSilence(sample, audio)).length, frames.length);
  });
});
