import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { VideoTimes } from '@oxbow/media/flv/video-times';
import type { Frame, Track } from '@oxbow/media/frame';
import { planClipTimes } from '@oxbow/media/isobmff/clip/clip-times';
import { ticksToUs } from '@oxbow/media/run';
import type { SegmentGroup } from '@oxbow/media/segment';
import { audioFrames, audioTrack, interleave, videoFrames, videoTrack } from '../live/frames.fixture.ts';
import { firstOpenOf } from './live-segment.ts';
import { assertConstraints, assertSound, continuous, createPackagerRig, samplesOf } from './packager.fixture.ts';

/** A frame's time in RTMP is rounded to a millisecond. */
const ROUNDED_US = 1001;

function* videoOf(groups: readonly SegmentGroup[], track: Track) {
  for (const group of groups) {
    const own = group.tracks.find(({ trackId }) => trackId === track.id)!;
    const samples = samplesOf(own.bytes);
    const utcUs = (ticks: number) => group.run.utcOffsetUs + ticksToUs(ticks, track.timescale);
    yield { group, own, samples, utcUs, earliest: Math.min(...samples.map(({ pts }) => pts)) };
  }
}

suite('segments cut without a key frame within B-frames', () => {
  for (const timescale of [90_000, 1000]) {
    for (const rate of [10, 25, 29.97, 30, 60]) {
      for (const clock of ['source', 'arrival'] as const) {
        test(`state the time of their earliest picture: ${rate} fps, ${timescale} Hz, clock ${clock}`, () => {
          const tracks = [videoTrack(timescale), audioTrack()] as const;
          const rig = createPackagerRig();
          rig.stream.startRun(continuous(tracks, { clock }));
          const dates = new Map<number, number>();
          rig.list.changes.subscribe(() => {
            const open = firstOpenOf(rig.list.segments);
            const first = open?.parts.get(1)?.[0];
            if (open && first) dates.set(open.msn, open.run.utcOffsetUs + ticksToUs(first.pts, timescale));
          });
          const pictures = videoFrames({ track: tracks[0], seconds: 31, rate, gopS: 10, delay: 2 });
          const frames = interleave(tracks, [pictures, audioFrames({ track: tracks[1], seconds: 31 })]);
          for (const frame of frames) {
            if (frame.trackId === 1) rig.clock.advance(1000 / rate);
            rig.stream.publish(frame);
          }
          rig.stream.offline('over');
          assertSound(rig, tracks);
          assertConstraints(rig, tracks);
          const found = [...videoOf(rig.groups, tracks[0])];
          assert.ok(found.filter(({ own }) => !own.independent).length >= 3);
          for (const { group, own, utcUs, earliest } of found) {
            const offUs = group.startUs - utcUs(earliest);
            assert.ok(Math.abs(offUs) <= ROUNDED_US, `segment ${group.msn} is off by ${offUs} µs`);
            assert.ok(Math.abs(utcUs(own.tfdt + own.firstPtsOffset) - group.startUs) <= ROUNDED_US);
            const date = dates.get(group.msn);
            if (date !== undefined) assert.ok(Math.abs(date - group.startUs) <= ROUNDED_US, 'as the list said');
          }
        });
      }
    }
  }

  test('count frames that are missing to the next one', () => {
    const tracks = [videoTrack()] as const;
    const rig = createPackagerRig();
    rig.stream.startRun(continuous(tracks));
    const pictures = videoFrames({ track: tracks[0], seconds: 21, rate: 25, gopS: 10, delay: 2 });
    for (const [i, frame] of pictures.entries()) if (i % 7 !== 5) rig.stream.publish(frame);
    rig.stream.offline('over');
    assertSound(rig, tracks);
    for (const { group, utcUs, earliest } of videoOf(rig.groups, tracks[0])) {
      const earlyUs = utcUs(earliest) - group.startUs;
      assert.ok(earlyUs >= -ROUNDED_US && earlyUs <= 130_000, `segment ${group.msn} begins ${earlyUs} µs early`);
    }
  });
});

suite('a run that ends within B-frames', () => {
  const track = videoTrack();
  const film = videoFrames({ track, seconds: 6, rate: 25, gopS: 2, delay: 2 });

  /** The groups of the first `count` frames, and those of the film that is sent again. */
  function cut(count: number): SegmentGroup[] {
    const rig = createPackagerRig();
    const send = (frames: readonly Frame[], startS: number) => {
      rig.stream.startRun(continuous([track], { utcOffsetUs: continuous([track]).utcOffsetUs + startS * 1e6 }));
      for (const frame of frames) rig.stream.publish(frame);
      rig.stream.absent('source-down', 'killed');
    };
    send(film.slice(0, count), 0);
    send(film, 8);
    assertSound(rig, [track]);
    assertConstraints(rig, [track]);
    return rig.groups;
  }

  for (const count of [120, 121, 122, 123, 124, 125]) {
    test(`lasts until its last picture ends: ${count} frames`, () => {
      const groups = cut(count);
      const found = [...videoOf(groups, track)];
      const last = found.findLast(({ group }) => group.run.id === groups[0]!.run.id)!;
      const { duration } = film[0]!;
      const end = Math.max(...last.samples.map(({ pts }) => pts)) + duration;
      assert.equal(last.own.tfdt + last.own.firstPtsOffset + last.own.duration, end);
    });

    test(`is followed in a clip after its last picture: ${count} frames`, () => {
      const groups = cut(count);
      const rows = groups.map(({ discontinuity, tracks }) => ({
        discontinuity,
        tracks: tracks.map(({ bytes, ...segment }) => ({ ...segment, length: bytes.length })),
      }));
      const { deltas, lines, duration } = planClipTimes([track], rows);
      const at = groups.map(({ tracks }, i) => samplesOf(tracks[0]!.bytes).map(({ pts }) => pts + deltas[i]![0]!));
      const shown = at.flat().sort((a, b) => a - b);
      assert.equal(new Set(shown).size, shown.length);
      const seam = groups.findIndex(({ discontinuity }) => discontinuity);
      assert.ok(Math.max(...at.slice(0, seam).flat()) < Math.min(...at.slice(seam).flat()), 'in the order of the runs');
      for (const [i, pts] of shown.entries())
        if (i > 0) assert.ok(pts - shown[i - 1]! >= film[0]!.duration, `${pts} overlaps ${shown[i - 1]}`);
      assert.equal(duration, shown.at(-1)! + film[0]!.duration - lines[0]!.mediaTime);
    });
  }
});

test('each part of an RTMP publisher begins where the one before ends (ISO/IEC 14496-12, 8.8.12)', () => {
  const track = videoTrack();
  for (const rate of [24_000 / 1001, 25, 30_000 / 1001, 30, 60_000 / 1001, 60]) {
    const rig = createPackagerRig();
    rig.stream.startRun(continuous([track]));
    const times = new VideoTimes(1, {
      configured: () => {},
      refused: () => {},
      damage: assert.fail,
      frame: (frame) => rig.stream.publish(frame),
    });
    times.setFrameRate(rate);
    const gop = Math.round(2 * rate);
    for (let i = 0; i < 9 * gop; i++) {
      rig.clock.advance(1000 / rate);
      times.push(10_000 + Math.round((i * 1000) / rate), 0, 0, i % gop === 0, Uint8Array.of(i));
    }
    rig.stream.offline('over');
    assertConstraints(rig, [track]);
    const parts = rig.announced.map(({ bytes }) => samplesOf(bytes));
    assert.ok(parts.length > 60, `${parts.length} parts at ${rate}`);
    for (const [i, samples] of parts.entries()) {
      const last = parts[i - 1]?.at(-1);
      if (last) assert.equal(samples[0]!.dts, last.dts + last.duration, `part ${i} at ${rate}`);
    }
  }
});
