import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MAX_ROOMS, readSeen } from './seen-rooms.ts';

test('what is stored of rooms is read, bounded, and nothing of what is invalid', () => {
  assert.deepEqual(
    [...readSeen('[["a",4],["b",0],["c",-1],["d"],5]')],
    [
      ['a', 4],
      ['b', 0],
    ],
  );
  for (const text of ['', '{}', 'null', '[[1,2]]']) assert.equal(readSeen(text).size, 0, text);
  const many = readSeen(JSON.stringify(Array.from({ length: 80 }, (_, n) => [`room-${n}`, n])));
  assert.deepEqual([many.size, many.has('room-79'), many.has('room-0')], [MAX_ROOMS, true, false]);
});
