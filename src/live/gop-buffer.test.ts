import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Frame } from '@oxbow/media/frame';
import { seeded } from '@oxbow/media/random.fixture';
import { audioFrames, audioTrack, interleave, videoFrames, videoTrack } from './frames.fixture.ts';
import { DEFAULT_GOP_BOUNDS, FRAME_BYTES, type GopBounds, GopBuffer } from './gop-buffer.ts';
import { MemoryBudget } from './memory-budget.ts';

const video = videoTrack();
const audio = audioTrack();
const film = (seconds: number, gopS: number, maxBytes = 90) =>
  interleave(
    [video, audio],
    [
      videoFrames({ track: video, seconds, rate: 25, gopS, startS: 0, maxBytes }),
      audioFrames({ track: audio, seconds, startS: 0 }),
    ],
  );
const keysOf = (buffer: GopBuffer) => buffer.gops.map(({ frames }) => frames[0]!.dts / 90_000);
const fill = (buffer: GopBuffer, frames: readonly Frame[]) => frames.map((frame) => buffer.write(frame, video));
const bytesOf = (frames: readonly Frame[]) => frames.reduce((sum, { data }) => sum + data.length + FRAME_BYTES, 0);

suite('a GOP buffer', () => {
  test('keeps five seconds of complete GOPs, and never less than the GOP in progress', () => {
    const buffer = new GopBuffer();
    fill(buffer, film(7.5, 1));
    assert.deepEqual(keysOf(buffer), [3, 4, 5, 6, 7]);
    assert.ok(buffer.seconds <= 5);
    assert.equal(buffer.frames[0]!.dts, 7 * 90_000);
    const long = new GopBuffer();
    fill(long, film(17, 9));
    assert.deepEqual(keysOf(long), [9], 'eight seconds of one GOP');
  });

  test('keeps at most 15 GOPs and 8 MiB, whichever is met first', () => {
    const many = new GopBuffer();
    fill(many, film(4, 0.2));
    assert.equal(many.gops.length, 15);
    const large = new GopBuffer({ ...DEFAULT_GOP_BOUNDS, maxBytes: 30_000 });
    const frames = film(4, 0.4);
    fill(large, frames);
    assert.ok(large.gops.length > 1 && large.bytes <= 30_000, `${large.gops.length} GOPs, ${large.bytes} bytes`);
    const whole = new GopBuffer({ ...DEFAULT_GOP_BOUNDS, maxBytes: 1 });
    fill(whole, frames);
    assert.deepEqual(keysOf(whole), [3.6], 'never less than the GOP in progress');
  });

  test('drops a GOP in progress of more than 10 s or 64 MiB, and waits for the next key frame', () => {
    const buffer = new GopBuffer();
    const frames = film(24, 12);
    const results = fill(buffer, frames);
    assert.equal(results.filter((isKept) => !isKept).length, 2, 'reported once for each GOP');
    const first = frames[results.indexOf(false)]!;
    assert.ok(first.dts >= 9.9 * 90_000 && first.dts <= 10.1 * 90_000);
    assert.deepEqual([buffer.bytes, buffer.isTooLarge], [0, true]);
    buffer.write({ ...frames[0]!, dts: 24 * 90_000 }, video);
    assert.deepEqual([buffer.gops.length, buffer.isTooLarge], [1, false]);
  });

  test('keeps nothing before a key frame, so that frames without any never grow the memory', () => {
    const memory = new MemoryBudget(1e9);
    const buffer = new GopBuffer(DEFAULT_GOP_BOUNDS, memory);
    for (const frame of film(30, 100).slice(5)) buffer.write({ ...frame, key: frame.trackId === 2 }, video);
    assert.deepEqual([buffer.bytes, buffer.frames.length, memory.bytes], [0, 0, 0]);
  });

  test('keeps only the GOP in progress while three quarters of the memory are in use, and nothing above the ceiling', () => {
    const memory = new MemoryBudget(100_000);
    const buffer = new GopBuffer(DEFAULT_GOP_BOUNDS, memory);
    fill(buffer, film(3, 1));
    assert.equal(buffer.gops.length, 3);
    memory.add(75_000 - buffer.bytes);
    buffer.write({ ...film(4, 1).at(-2)!, key: false }, video);
    assert.equal(buffer.gops.length, 1);
    memory.add(100_000);
    assert.equal(buffer.write(film(4, 1).at(-1)!, video), false);
    assert.equal(buffer.bytes, 0);
  });

  test('of every seed is within its bounds, starts with a key frame, and counts what it keeps', () => {
    for (let seed = 0; seed < 300; seed++) {
      const random = seeded(seed);
      const bounds: GopBounds = {
        maxS: 1 + random(6),
        maxGops: 1 + random(8),
        maxBytes: 1000 + random(50_000),
        maxOpenS: 1 + random(6),
        maxOpenBytes: 2000 + random(60_000),
      };
      const memory = new MemoryBudget(20_000 + random(100_000));
      const buffer = new GopBuffer(bounds, memory);
      const frames = film(15, (1 + random(80)) / 10, 30 + random(400));
      for (const frame of frames) {
        if (random(400) === 0) buffer.clear();
        buffer.write(frame, video);
        const kept = buffer.gops.flatMap((gop) => gop.frames);
        assert.equal(bytesOf(kept), buffer.bytes, `seed ${seed}`);
        assert.equal(memory.bytes, buffer.bytes, `seed ${seed}`);
        for (const gop of buffer.gops) assert.ok(gop.frames[0]?.key && gop.frames[0].trackId === 1, `seed ${seed}`);
        assert.ok(bytesOf(buffer.frames) <= bounds.maxOpenBytes, `seed ${seed}`);
        if (buffer.gops.length > 1) {
          assert.ok(buffer.gops.length <= bounds.maxGops, `seed ${seed}`);
          assert.ok(buffer.bytes <= bounds.maxBytes && buffer.seconds <= bounds.maxS, `seed ${seed}`);
        }
      }
    }
  });
});
