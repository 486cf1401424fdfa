import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { fragmentLength, printFragment } from './fragment.ts';
import { audioTrack, framesOf, fuzz, videoTrack } from './media.fixture.ts';
import { parseSegment } from './segment-frames.ts';

/** Frames as parts of eight, one after the other. */
function segmentOf(frames: ReturnType<typeof framesOf>): Uint8Array {
  const parts: Uint8Array[] = [];
  for (let i = 0; i < frames.length; i += 8) {
    const own = frames.slice(i, i + 8);
    const part = new Uint8Array(fragmentLength(own));
    printFragment(part, 0, { sequence: i, trackId: own[0]!.trackId, tfdt: own[0]!.dts, frames: own });
    parts.push(part);
  }
  return Buffer.concat(parts);
}

suite('the frames of a segment', () => {
  test('come back as they were written, moved by delta', () => {
    for (const track of [videoTrack, audioTrack]) {
      const frames = framesOf(track, 50, 90_000);
      const moved = frames.map((frame) => ({ ...frame, dts: frame.dts + 7, pts: frame.pts + 7 }));
      const parsed = parseSegment(segmentOf(frames), 7)!;
      assert.deepEqual(
        parsed.map((frame) => ({ ...frame, data: [...frame.data] })),
        moved.map((frame) => ({ ...frame, data: [...frame.data] })),
      );
    }
  });

  test('of two tracks, or that run backwards, are none', () => {
    const video = segmentOf(framesOf(videoTrack, 8, 90_000));
    assert.equal(parseSegment(Buffer.concat([video, segmentOf(framesOf(audioTrack, 8, 900_000))])), undefined);
    assert.equal(parseSegment(Buffer.concat([video, video])), undefined);
    assert.equal(parseSegment(new Uint8Array(0)), undefined);
  });

  test('of 2,000 damaged segments end in nothing worse than a FormatError', () => {
    fuzz(segmentOf(framesOf(videoTrack, 30)), 2000, (bytes) => parseSegment(bytes));
  });
});
