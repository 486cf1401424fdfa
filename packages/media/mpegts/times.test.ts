import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { concatBytes } from '../bytes.ts';
import { rescale } from '../rescale.ts';
import {
  AUDIO,
  collect,
  type Delivered,
  demuxAll,
  PacketWriter,
  PMT,
  PPS,
  printAdts,
  printPat,
  printPmt,
  printSlice,
  printSps,
  printUnit,
  VIDEO,
} from './packets.fixture.ts';
import { ProgramClock, signedTurn, TURN } from './timestamps.ts';

const key = () => printUnit(printSps(), PPS, printSlice(true));
const AV = printPmt([
  [0x1b, VIDEO],
  [0x0f, AUDIO],
]);

/** A stream of video at the given decode times and audio at the given times, in the order of the list. */
function stream(units: readonly { readonly v?: number; readonly pts?: number; readonly a?: number }[]): Uint8Array {
  const writer = new PacketWriter();
  const packets = [writer.section(0, printPat()), writer.section(PMT, AV)];
  for (const { v, a, pts } of units) {
    if (v !== undefined) packets.push(writer.pes(VIDEO, key(), pts === undefined ? { pts: v } : { pts, dts: v }));
    if (a !== undefined) packets.push(writer.pes(AUDIO, printAdts(30), { pts: a }));
  }
  return concatBytes(packets);
}

const times = (delivered: Delivered, id: number) => delivered.frames.filter((f) => f.trackId === id).map((f) => f.dts);
const rising = (list: readonly number[]) => list.every((value, i) => i === 0 || value > list[i - 1]!);

suite('the line of times', () => {
  test('the shorter way around the clock is taken', () => {
    assert.equal(signedTurn(TURN - 5), -5);
    assert.equal(signedTurn(5 - TURN), 5);
    const clock = new ProgramClock();
    assert.deepEqual(
      [TURN - 10, 5, TURN - 20, 100].map((raw) => clock.unwrap(raw)),
      [TURN - 10, TURN + 5, TURN - 20, TURN + 100],
    );
  });

  test('one broken time does not move the reference', () => {
    const clock = new ProgramClock();
    assert.deepEqual([90_000, 2 ** 32 + 80_000, 93_600].map((raw) => clock.unwrap(raw))[2], 93_600);
    for (let i = 0; i < 3; i++) clock.unwrap(2 ** 32 - 80_000 + i * 3600);
    assert.equal(clock.unwrap(2 ** 32 + 2 ** 31), 2 ** 32 + 2 ** 31, 'a confirmed jump does');
  });

  test('ticks are converted exactly after many turns', () => {
    assert.equal(rescale(TURN * 100, 90_000, 48_000), Math.round((TURN * 100 * 8) / 15));
    assert.equal(rescale(-90_000, 90_000, 44_100), -44_100);
  });

  test('video that wraps many packets before audio keeps its distance to it', () => {
    const start = TURN - 50_000;
    const units = Array.from({ length: 50 }, (_, i) => ({
      v: (start + 20_000 + i * 3600) % TURN,
      a: (start + i * 1920) % TURN,
    }));
    const delivered = demuxAll(stream(units));
    assert.deepEqual(delivered.damage, []);
    const [video, audio] = [times(delivered, 1), times(delivered, 2)];
    assert.deepEqual(
      video,
      units.map((_, i) => start + 20_000 + i * 3600),
    );
    assert.equal(audio[0], rescale(start, 90_000, 48_000));
    assert.ok(audio.every((pts, i) => pts === audio[0]! + i * 1024));
  });

  test('a stream that begins right before the wrap has no time below 0', () => {
    const units = Array.from({ length: 20 }, (_, i) => ({ v: 3600 * i, a: (TURN - 4000 + i * 1920) % TURN }));
    const delivered = demuxAll(stream(units));
    assert.deepEqual(delivered.damage, []);
    assert.deepEqual(
      [times(delivered, 1)[0], times(delivered, 2)[0]],
      [TURN, rescale(TURN, 90_000, 48_000) + rescale(-4000, 90_000, 48_000)],
    );
  });

  test('after a discontinuity the line begins where the source says', () => {
    const { demuxer, ...delivered } = collect();
    demuxer.push(stream([{ v: 900_000, a: 900_000 }, { v: 903_600 }]));
    demuxer.discontinuity();
    demuxer.push(stream([{ v: 0, a: 0 }, { v: 3600 }]));
    demuxer.flush();
    assert.deepEqual(times(delivered, 1), [900_000, 903_600, 0, 3600]);
    assert.deepEqual(times(delivered, 2), [480_000, 0]);
    assert.deepEqual(delivered.damage, []);
  });

  test('a source clock set back: both tracks continue, as far apart as before, and it is said', () => {
    const first = Array.from({ length: 50 }, (_, i) => ({ v: 9_000_000 + i * 3840, a: 9_000_000 + i * 3840 }));
    const second = Array.from({ length: 50 }, (_, i) => ({ v: 90_000 + i * 3840, a: 90_000 + i * 3840 }));
    const delivered = demuxAll(stream([...first, ...second]));
    const [video, audio] = [times(delivered, 1), times(delivered, 2)];
    assert.deepEqual([video.length, audio.length, rising(video), rising(audio)], [100, 100, true, true]);
    assert.deepEqual(delivered.damage, ['the clock of the source was set back']);
    assert.ok(Math.abs(video[50]! / 90_000 - audio[50]! / 48_000) < 0.001);
  });

  test('one broken time costs its frame at most and moves nothing', () => {
    for (const broken of [900_000_000, 95_000 + 2 ** 31, 1000]) {
      for (const track of ['v', 'a'] as const) {
        const units = Array.from({ length: 20 }, (_, i) => ({ v: 900_000 + i * 3600, a: 900_000 + i * 1920 }));
        units[9]![track] = broken;
        const delivered = demuxAll(stream(units));
        const [video, audio] = [times(delivered, 1), times(delivered, 2)];
        assert.ok(rising(video) && rising(audio));
        assert.deepEqual([video.at(-1), audio.at(-1)], [900_000 + 19 * 3600, 480_000 + 19 * 1024]);
        assert.ok(video.length >= 19 && audio.length >= 19, `${broken}: ${delivered.damage.join()}`);
        assert.equal(delivered.damage.length, 1);
      }
    }
  });

  test('a jump ahead is followed once audio confirms it, and no frame is lost', () => {
    const units = Array.from({ length: 20 }, (_, i) => {
      const at = 900_000 + i * 3840 + (i < 10 ? 0 : 450_000);
      return { v: at, a: at };
    });
    const delivered = demuxAll(stream(units));
    assert.deepEqual(delivered.damage, []);
    assert.deepEqual(
      times(delivered, 1),
      units.map((unit) => unit.v),
    );
    assert.deepEqual(
      times(delivered, 2),
      units.map((unit) => rescale(unit.a, 90_000, 48_000)),
    );
  });

  test('a hole is not in the duration of the frame before it', () => {
    const units = Array.from({ length: 10 }, (_, i) => ({ v: 900_000 + i * 3600 + (i < 5 ? 0 : 90_000), a: 900_000 }));
    const { frames } = demuxAll(stream(units.map((unit, i) => (i === 0 ? unit : { v: unit.v }))));
    assert.ok(frames.filter((frame) => frame.trackId === 1).every((frame) => frame.duration === 3600));
  });

  test('a slow picture of one frame in two seconds has its real duration', () => {
    const units = Array.from({ length: 4 }, (_, i) => ({ v: 900_000 + i * 180_000, a: 900_000 + i * 180_000 }));
    const { frames } = demuxAll(stream(units));
    const durations = frames.filter((frame) => frame.trackId === 1).map((frame) => frame.duration);
    assert.deepEqual(durations.slice(1), [180_000, 180_000, 180_000]);
  });

  test('decode times that repeat are moved apart or dropped, and said', () => {
    const units = [
      { v: 1000, pts: 5000 },
      { v: 1000, pts: 5000 },
      { v: 900, pts: 950 },
      { v: 2000, pts: 6000 },
    ];
    const delivered = demuxAll(stream([{ a: 0 }, ...units]));
    assert.deepEqual(times(delivered, 1), [1000, 1001, 2000]);
    assert.equal(delivered.damage.length, 2);
  });

  test('a presentation time before the decode time moves decode times back and costs no frame; far before, it costs it', () => {
    const delivered = demuxAll(stream([{ v: 1000, a: 0 }, { v: 4600, pts: 4000 }, { v: 8200 }]));
    assert.deepEqual(times(delivered, 1), [1000, 4000, 7600]);
    assert.deepEqual(delivered.damage, []);
    const far = demuxAll(stream([{ v: 900_000, a: 900_000 }, { v: 903_600, pts: 600_000 }, { v: 907_200 }]));
    assert.deepEqual(times(far, 1), [900_000, 907_200]);
    assert.equal(far.damage.length, 1);
  });

  suite('an encoder leaves out the delay of its B-pictures', () => {
    const FRAME = 3600;
    /** Orders of presentation of the pictures of a GOP in decode order, e.g. I P B B. */
    const orders: Readonly<Record<string, readonly number[]>> = {
      'one B-picture': [0, 2, 1, 4, 3, 6, 5],
      'two B-pictures': [0, 3, 1, 2, 6, 4, 5],
      'a pyramid': [0, 4, 2, 1, 3, 8, 6, 5, 7],
      'a pyramid of seven': [0, 8, 4, 2, 1, 3, 6, 5, 7],
      'B-pictures that come late': [0, 1, 2, 3, 7, 5, 4, 6, 8],
    };
    for (const [what, order] of Object.entries(orders)) {
      for (const startsAt of [0, 90_000, TURN - 5 * FRAME]) {
        test(`${what}, from ${startsAt} on: every picture comes at its time, with dts <= pts`, () => {
          const units: { v: number; pts: number; a?: number }[] = [];
          for (let gop = 0; gop < 5; gop++) {
            for (const [i, place] of order.entries()) {
              const at = startsAt + gop * order.length * FRAME;
              units.push({ v: (at + i * FRAME) % TURN, pts: (at + place * FRAME) % TURN });
            }
          }
          const delivered = demuxAll(stream([{ a: startsAt }, ...units]));
          const frames = delivered.frames.filter(({ trackId }) => trackId === 1);
          const first = frames[0]!.pts;
          assert.deepEqual(
            frames.map(({ pts }) => (pts - first) / FRAME),
            Array.from({ length: 5 }, (_, gop) => order.map((place) => gop * order.length + place)).flat(),
          );
          assert.ok(frames.every(({ dts, pts }) => dts <= pts));
          assert.ok(rising(frames.map(({ dts }) => dts)));
          assert.deepEqual(delivered.damage, []);
        });
      }
    }
  });

  test('audio within 2 ms of the prediction follows it, beyond that it is anchored again', () => {
    const jitter = [0, 150, -170, 100, 400, 400];
    const delivered = demuxAll(stream([{ v: 90_000 }, ...jitter.map((off, i) => ({ a: 90_000 + i * 1920 + off }))]));
    const start = 48_000;
    const late = rescale(400, 90_000, 48_000);
    assert.deepEqual(
      times(delivered, 2),
      [0, 1024, 2048, 3072, 4096 + late, 5120 + late].map((pts) => start + pts),
    );
  });

  test('audio that comes twice is dropped and counted', () => {
    const delivered = demuxAll(stream([{ v: 90_000 }, ...[0, 1, 2, 1, 2, 3].map((i) => ({ a: 90_000 + i * 1920 }))]));
    assert.deepEqual(times(delivered, 2), [48_000, 49_024, 50_048, 51_072]);
    assert.equal(delivered.damage.length, 2);
  });
});
