import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { DemuxStream } from '../../ffmpeg/demux.ts';
import { JoinedStream } from '../../ffmpeg/joined-clock.ts';
import { ClockJumps } from './clock-jumps.ts';

const picture = { index: 0, kind: 'video', timeScale: 90_000, timeStep: 1 } as DemuxStream;
const sound = { index: 1, kind: 'audio', timeScale: 48_000, timeStep: 1 } as DemuxStream;

/** Times in order: of pictures, and of sound in brackets; s. */
function read(times: readonly (number | readonly [number])[], reference = picture): ClockJumps {
  const jumps = new ClockJumps(reference);
  for (const time of times) {
    const [stream, atS] = typeof time === 'number' ? [picture, time] : [sound, time[0]];
    jumps.take({ dts: atS * stream.timeScale, pts: atS * stream.timeScale, duration: 0 }, stream);
  }
  return jumps;
}

/** Where the pictures of a joined file are shown, s. */
function placed(times: readonly number[]): (number | undefined)[] {
  const joined = new JoinedStream(read(times).parts, 'video');
  return times.map((atS) => {
    const shiftUs = joined.take(Math.round(atS * 1e6), 0, true);
    return shiftUs === undefined ? undefined : Math.round(atS * 1e6 + shiftUs) / 1e6;
  });
}

suite('times of a picture', () => {
  test('that jump ahead are named with place and length, whether sound or picture comes first behind the jump', () => {
    const expected = [
      'The times of the file jump ahead by 94.0 s at 6.0 s, as where captures were joined: what follows continues there.',
    ];
    const second = [101, [101], 102] as const;
    assert.deepEqual(read([1, [1], 3, [3], 5, [5.1], ...second]).warnings(1e6), expected);
    assert.deepEqual(read([1, [1], 3, [3], 5, [5.1], [100.8], ...second]).warnings(1e6), expected);
    assert.deepEqual(read([1, 3, 5, 101, 102]).warnings(1e6), expected, 'without sound');
  });

  test('that rest while the sound continues do not jump', () => {
    const slides = Array.from({ length: 30 }, (_, i) => (i % 25 === 0 ? i : ([i] as const)));
    assert.equal(read(slides).isJoined, false);
    assert.equal(read([0, 9, 18, 27]).isJoined, false);
  });

  test('that jump, ahead or back, continue where they were; one that is damaged is none of a part', () => {
    for (const [times, expected] of [
      [
        [1, 2, 3, 4, 0, 1, 2],
        [1, 2, 3, 4, 5, 6, 7],
      ],
      [
        [101, 102, 103, 1, 2, 101, 102],
        [101, 102, 103, 104, 105, 106, 107],
      ],
      // As FFmpeg unwraps 33 bits.
      [
        [101, 102, 1 + 2 ** 33 / 90_000, 2 + 2 ** 33 / 90_000],
        [101, 102, 103, 104],
      ],
      // Three times the same.
      [
        [1, 2, 3, 4, 1, 2, 3, 4, 1, 2],
        [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
      ],
      [
        [1, 2, 5000, 3, 4, 0.5, 5],
        [1, 2, 5000, 3, 4, 0.5, 5],
      ],
      [
        [1, 2, 1.5, 2.5, 3],
        [1, 2, 1.5, 2.5, 3],
      ],
    ] as const) {
      for (const [i, at] of placed(times).entries()) assert.ok(Math.abs(at! - expected[i]!) < 1e-5, `${times}: ${i}`);
    }
    assert.match(read([101, 102, 1, 2]).warnings(101e6).join(), /go back by 102\.0 s at 2\.0 s/);
  });

  test('are not those of a file of sound, and sound that goes back is no picture', () => {
    assert.equal(read([[100], [1], [2]]).isJoined, false);
    assert.equal(read([[100], [1], [500], [501]], sound).isJoined, false);
  });
});

suite('the sound of a joined file', () => {
  const { parts } = read([...Array.from({ length: 11 }, (_, i) => i), ...Array.from({ length: 11 }, (_, i) => i)]);
  const placeAll = (times: readonly number[], durationS = 1) => {
    const joined = new JoinedStream(parts, 'audio');
    const shown = times.flatMap((atS) => {
      const shiftUs = joined.take(atS * 1e6, durationS * 1e6, true);
      return shiftUs === undefined ? [] : (atS * 1e6 + shiftUs) / 1e6;
    });
    return { shown, soundS: joined.leftOut.soundUs / 1e6 };
  };

  test('follows the picture into the next part at its own jump, wherever that is in the file', () => {
    const times = [0, 1, 2, 9, 10, 0, 1, 2, 10];
    assert.deepEqual(placeAll(times), { shown: [0, 1, 2, 9, 10, 11, 12, 13, 21], soundS: 0 });
  });

  test('that pauses for long stays in its part, and what overlaps the part before is left out and counted', () => {
    assert.deepEqual(placeAll([0, 11.5]).shown, [0, 11.5]);
    const { shown, soundS } = placeAll([9.4, 10.4, 11.4, 0.4, 1.4, 2.4]);
    assert.deepEqual([shown, soundS], [[9.4, 10.4, 11.4, 12.4, 13.4], 1]);
  });

  test('pictures of a later part wait for a key frame, and are counted', () => {
    const joined = new JoinedStream(parts, 'video');
    for (let i = 0; i <= 10; i++) joined.take(i * 1e6, 0, i === 0);
    assert.deepEqual([joined.take(0, 0, false), joined.take(1e6, 0, true)], [undefined, 11e6]);
    assert.equal(joined.leftOut.pictures, 1);
  });
});
