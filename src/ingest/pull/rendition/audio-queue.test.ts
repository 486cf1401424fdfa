import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { AudioQueue, type SegmentTimeline, type VideoSpan, type WaitingFrame } from './audio-queue.ts';

const FRAME_US = 20_000;

/** Frames of 20 ms between two times, seconds. */
function sound(fromS: number, toS: number, trackId = 101): WaitingFrame[] {
  return Array.from({ length: Math.round(((toS - fromS) * 1e6) / FRAME_US) }, (_, i) => {
    const dtsUs = Math.round(fromS * 1e6) + i * FRAME_US;
    const frame = { trackId, dts: dtsUs, pts: dtsUs, duration: FRAME_US, key: true, data: new Uint8Array(2) };
    return { frame, dtsUs, endUs: dtsUs + FRAME_US };
  });
}

const piece = (epoch = 0, discontinuitySequence = 0): SegmentTimeline => ({ epoch, discontinuitySequence });
const film = (fromS: number, toS: number, epoch = 0, discontinuitySequence = 0): VideoSpan => ({
  epoch,
  discontinuitySequence,
  startUs: Math.round(fromS * 1e6),
  endUs: Math.round(toS * 1e6),
});

/** The audio of a span of video, seconds, and whether it was complete. */
function taken(queue: AudioQueue, video: VideoSpan): { from?: number; to?: number; covered: boolean } {
  queue.follow(video);
  const covered = queue.covers(video);
  const { frames, turnsUs } = queue.take(video);
  if (frames.length === 0) return { covered };
  const at = (us: number) => (us - turnsUs) / 1e6;
  return { from: at(frames[0]!.dtsUs), to: at(frames.at(-1)!.endUs), covered };
}

suite('audio that waits for its video', () => {
  test('is returned up to the end of each span', () => {
    const queue = new AudioQueue();
    queue.add(piece(), sound(10, 14));
    assert.deepEqual(taken(queue, film(10, 12)), { from: 10, to: 12, covered: true });
    assert.deepEqual(taken(queue, film(12, 16)), { from: 12, to: 14, covered: false });
    assert.equal(queue.length, 0);
  });

  test('that ends before its span reaches into it, and is waited for although audio was late before', () => {
    const queue = new AudioQueue();
    assert.equal(queue.reaches(film(10, 16)), false);
    queue.add(piece(), sound(10, 13));
    assert.deepEqual([queue.covers(film(10, 16)), queue.reaches(film(10, 16))], [false, true]);
    assert.equal(queue.reaches(film(16, 22)), false, 'of the next span there is nothing yet');
    assert.equal(queue.reaches(film(10, 16, 0, 1)), false, 'it is before a discontinuity');
  });

  test('whose last frames are short covers its span by the length in the playlist, while that is true', () => {
    const queue = new AudioQueue();
    queue.add(piece(), sound(10, 15), 6e6);
    assert.deepEqual(taken(queue, film(10, 16)), { from: 10, to: 15, covered: true });
    queue.add(piece(), sound(16, 21), 7e6);
    assert.deepEqual(taken(queue, film(16, 22)), { from: 16, to: 21, covered: true });
    queue.add(piece(), sound(22, 27), 7e6);
    assert.deepEqual(taken(queue, film(22, 28)), { from: 22, to: 27, covered: false }, 'it began at 22 s, not at 23 s');
    queue.add(piece(1), sound(0, 5), 6e6);
    assert.deepEqual(taken(queue, film(0, 6, 1)), { from: 0, to: 5, covered: false }, 'nor after a restart');
  });

  test('whose playlist states less than it has is covered by its frames', () => {
    const queue = new AudioQueue();
    queue.add(piece(), sound(10, 16), 2e6);
    assert.deepEqual(taken(queue, film(10, 16)), { from: 10, to: 16, covered: true });
  });

  test('whose clock goes back by a restart keeps what its playlist states', () => {
    const queue = new AudioQueue();
    queue.add(piece(), sound(1000, 1005), 6e6);
    queue.add(piece(1), sound(998, 1003), 6e6);
    assert.equal(queue.covers(film(998, 1004, 1)), true);
  });

  test('of a later discontinuity sequence waits, of an earlier one is dropped', () => {
    const queue = new AudioQueue();
    queue.add(piece(0, 1), sound(10, 12));
    queue.add(piece(0, 2), sound(0, 4));
    assert.deepEqual(taken(queue, film(8, 10, 0, 1)), { covered: true });
    assert.deepEqual(taken(queue, film(0, 2, 0, 2)), { from: 0, to: 2, covered: true });
  });

  test('keeps at most 10,000 frames', () => {
    const queue = new AudioQueue();
    queue.add(piece(), sound(0, 300));
    assert.equal(queue.length, 10_000);
    assert.equal(queue.bytes, 20_000);
  });
});

suite('audio of an origin that restarted', () => {
  test('of the old session is dropped, and that of the new one is returned at once', () => {
    for (const aheadS of [0.1, 2, 100]) {
      const queue = new AudioQueue();
      queue.add(piece(0, 3), sound(1020, 1024 + aheadS));
      assert.deepEqual(taken(queue, film(1020, 1024, 0, 3)), { from: 1020, to: 1024, covered: true });
      queue.add(piece(1), sound(0, 4));
      assert.deepEqual(taken(queue, film(0, 2, 1)), { from: 0, to: 2, covered: true });
      assert.deepEqual(taken(queue, film(2, 4, 1)), { from: 2, to: 4, covered: true });
    }
  });

  test('is awaited if the video restarted first; later frames of the old session are not used', () => {
    const queue = new AudioQueue();
    queue.add(piece(), sound(1020, 1026));
    taken(queue, film(1020, 1024));
    assert.deepEqual(taken(queue, film(0, 2, 1)), { covered: false });
    queue.add(piece(), sound(1026, 1028));
    assert.deepEqual(taken(queue, film(2, 4, 1)), { covered: false });
    queue.add(piece(1), sound(0, 6));
    assert.deepEqual(taken(queue, film(4, 6, 1)), { from: 0, to: 6, covered: true });
  });

  test('is kept if the audio restarted first, while the video is still in its old session', () => {
    const queue = new AudioQueue();
    queue.add(piece(0, 2), sound(1020, 1024));
    queue.add(piece(1, 0), sound(0, 6));
    assert.deepEqual(taken(queue, film(1020, 1024, 0, 2)), { from: 1020, to: 1024, covered: true });
    assert.deepEqual(taken(queue, film(1024, 1026, 0, 2)), { covered: true });
    assert.deepEqual(taken(queue, film(0, 2, 1, 0)), { from: 0, to: 2, covered: true });
  });

  test('is returned if only one of the two seems to have restarted, and both continue', () => {
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

  test('is detected by its timestamps if neither playlist shows the restart', () => {
    const queue = new AudioQueue();
    queue.add(piece(), sound(1020, 1026));
    taken(queue, film(1020, 1024));
    queue.add(piece(), [...sound(0, 4), ...sound(0, 4, 102)]);
    assert.deepEqual(taken(queue, film(0, 2)), { from: 0, to: 2, covered: true });
    assert.equal(queue.length, 300, 'the two tracks of the new life are left');
  });

  test('is detected by a decreasing discontinuity sequence of either rendition', () => {
    for (const isAudioFirst of [true, false]) {
      const queue = new AudioQueue();
      queue.add(piece(0, 4), sound(1020, 1026));
      taken(queue, film(1020, 1024, 0, 4));
      if (isAudioFirst) queue.add(piece(0, 0), sound(9, 15));
      taken(queue, film(9, 11, 0, 0));
      if (!isAudioFirst) queue.add(piece(0, 0), sound(9, 15));
      assert.deepEqual(taken(queue, film(11, 13, 0, 0)).to, 13, String(isAudioFirst));
    }
  });

  test('is not assumed when a complete segment follows its parts', () => {
    const queue = new AudioQueue();
    queue.add(piece(), sound(1000, 1024));
    taken(queue, film(1000, 1016));
    assert.deepEqual(taken(queue, { ...film(1000, 1020), repeats: true }), { from: 1016, to: 1020, covered: true });
    assert.deepEqual(taken(queue, film(1020, 1024)), { from: 1020, to: 1024, covered: true });
  });
});

test('a clock that began on the other side of a wrap is shifted by the period', () => {
  const turnS = 2 ** 33 / 90_000;
  const queue = new AudioQueue();
  queue.add(piece(), sound(turnS + 5, turnS + 7));
  const got = taken(queue, film(5, 7));
  assert.ok(got.covered);
  assert.ok(Math.abs(got.from! - 5) < 0.001 && Math.abs(got.to! - 7) < 0.001);
});
