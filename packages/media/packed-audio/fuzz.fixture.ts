/**
 * Damaged packed audio; for tests and for `npm run fuzz`.
 * In: a seed. Out: nothing, or an assertion: whatever comes, there are frames in order, damage, or a
 * FormatError, and memory stays bounded.
 */
import assert from 'node:assert/strict';
import type { Frame, Track } from '../frame.ts';
import { seeded } from '../random.fixture.ts';
import { createPackedAudioDemuxer } from './demuxer.ts';
import { aacFrames, ac3Frames, id3Frame, id3Tag, mp3Frames, timeFrame } from './packed.fixture.ts';

/**
 * Feeds `count` damaged segments to demuxers.
 *
 * @returns how many gave frames
 */
export function fuzzPackedAudio(seed: number, count: number): number {
  const random = seeded(seed);
  const whole = [aacFrames(6), mp3Frames(4), ac3Frames(4)].map((frames) =>
    Buffer.concat([id3Tag(timeFrame(2 ** 33 - 5000), id3Frame('TIT2', Uint8Array.of(3, 65))), frames]),
  );
  let gave = 0;
  for (let i = 0; i < count; i++) {
    let tracks: readonly Track[] = [];
    const frames: Frame[] = [];
    const demuxer = createPackedAudioDemuxer({
      tracks: (told) => {
        tracks = told;
        frames.length = 0;
      },
      frame: (frame) => {
        assert.ok(tracks.some(({ id }) => id === frame.trackId));
        assert.ok(frame.pts >= 0 && Number.isSafeInteger(frame.pts) && frame.dts === frame.pts);
        const last = frames.findLast(({ trackId }) => trackId === frame.trackId);
        assert.ok(!last || frame.dts > last.dts);
        frames.push(frame);
      },
      damage() {},
    });
    for (let segment = 0; segment < 2; segment++) {
      const bytes = Uint8Array.from(whole[random(whole.length)]!);
      for (let hits = random(8); hits > 0; hits--) bytes[random(random(2) ? 100 : bytes.length)] = random(256);
      const end = random(3) === 0 ? random(bytes.length + 1) : bytes.length;
      const middle = random(end + 1);
      try {
        demuxer.push(bytes.subarray(0, middle));
        demuxer.push(bytes.subarray(middle, end));
        demuxer.flush();
      } catch (error) {
        assert.equal((error as Error).name, 'FormatError', (error as Error).stack);
        break;
      }
      if (random(4) === 0) {
        demuxer.discontinuity();
        frames.length = 0;
      }
    }
    if (frames.length > 0) gave += 1;
  }
  return gave;
}
