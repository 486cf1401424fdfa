import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ScrollMemory } from './scroll-memory.ts';

function openStorage(kept: string | null = null) {
  const storage = {
    kept,
    getItem: () => storage.kept,
    setItem: (_: string, value: string) => {
      storage.kept = value;
    },
  };
  return storage;
}

test('going back restores the scroll position, a new page starts at the top', () => {
  const memory = new ScrollMemory(openStorage());
  memory.keep('a', 812.4);
  assert.deepEqual([memory.recall('a'), memory.recall('b')], [812, 0]);
});

test('a reload restores it too', () => {
  const storage = openStorage();
  const memory = new ScrollMemory(storage);
  memory.keep('a', 812);
  memory.save();
  assert.equal(new ScrollMemory(storage).recall('a'), 812);
});

test('of a long history the oldest entries are dropped', () => {
  const memory = new ScrollMemory(null);
  for (let i = 0; i < 150; i++) memory.keep(`page ${i}`, i + 1);
  assert.deepEqual([memory.recall('page 49'), memory.recall('page 50')], [0, 51]);
});

test('invalid text in the storage is ignored', () => {
  for (const kept of ['', 'null', '{}', '[1,"x",[2,3],["a","b"],["c",null]]', '[[']) {
    const memory = new ScrollMemory(openStorage(kept));
    assert.equal(memory.recall('a'), 0, kept);
  }
});
