import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { concatBytes } from '@oxbow/media/bytes';
import { FormatError } from '@oxbow/media/errors';
import type { Frame } from '@oxbow/media/frame';
import { fragmentLength, printFragment } from '@oxbow/media/isobmff/fragment';
import { framesOf, videoTrack } from '@oxbow/media/isobmff/media.fixture';
import { parseSegment } from '@oxbow/media/isobmff/segment-frames';
import { seeded } from '@oxbow/media/random.fixture';
import { segmentLocation } from '../../archive/segment-store.ts';
import { readSamples } from './clip-samples.ts';

/** A segment of parts with five frames each. */
function segmentOf(frames: readonly Frame[]): Uint8Array {
  const parts: Uint8Array[] = [];
  for (let i = 0; i < frames.length; i += 5) {
    const own = frames.slice(i, i + 5);
    const part = new Uint8Array(fragmentLength(own));
    printFragment(part, 0, { sequence: i, trackId: 1, tfdt: own[0]!.dts, frames: own });
    parts.push(part);
  }
  return concatBytes(parts);
}

/** A file in memory that counts. */
function fileOf(bytes: Uint8Array) {
  const read = { bytes: 0, times: 0 };
  return {
    read,
    reader: {
      read: async (_path: string, offset: number, length: number) => {
        read.bytes += length;
        read.times++;
        assert.ok(offset >= 7 && offset + length <= bytes.length + 7, 'within the segment');
        return bytes.slice(offset - 7, offset - 7 + length);
      },
    },
  };
}

suite('the samples of a stored segment', () => {
  test('are read without their bytes', async () => {
    const frames = framesOf(videoTrack, 50, 90_000).map((frame) => ({ ...frame, data: new Uint8Array(20_000) }));
    const segment = segmentOf(frames);
    const { read, reader } = fileOf(segment);
    const samples = await readSamples(reader, segmentLocation('file'), { offset: 7, length: segment.length });
    const whole = parseSegment(segment)!;
    assert.deepEqual(
      samples!.map(({ offset, length, ...sample }) => sample),
      whole.map(({ data, ...frame }) => frame),
    );
    assert.deepEqual(
      samples!.map(({ length }) => length),
      whole.map(({ data }) => data.length),
    );
    assert.ok(read.bytes < segment.length / 20, `${read.bytes} of ${segment.length} bytes were read`);
  });

  test('of a small segment take one read', async () => {
    const segment = segmentOf(framesOf(videoTrack, 50));
    const { read, reader } = fileOf(segment);
    assert.equal(
      (await readSamples(reader, segmentLocation('file'), { offset: 7, length: segment.length }))!.length,
      50,
    );
    assert.equal(read.times, 1);
  });

  test('of 2,000 damaged segments end in nothing worse than a FormatError', async () => {
    const random = seeded(31);
    const good = segmentOf(framesOf(videoTrack, 30));
    for (let round = 0; round < 2000; round++) {
      const bytes = good.slice(0, random(4) === 0 ? random(good.length + 1) : good.length);
      for (let i = 1 + random(5); i > 0 && bytes.length > 0; i--) {
        const at = random(bytes.length);
        if (random(3) === 0) bytes.fill(random(2) * 255, at, at + 4);
        else bytes[at] = random(256);
      }
      try {
        await readSamples(fileOf(bytes).reader, segmentLocation('file'), { offset: 7, length: bytes.length });
      } catch (error) {
        if (!(error instanceof FormatError)) throw error;
      }
    }
  });
});
