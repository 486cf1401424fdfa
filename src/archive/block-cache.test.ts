import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { seeded } from '@oxbow/media/random.fixture';
import { BlockCache } from './block-cache.ts';
import { segmentLocation } from './segment-store.ts';

const FILE = segmentLocation('a');
/** Bytes of a block. */
const BLOCK = 256 * 1024;

/** A file of a given size, and the reads of it. */
function fakeFile(length: number) {
  const state = { bytes: Buffer.alloc(length), reads: [] as number[], fail: false };
  for (let i = 0; i < length; i += 7) state.bytes[i] = i % 251;
  const readSome = async (_location: unknown, offset: number, wanted: number) => {
    state.reads.push(offset / BLOCK);
    if (state.fail) throw new Error('the disk failed');
    return new Uint8Array(state.bytes.subarray(offset, offset + wanted));
  };
  return { state, readSome };
}

suite('shared blocks', () => {
  test('any range has the bytes of the file, in any position', async () => {
    const { state, readSome } = fakeFile(4 * BLOCK + 123);
    const cache = new BlockCache(readSome, { maxBytes: 2 * BLOCK });
    const random = seeded(3);
    for (let i = 0; i < 200; i++) {
      const offset = random(state.bytes.length - 1);
      const length = 1 + random(Math.min(2 * BLOCK, state.bytes.length - offset));
      const found = Buffer.concat(await cache.read(FILE, offset, length));
      assert.ok(found.equals(state.bytes.subarray(offset, offset + length)), `${offset}+${length}`);
    }
    assert.ok(cache.bytes <= 2 * BLOCK);
  });

  test('concurrent requests of a block share one read, and later ones need none', async () => {
    const { state, readSome } = fakeFile(3 * BLOCK);
    const cache = new BlockCache(readSome);
    await Promise.all(Array.from({ length: 50 }, (_, i) => cache.read(FILE, i * 1000, 2 * BLOCK)));
    assert.deepEqual(state.reads, [0, 1, 2].slice(0, state.reads.length));
    const before = state.reads.length;
    await cache.read(FILE, 5, 100);
    assert.equal(state.reads.length, before);
  });

  test('peek returns blocks in memory, and undefined for others', async () => {
    const { readSome } = fakeFile(3 * BLOCK);
    const cache = new BlockCache(readSome);
    assert.equal(cache.peek(FILE, 0, 10), undefined);
    const first = cache.read(FILE, BLOCK - 5, 10);
    assert.equal(cache.peek(FILE, BLOCK - 5, 10), undefined, 'it is being read');
    assert.deepEqual(cache.peek(FILE, BLOCK - 5, 10) ?? (await first), cache.peek(FILE, BLOCK - 5, 10));
    assert.equal(cache.peek(FILE, 2 * BLOCK - 5, 10), undefined);
  });

  test('a file that grew is read again, one that is too short is refused', async () => {
    const { state, readSome } = fakeFile(1000);
    const cache = new BlockCache(readSome);
    assert.equal((await cache.read(FILE, 900, 100))[0]!.length, 100);
    await assert.rejects(cache.read(FILE, 900, 101), RangeError);
    state.bytes = Buffer.concat([state.bytes, Buffer.alloc(500, 9)]);
    assert.equal((await cache.read(FILE, 1400, 100))[0]![99], 9);
  });

  test('the next request retries a failed read', async () => {
    const { state, readSome } = fakeFile(1000);
    const cache = new BlockCache(readSome);
    state.fail = true;
    await assert.rejects(cache.read(FILE, 0, 10), /the disk failed/);
    state.fail = false;
    assert.equal((await cache.read(FILE, 0, 10))[0]!.length, 10);
  });

  test('a file is read again after forget', async () => {
    const { state, readSome } = fakeFile(1000);
    const cache = new BlockCache(readSome);
    await cache.read(FILE, 0, 10);
    cache.forget(FILE);
    assert.equal(cache.bytes, 0);
    await cache.read(FILE, 0, 10);
    assert.deepEqual(state.reads, [0, 0]);
  });

  test('the least recently requested block is evicted first', async () => {
    const { state, readSome } = fakeFile(4 * BLOCK);
    const cache = new BlockCache(readSome, { maxBytes: 2 * BLOCK });
    for (const block of [0, 1, 0, 2, 0, 1]) await cache.read(FILE, block * BLOCK, 10);
    assert.deepEqual(state.reads, [0, 1, 2, 1]);
  });

  test('a block not requested for some minutes is evicted, even below the size limit', async () => {
    const { readSome } = fakeFile(4 * BLOCK);
    const cache = new BlockCache(readSome);
    await cache.read(FILE, 0, 10);
    await cache.read(FILE, BLOCK, 10);
    cache.sweep();
    assert.ok(cache.peek(FILE, BLOCK, 10));
    cache.sweep();
    assert.equal(cache.bytes, BLOCK);
    assert.equal(cache.peek(FILE, 0, 10), undefined);
    cache.clear();
    assert.equal(cache.bytes, 0);
  });

  test('the last block of a file counts with its own length', async () => {
    const { state } = fakeFile(BLOCK + 1000);
    const readSome = async (_location: unknown, offset: number, wanted: number) => {
      const room = new Uint8Array(wanted);
      const found = state.bytes.subarray(offset, offset + wanted);
      room.set(found);
      return room.subarray(0, found.length);
    };
    const cache = new BlockCache(readSome);
    const [last] = await cache.read(FILE, BLOCK, 1000);
    assert.equal(last!.buffer.byteLength, 1000);
    assert.equal(cache.bytes, 1000);
  });
});
