import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Frame } from '../frame.ts';
import { VIDEO_TIMESCALE, VideoTimes } from './video-times.ts';

const RATES = [24_000 / 1001, 24, 25, 30_000 / 1001, 30, 50, 60_000 / 1001, 60, 120];
/** Frames by which a frame is presented later than decoded: I P B B P B B. */
const REORDERED = [2, 4, 1, 1];

interface Plan {
  readonly rate: number;
  /** Frame rate of the parameter sets. */
  readonly stated?: number | undefined;
  readonly reorders?: boolean;
  readonly seconds?: number;
  /** Frames that the encoder dropped. */
  readonly dropped?: (index: number) => boolean;
}

/** Frames with the times that RTMP gives them, and when each was to be shown, ticks. */
function film({ rate, stated, reorders = false, seconds = 20, dropped = () => false }: Plan) {
  const frames: Frame[] = [];
  const damage: string[] = [];
  const times = new VideoTimes(1, {
    configured: () => {},
    refused: () => {},
    frame: (frame) => frames.push(frame),
    damage: (reason) => damage.push(reason),
  });
  times.setFrameRate(stated);
  const wanted: number[] = [];
  for (let i = 0; i < seconds * rate; i++) {
    if (dropped(i)) continue;
    const shown = i + (reorders ? (i === 0 ? 2 : REORDERED[1 + ((i - 1) % 3)]!) : 0);
    const [dtsMs, ptsMs] = [i, shown].map((at) => Math.round((at * 1000) / rate) + 3000);
    times.push(dtsMs!, ptsMs! - dtsMs!, 0, i % 48 === 0, Uint8Array.of(i));
    wanted.push((shown / rate + 3) * VIDEO_TIMESCALE);
  }
  times.flush();
  assert.deepEqual(damage, []);
  assert.equal(frames.length, wanted.length);
  return { frames, wanted };
}

/** Frames that do not begin where the one before ends. */
const seams = (frames: readonly Frame[]) =>
  frames.flatMap(({ dts }, i) => (i > 0 && frames[i - 1]!.dts + frames[i - 1]!.duration !== dts ? [i] : []));

suite('a frame begins where the one before ends, although RTMP has milliseconds', () => {
  for (const rate of RATES) {
    for (const [name, stated] of [
      ['stated', rate],
      ['not stated', undefined],
      ['stated a thousandth too high', rate * 1.001],
    ] as const) {
      for (const reorders of [false, true]) {
        test(`${rate.toFixed(3)} fps, ${name}${reorders ? ', with B-frames' : ''}`, () => {
          const { frames, wanted } = film({ rate, stated, reorders });
          assert.deepEqual(seams(frames), []);
          assert.ok(frames.every(({ dts, pts }) => dts <= pts));
          const off = frames.map(({ pts }, i) => Math.abs(pts - wanted[i]!) / 90);
          assert.ok(Math.max(...off) <= 2, `${Math.max(...off)} ms off`);
        });
      }
    }
  }

  test('a stated rate gives every frame the same duration', () => {
    const { frames } = film({ rate: 30, stated: 30, reorders: true });
    const steady = frames.slice(10, -1);
    assert.deepEqual([...new Set(steady.map(({ duration }) => duration))], [3000]);
    assert.deepEqual([...new Set(steady.map(({ dts, pts }) => (pts - dts) % 3000))], [0]);
  });

  test('a clock that is slow or fast is followed', () => {
    for (const ppm of [-500, -50, 50, 500]) {
      const { frames, wanted } = film({ rate: 30 * (1 + ppm / 1e6), stated: 30, seconds: 120 });
      assert.deepEqual(seams(frames), [], `${ppm} ppm`);
      const off = frames.map(({ pts }, i) => Math.abs(pts - wanted[i]!) / 90);
      assert.ok(Math.max(...off) <= 2.5, `${Math.max(...off)} ms off at ${ppm} ppm`);
    }
  });

  test('frames that the encoder dropped leave a hole, and nothing else is moved', () => {
    const { frames, wanted } = film({ rate: 30, stated: 30, dropped: (i) => i % 100 === 99 });
    const holes = seams(frames);
    assert.equal(holes.length, 5);
    for (const i of holes) assert.ok(frames[i]!.dts > frames[i - 1]!.dts + frames[i - 1]!.duration);
    assert.ok(frames.every(({ pts }, i) => Math.abs(pts - wanted[i]!) / 90 <= 2));
  });
});

suite('an encoder that cannot send decode times before zero', () => {
  /** When a frame is presented, in frames: I P B b b P B b b, so that the delay is two frames. */
  const shown = (i: number) => (i === 0 ? 0 : i + [3, 0, -2, -1][(i - 1) % 4]!);

  /**
   * Frames of 25 fps as GStreamer sends them: times of before the first picture, or of before the last sound,
   * are the latter.
   */
  function send(soundMs: readonly number[]) {
    const frames: Frame[] = [];
    const times = new VideoTimes(1, {
      configured: () => {},
      refused: () => {},
      damage: assert.fail,
      frame: (frame) => frames.push(frame),
    });
    const wanted: number[] = [];
    for (let i = 0; i < 60; i++) {
      const dtsMs = Math.max((i - 2) * 40, soundMs[i] ?? 0);
      const ptsMs = shown(i) * 40;
      times.push(1000 + dtsMs, ptsMs - dtsMs, 0, i === 0, Uint8Array.of(i));
      wanted.push((1000 + ptsMs) * 90);
    }
    times.flush();
    return { frames, wanted };
  }

  for (const [name, soundMs] of [
    ['gives the first three frames one time', []],
    ['gives the first frames that of the sound before them', [0, 0, 0, 116, 162, 162, 162, 205, 205]],
    ['gives the first frames one that is late', [200, 200, 200, 200, 200]],
  ] as const) {
    test(`${name}: every frame keeps its presentation time, and durations are those of frames`, () => {
      const { frames, wanted } = send(soundMs);
      assert.deepEqual(
        frames.map(({ pts }) => pts),
        wanted,
      );
      assert.ok(frames.every(({ dts, pts }) => dts <= pts));
      assert.deepEqual(seams(frames), []);
      assert.ok(frames.every(({ duration }) => duration >= 90 * 20));
    });
  }
});
