import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { suite, test } from 'node:test';
import { makeTs, PICTURE, X264 } from '@oxbow/media/mpegts/media.fixture';
import { need } from '../../../../test/fixtures/need.ts';
import { slabPool } from '../../../lib/memory/slab-pool.ts';
import { SegmentDemux } from './segment-demux.ts';

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
});
