import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Frame } from '../frame.ts';
import { audioTrack, videoTrack } from '../isobmff/media.fixture.ts';
import { LiveFlvMuxer } from './live-muxer.ts';

const tracks = [videoTrack, audioTrack];

/** Pictures of 40 ms and sound of 40 ms, times in ms. */
function framesOf(count: number): Frame[] {
  const frame = ({ id, timescale }: (typeof tracks)[number], index: number): Frame => {
    const dts = (index * timescale) / 25;
    const data = Uint8Array.of(0, 0, 0, 2, 0x65, 0x88);
    return { trackId: id, dts, pts: dts, duration: timescale / 25, key: index === 0, data };
  };
  return Array.from({ length: count }, (_, index) => [frame(videoTrack, index), frame(audioTrack, index)]).flat();
}

test('a run whose UTC is before the end of the one before it follows that one, and the next one has its UTC again', () => {
  const muxer = new LiveFlvMuxer({ enhanced: false });
  const begins: number[] = [];
  let newest = -1;
  for (const atUs of [0, 600_000, 5_000_000]) {
    muxer.startRun(tracks, { utcOffsetUs: 1e15 + atUs });
    const times = framesOf(25).flatMap((frame) => muxer.frame(frame).map(({ timestampMs }) => timestampMs));
    begins.push(Math.min(...times));
    assert.ok(Math.min(...times) > newest, 'no time goes back');
    newest = Math.max(...times);
  }
  assert.deepEqual(begins, [0, 1000, 5000]);
});
