import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { suite, test } from 'node:test';
import type { Frame } from '@oxbow/media/frame';
import { makeTs, PICTURE, X264 } from '@oxbow/media/mpegts/media.fixture';
import { need } from '../../../../test/fixtures/need.ts';
import { framePool, slabPool } from '../../../lib/memory/slab-pool.ts';
import { SegmentDemux } from './segment-demux.ts';
import { SegmentMemory } from './segment-memory.ts';

suite('the bytes of a segment', { skip: need('ffmpeg') }, () => {
  const fragments = ['-movflags', 'frag_keyframe+empty_moov+default_base_moof'];
  const args = [...PICTURE, ...X264, '-qp', '4', '-t', '2'];

  test('are freed once they are demuxed, where nothing else can be in their buffer', () => {
    const bytes = readFileSync(makeTs(args));
    const least = Buffer.poolSize / 2;
    assert.ok(bytes.length > 2 * least + 100);
    const chunked = new Uint8Array(bytes.subarray(0, 2 * least)); // two pieces of one network read
    const shared = Buffer.from(bytes.subarray(2 * least, 2 * least + 100)); // Node's common buffer
    const rest = new Uint8Array(bytes.subarray(2 * least + 100));
    const pieces = [chunked.subarray(0, least), chunked.subarray(least), shared, rest];
    const frames = (each: Uint8Array[]) =>
      new SegmentDemux().demux(each, undefined).groups.flatMap((one) => one.frames);
    const expected = frames([new Uint8Array(bytes)]).map(({ data, ...frame }) => ({ ...frame, data: data.slice() }));
    const found = frames([...pieces]);
    assert.deepEqual(
      found.map(({ data, ...frame }) => ({ ...frame, data: new Uint8Array(data) })),
      expected.map(({ data, ...frame }) => ({ ...frame, data: new Uint8Array(data) })),
    );
    assert.deepEqual(
      pieces.map(({ length }) => length > 0),
      [false, false, true, false],
    );
  });

  test('are in memory of the pool again where it came from there, and frames do not change with it', () => {
    const bytes = readFileSync(makeTs(args));
    const pool = slabPool.freeBytes;
    const piece = slabPool.take(bytes.length);
    piece.set(bytes);
    const [group] = new SegmentDemux().demux([piece], undefined).groups;
    assert.equal(piece.length, 0);
    assert.equal(slabPool.freeBytes, pool + bytes.length);
    const before = group!.frames.map(({ data }) => Buffer.from(data));
    slabPool.take(bytes.length).fill(0xff);
    assert.ok(group!.frames.every(({ data }, i) => before[i]!.equals(data)));
  });

  test('stay where frames refer to them', () => {
    const piece = new Uint8Array(readFileSync(makeTs([...args, ...fragments], 'mp4')));
    const [group] = new SegmentDemux().demux([piece], undefined).groups;
    assert.equal(group?.frames.length, 50);
    assert.ok(piece.length > 0);
  });

  test('go into memory that the next segment uses again, once no frame of them is in use', () => {
    const bytes = readFileSync(makeTs(args));
    const memory = new SegmentMemory();
    const demux = new SegmentDemux(() => {}, { memory });
    const framesOf = () => {
      demux.discontinuity();
      const media = demux.demux([new Uint8Array(bytes)], undefined);
      return { media, frames: media.groups.flatMap((group) => group.frames) };
    };
    const [group] = new SegmentDemux().demux([new Uint8Array(bytes)], undefined).groups;
    const expected = group!.frames.map(({ data, ...frame }) => ({ ...frame, data: new Uint8Array(data) }));
    const copied = (frames: readonly Frame[]) => frames.map(({ data, ...frame }) => ({ ...frame, data: data.slice() }));
    const first = framesOf();
    assert.deepEqual(copied(first.frames), expected);
    assert.ok(framePool.bytes > 0);
    first.media.memory!.free();
    assert.ok(
      first.frames.every(({ data }) => data.length === 0),
      'its views are empty',
    );
    const used = framePool.bytes;
    const second = framesOf();
    assert.deepEqual(copied(second.frames), expected);
    assert.equal(framePool.bytes, used, 'the same memory');
    const third = framesOf();
    assert.deepEqual(copied(second.frames), expected, 'it was not freed: the next segment leaves it');
    third.media.memory!.leave();
    assert.deepEqual(copied(third.frames), expected);
  });

  test('are in no such memory where the demuxer still holds some of them', () => {
    const bytes = new Uint8Array(readFileSync(makeTs(args)));
    const demux = new SegmentDemux(() => {}, { memory: new SegmentMemory() });
    const half = Math.floor(bytes.length / 376) * 188;
    const part = demux.demux([bytes.slice(0, half)], undefined, 0);
    assert.equal(part.memory, undefined, 'a part ends within a frame');
  });
});
