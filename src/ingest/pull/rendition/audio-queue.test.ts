import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { AudioQueue, type SegmentTimeline, type VideoSpan, type WaitingFrame } from './audio-queue.ts';

const FRAME_US = 20_000;

/** Frames of 20 ms from one second to another. */
function sound(fromS: number, toS: number, trackId = 101): WaitingFrame[] {
  return Array.from({ length: Math.round(((toS - fromS) * 1e6) / FRAME_US) }, (_, i) => {
    const dtsUs = Math.round(fromS * 1e6) + i * FRAME_US;
    const frame = { trackId, dts: dtsUs, pts: dtsUs, duration: FRAME_US, key: true, data: new Uint8Array(2) };
    return { frame, dtsUs, endUs: dtsUs + FRAME_US };
  });
}

const piece = (epoch = 0, discontinuitySequence = 0): SegmentTimeline => ({ epoch, discontinuitySequence });
const film = (fromS: number, toS: number, epoch = 0, discontinuitySequence = 0): VideoSpan => ({
  ...{ epoch, discontinuitySequence, startUs: Math.round(fromS * 1e6), endUs: Math.round(toS * 1e6) },
});

/** What a stretch of video gets, in seconds, and whether it had to be waited for. */
function taken(line: AudioQueue, video: VideoSpan): { from?: number; to?: number; covered: boolean } {
  line.follow(video);
  const covered = line.covers(video);
  const { frames, turnsUs } = line.take(video);
  if (frames.length === 0) return { covered };
  const at = (us: number) => (us - turnsUs) / 1e6;
  return { from: at(frames[0]!.dtsUs), to: at(frames.at(-1)!.endUs), covered };
}

suite('audio that waits for its video', () => {
  test('is given up to the end of each stretch', () => {
    const line = new AudioQueue();
    line.add(piece(), sound(10, 14));
    assert.deepEqual(taken(line, film(10, 12)), { from: 10, to: 12, covered: true });
    assert.deepEqual(taken(line, film(12, 16)), { from: 12, to: 14, covered: false });
    assert.equal(line.length, 0);
  });

  test('of a later discontinuity sequence waits, of an earlier one is dropped', () => {
    const line = new AudioQueue();
    line.add(piece(0, 1), sound(10, 12));
    line.add(piece(0, 2), sound(0, 4));
    assert.deepEqual(taken(line, film(8, 10, 0, 1)), { covered: true });
    assert.deepEqual(taken(line, film(0, 2, 0, 2)), { from: 0, to: 2, covered: true });
  });

  test('keeps at most 10,000 frames', () => {
    const line = new AudioQueue();
    line.add(piece(), sound(0, 300));
    assert.equal(line.length, 10_000);
    assert.equal(line.bytes, 20_000);
  });
});

suite('audio of an origin that was started again', () => {
  test('of the old life is dropped, however much of it was left, and the new one is given at once', () => {
    for (const aheadS of [0.1, 2, 100]) {
      const line = new AudioQueue();
      line.add(piece(0, 3), sound(1020, 1024 + aheadS));
      assert.deepEqual(taken(line, film(1020, 1024, 0, 3)), { from: 1020, to: 1024, covered: true });
      line.add(piece(1), sound(0, 4));
      assert.deepEqual(taken(line, film(0, 2, 1)), { from: 0, to: 2, covered: true });
      assert.deepEqual(taken(line, film(2, 4, 1)), { from: 2, to: 4, covered: true });
    }
  });

  test('is waited for where the video found out first; what still comes of the old life is not taken for it', () => {
    const line = new AudioQueue();
    line.add(piece(), sound(1020, 1026));
    taken(line, film(1020, 1024));
    assert.deepEqual(taken(line, film(0, 2, 1)), { covered: false });
    line.add(piece(), sound(1026, 1028));
    assert.deepEqual(taken(line, film(2, 4, 1)), { covered: false });
    line.add(piece(1), sound(0, 6));
    assert.deepEqual(taken(line, film(4, 6, 1)), { from: 0, to: 6, covered: true });
  });

  test('is kept where the audio found out first, while the video is still in its old life', () => {
    const line = new AudioQueue();
    line.add(piece(0, 2), sound(1020, 1024));
    line.add(piece(1, 0), sound(0, 6));
    assert.deepEqual(taken(line, film(1020, 1024, 0, 2)), { from: 1020, to: 1024, covered: true });
    assert.deepEqual(taken(line, film(1024, 1026, 0, 2)), { covered: true });
    assert.deepEqual(taken(line, film(0, 2, 1, 0)), { from: 0, to: 2, covered: true });
  });

  test('is given when the two do not count alike: only one of them seems to have begun anew, and both go on', () => {
    const audioOnly = new AudioQueue();
    audioOnly.add(piece(0), sound(100, 102));
    taken(audioOnly, film(100, 102));
    audioOnly.add(piece(1), sound(102, 106));
    assert.deepEqual(taken(audioOnly, film(102, 104)), { from: 102, to: 104, covered: true });
    assert.deepEqual(taken(audioOnly, film(104, 106)), { from: 104, to: 106, covered: true });
    const videoOnly = new AudioQueue();
    videoOnly.add(piece(0), sound(100, 102));
    taken(videoOnly, film(100, 102));
    videoOnly.follow(film(102, 104, 1));
    videoOnly.add(piece(0), sound(102, 106));
    assert.deepEqual(taken(videoOnly, film(102, 104, 1)), { from: 102, to: 104, covered: false });
    assert.deepEqual(taken(videoOnly, film(104, 106, 1)), { from: 104, to: 106, covered: true });
  });

  test('is found by its timestamps too, where neither playlist shows it', () => {
    const line = new AudioQueue();
    line.add(piece(), sound(1020, 1026));
    taken(line, film(1020, 1024));
    line.add(piece(), [...sound(0, 4), ...sound(0, 4, 102)]);
    assert.deepEqual(taken(line, film(0, 2)), { from: 0, to: 2, covered: true });
    assert.equal(line.length, 300, 'the two tracks of the new life are left');
  });

  test('is found where only the discontinuity sequence goes back, whichever rendition shows it first', () => {
    for (const isAudioFirst of [true, false]) {
      const line = new AudioQueue();
      line.add(piece(0, 4), sound(1020, 1026));
      taken(line, film(1020, 1024, 0, 4));
      if (isAudioFirst) line.add(piece(0, 0), sound(9, 15));
      taken(line, film(9, 11, 0, 0));
      if (!isAudioFirst) line.add(piece(0, 0), sound(9, 15));
      assert.deepEqual(taken(line, film(11, 13, 0, 0)).to, 13, String(isAudioFirst));
    }
  });

  test('is not looked for where a whole segment comes after its parts', () => {
    const line = new AudioQueue();
    line.add(piece(), sound(1000, 1024));
    taken(line, film(1000, 1016));
    assert.deepEqual(taken(line, { ...film(1000, 1020), repeats: true }), { from: 1016, to: 1020, covered: true });
    assert.deepEqual(taken(line, film(1020, 1024)), { from: 1020, to: 1024, covered: true });
  });
});

test('a clock that began on the other side of a wrap is shifted by a whole turn', () => {
  const turnS = 2 ** 33 / 90_000;
  const line = new AudioQueue();
  line.add(piece(), sound(turnS + 5, turnS + 7));
  const got = taken(line, film(5, 7));
  assert.ok(got.covered);
  assert.ok(Math.abs(got.from! - 5) < 0.001 && Math.abs(got.to! - 7) < 0.001);
});
