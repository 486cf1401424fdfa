import assert from 'node:assert/strict';
import { test } from 'node:test';
import { writeAll } from './write-all.ts';

test('a short write continues where it stopped', async () => {
  const target = new Uint8Array(10);
  const file = {
    async writev(pieces: readonly Uint8Array[], position: number) {
      const joined = Buffer.concat(pieces).subarray(0, 3);
      target.set(joined, position);
      return { bytesWritten: joined.length, buffers: [] };
    },
  };
  const pieces = [Uint8Array.of(1, 2), Uint8Array.of(), Uint8Array.of(3, 4, 5, 6, 7), Uint8Array.of(8)];
  assert.equal(await writeAll(file as never, pieces, 1), 8);
  assert.deepEqual([...target], [0, 1, 2, 3, 4, 5, 6, 7, 8, 0]);
});
