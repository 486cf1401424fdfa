import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { MemorySegmentStore } from './memory-segment-store.fixture.ts';
import { openRangeReader } from './range-reader.ts';
import { segmentLocation, segmentPrefix } from './segment-store.ts';

const A = segmentLocation('a');

suite('a range reader', () => {
  test('gives exactly the range, and refuses what is after the end', async () => {
    const store = new MemorySegmentStore();
    await store.put(
      A,
      Uint8Array.from({ length: 100 }, (_, i) => i),
    );
    using reader = openRangeReader(store);
    assert.deepEqual([...(await reader.read(A, 10, 3))], [10, 11, 12]);
    assert.deepEqual([...(await reader.read(A, 99, 1))], [99]);
    await assert.rejects(reader.read(A, 99, 2), { name: 'RangeError' });
    await assert.rejects(reader.read(segmentLocation('none'), 0, 1), { code: 'gone' });
  });

  test('forget removes the blocks of a prefix and no others, and the store closes its files', async () => {
    const store = new MemorySegmentStore();
    const released: string[] = [];
    store.release = (prefix: string) => void released.push(prefix);
    using reader = openRangeReader(store);
    const locations = ['s/2026/a.mp4', 's/b.mp4', 's2/c.mp4'].map(segmentLocation);
    for (const location of locations) {
      await store.put(location, Buffer.from('media'));
      await reader.shared(location, 0, 5);
    }
    reader.forget(segmentPrefix('s'));
    assert.deepEqual(released, ['s/']);
    assert.equal(reader.blockBytes, 5);
    assert.deepEqual(
      locations.map((location) => reader.peek(location, 0, 5) !== undefined),
      [false, false, true],
    );
  });
});
