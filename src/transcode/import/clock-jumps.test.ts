import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { DemuxPacket, DemuxStream } from '../../ffmpeg/demux.ts';
import { ClockJumps } from './clock-jumps.ts';

const picture = { index: 0, kind: 'video', timeScale: 90_000, timeStep: 1 } as DemuxStream;
const sound = { index: 1, kind: 'audio', timeScale: 48_000, timeStep: 1 } as DemuxStream;

/** Times in order: of pictures, and of sound in brackets; s. */
function read(times: readonly (number | readonly [number])[], reference = picture): ClockJumps {
  const jumps = new ClockJumps(reference);
  for (const time of times) {
    const [stream, atS] = typeof time === 'number' ? [picture, time] : [sound, time[0]];
    jumps.take({ index: stream.index, dts: atS * stream.timeScale } as DemuxPacket, stream);
  }
  return jumps;
}

const REFUSED = {
  code: 'unsupported-media',
  message: /^The times of the picture (go back by \d+\.\d s|jump by 26\.5 hours)/,
};

suite('times of a picture', () => {
  test('that jump ahead are named with place and length, whether sound or picture comes first behind the jump', () => {
    const expected = ['The times of the file jump ahead by 96.0 s at 4.0 s: there is nothing in between.'];
    assert.deepEqual(read([1, [1], 3, [3], 5, [5.1], 101, [101]]).warnings(1), expected);
    assert.deepEqual(read([1, [1], 3, [3], 5, [5.1], [100.8], 101]).warnings(1), expected);
    assert.deepEqual(read([1, 3, 5, 101, 102]).warnings(1), expected, 'without sound');
  });

  test('that rest while the sound continues do not jump', () => {
    const slides = Array.from({ length: 30 }, (_, i) => (i % 25 === 0 ? i : ([i] as const)));
    assert.deepEqual(read(slides).warnings(0), []);
    assert.deepEqual(read([0, 9, 18, 27]).warnings(0), []);
  });

  test('that go back are refused: what was joined, at once or after a later capture', () => {
    for (const times of [
      [1.4, 1.5, 1.6, 2.8, 0.2, 0.3],
      [101, [101], 102, [102], 1, [1]],
      // As FFmpeg unwraps 33 bits.
      [101, 102, 1 + 2 ** 33 / 90_000],
    ] as const)
      assert.throws(() => read(times), REFUSED);
  });

  test('may be off by less than a second, and one of them may be damaged', () => {
    assert.deepEqual(read([1, 2, 1.5, 2.5, 3]).warnings(0), []);
    assert.doesNotThrow(() => read([1, 2, 5000, 3, 4, 5]));
    assert.doesNotThrow(() => read([1, [1], [90_000], [2], 3]), 'sound alone');
  });

  test('are not those of a file of sound, and sound that goes back is no picture', () => {
    assert.doesNotThrow(() => read([[100], [1], [2]]));
    assert.deepEqual(read([[100], [1], [500]], sound).warnings(0), []);
  });
});
