import assert from 'node:assert/strict';
import { test } from 'node:test';
import { S3Fifo } from './s3-fifo.ts';

test('the bytes never exceed the bound', () => {
  const cache = new S3Fifo<number>({ maxBytes: 1000 });
  for (let i = 0; i < 500; i++) {
    cache.set(`key ${i % 90}`, i, 10 + (i % 70));
    if (i % 3 === 0) cache.get(`key ${(i * 7) % 90}`);
    assert.ok(cache.bytes <= 1000, `${cache.bytes}`);
  }
});

test('what is requested again outlasts a scan of objects that are requested once', () => {
  const evicted: string[] = [];
  const cache = new S3Fifo<string>({ maxBytes: 1000, evicted: (key) => evicted.push(key) });
  cache.set('popular', 'p', 50);
  for (let i = 0; i < 5; i++) cache.get('popular');
  for (let i = 0; i < 500; i++) {
    cache.set(`scan ${i}`, 's', 10);
    if (i % 50 === 0) cache.get('popular');
  }
  assert.equal(cache.peek('popular'), 'p');
  assert.ok(evicted.length > 300 && !evicted.includes('popular'));
});

test('an object that comes back soon after it left is kept longer than new ones', () => {
  const cache = new S3Fifo<number>({ maxBytes: 1000 });
  for (let i = 0; i < 110; i++) cache.set(`a ${i}`, i, 10);
  assert.equal(cache.peek('a 0'), undefined);
  cache.set('a 9', 9, 10);
  for (let i = 0; i < 50; i++) cache.set(`b ${i}`, i, 10);
  assert.equal(cache.peek('a 9'), 9);
});

test('an object that is larger than the main queue is not taken, and its old value goes', () => {
  const cache = new S3Fifo<string>({ maxBytes: 100 });
  assert.ok(cache.set('key', 'old', 10));
  assert.equal(cache.set('key', 'new', 95), false);
  assert.equal(cache.peek('key'), undefined);
  assert.equal(cache.bytes, 0);
});

test('a replaced and a deleted value count their bytes once', () => {
  const cache = new S3Fifo<string>({ maxBytes: 100 });
  cache.set('key', 'a', 10);
  cache.set('key', 'b', 30);
  assert.equal(cache.bytes, 30);
  assert.ok(cache.delete('key'));
  assert.equal(cache.bytes, 0);
  assert.equal(cache.delete('key'), false);
});
