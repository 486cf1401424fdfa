import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SlabPool } from './slab-pool.ts';

test('a block that was given back is used again, and its old views are empty', () => {
  const pool = new SlabPool();
  const first = pool.take(1000).fill(7);
  const view = first.subarray(10, 20);
  pool.give(view);
  assert.equal(view.length, 0);
  assert.equal(pool.freeBytes, 1000);
  const second = pool.take(900);
  assert.equal(second.length, 1000);
  assert.equal(second[15], 7, 'it is the same memory');
  assert.equal(pool.freeBytes, 0);
});

test('a block that is much too large, or too small, is not used', () => {
  const pool = new SlabPool();
  pool.give(pool.take(1000));
  assert.equal(pool.take(500).length, 500);
  assert.equal(pool.take(1001).length, 1001);
  assert.equal(pool.freeBytes, 1000);
});

test('a used block may be a little smaller than a new one would be', () => {
  const pool = new SlabPool();
  pool.give(pool.take(950));
  assert.equal(pool.take(1000, { least: 960 }).length, 1000);
  assert.equal(pool.take(1000, { least: 940 }).length, 950);
});

test('memory from elsewhere is not taken, nor a block twice', () => {
  const pool = new SlabPool();
  const other = Buffer.from('pooled by Node');
  pool.give(other);
  assert.equal(other.toString(), 'pooled by Node');
  pool.give(new Uint8Array(new SharedArrayBuffer(8)));
  const block = pool.take(100);
  pool.give(block);
  pool.give(block);
  assert.equal(pool.freeBytes, 100);
});

test('unused blocks are bounded: the oldest are freed', () => {
  const pool = new SlabPool();
  const mib = 1024 * 1024;
  for (const block of Array.from({ length: 20 }, () => pool.take(mib))) pool.give(block);
  assert.equal(pool.freeBytes, 16 * mib);
});

test('of large blocks two may wait, and a quarter of those in use', () => {
  const pool = new SlabPool();
  const large = 20 * 1024 * 1024;
  const blocks = Array.from({ length: 16 }, () => pool.take(large));
  for (const block of blocks.splice(0, 5)) pool.give(block);
  assert.equal(pool.freeBytes, 2 * large, 'eleven are in use');
  blocks.push(...Array.from({ length: 5 }, () => pool.take(large)));
  for (const block of blocks.splice(0, 3)) pool.give(block);
  assert.equal(pool.freeBytes, 3 * large, 'thirteen are in use');
});

test('unused blocks are freed after a while', (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  let nowMs = 0;
  t.mock.method(performance, 'now', () => nowMs);
  const pool = new SlabPool();
  pool.give(pool.take(100));
  nowMs = 59_000;
  t.mock.timers.tick(60_000);
  assert.equal(pool.freeBytes, 100);
  nowMs = 120_000;
  t.mock.timers.tick(60_000);
  assert.equal(pool.freeBytes, 0);
});

test('the bytes of blocks count while they are in use or wait to be used, and not when they are forgotten', () => {
  const pool = new SlabPool();
  const first = pool.take(100);
  const second = pool.take(1000);
  assert.equal(pool.bytes, 1100);
  pool.give(first);
  assert.equal(pool.bytes, 1100);
  pool.forget(second);
  pool.give(second);
  assert.equal(second.length, 1000, 'it is left to the collector');
  assert.equal(pool.bytes, 100);
});
