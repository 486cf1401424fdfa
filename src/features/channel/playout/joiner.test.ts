import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Frame } from '@oxbow/media/frame';
import { audioTrack, videoTrack } from '../../../live/frames.fixture.ts';
import type { StreamInput } from '../../../live/input.ts';
import { Joiner } from './joiner.ts';

const tracks = [videoTrack(), audioTrack()];
const FRAME = 1024;

/** A second of pictures, and of sound whose first frame is `lateMs` behind the first picture. */
function second(lateMs: number): readonly Frame[] {
  const data = new Uint8Array(1);
  const pictures = Array.from({ length: 25 }, (_, i): Frame => {
    return { trackId: 1, dts: i * 3600, pts: i * 3600, duration: 3600, key: i === 0, data };
  });
  const sound = Array.from({ length: 47 }, (_, i): Frame => {
    const at = lateMs * 48 + i * FRAME;
    return { trackId: 2, dts: at, pts: at, duration: FRAME, key: true, data };
  });
  return [...pictures, ...sound].sort(
    (a, b) => a.dts / (a.trackId === 1 ? 90 : 48) - b.dts / (b.trackId === 1 ? 90 : 48),
  );
}

test('sound continues without a hole where the run does, at most 35 ms from its place', () => {
  for (const lateMs of [0, 5, 12, 20]) {
    const sent: Frame[] = [];
    let runs = 0;
    const joiner = new Joiner({
      startRun: () => runs++,
      publish: (frame: Frame) => sent.push(frame),
    } as unknown as StreamInput);
    for (let atS = 10; atS < 13; atS++) {
      const take = joiner.open(atS * 1e6);
      const piece = { tracks, frames: second(lateMs), offsetUs: 0, jumps: false };
      for (const frame of piece.frames) {
        const placed = take.place(frame, piece);
        if (!placed) continue;
        const before = sent.length;
        take.send(placed, (atS + 1) * 1e6);
        const [last] = sent.slice(before);
        if (last?.trackId !== 2) continue;
        const movedMs = Math.abs(last.pts - (atS * 48_000 + frame.pts)) / 48;
        assert.ok(movedMs <= 35, `${lateMs} ms late: moved by ${movedMs} ms`);
      }
    }
    assert.equal(runs, 1);
    const sound = sent.filter(({ trackId }) => trackId === 2);
    for (const [i, { dts }] of sound.entries()) {
      if (i > 0) assert.ok(Math.abs(dts - sound[i - 1]!.dts - FRAME) <= 1, `${lateMs} ms late: a hole before ${dts}`);
    }
  }
});
