import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PictureCache } from './picture-cache.ts';

/** A picture that can be released. */
interface Drawn {
  readonly atMs: number;
  close(): void;
}

/** A cache whose pictures arrive when the test says so. */
function openCache() {
  const requested: number[] = [];
  const waiting = new Map<number, { resolve: (picture: Drawn | undefined) => void; reject: (error: Error) => void }>();
  let changes = 0;
  const released: number[] = [];
  const cache = new PictureCache<Drawn>(
    (atMs) => {
      requested.push(atMs);
      return new Promise((resolve, reject) => waiting.set(atMs, { resolve, reject }));
    },
    () => (changes += 1),
  );
  const arrive = async (atMs: number, exists = true) => {
    waiting.get(atMs)!.resolve(exists ? { atMs, close: () => released.push(atMs) } : undefined);
    await new Promise(setImmediate);
  };
  const fail = async (atMs: number) => {
    waiting.get(atMs)!.reject(new Error('offline'));
    await new Promise(setImmediate);
  };
  return { cache, requested, released, arrive, fail, changes: () => changes };
}

test('the newest position wins: what was requested between is never loaded', async () => {
  const { cache, requested, arrive } = openCache();
  for (const atMs of [10, 20, 30, 40, 50, 60]) cache.want(atMs);
  assert.deepEqual(requested, [10, 20, 30]);
  await arrive(10);
  assert.deepEqual(requested, [10, 20, 30, 60]);
  cache.close();
});

test('the nearest picture is there at once while the right one loads', async () => {
  const { cache, arrive, changes } = openCache();
  cache.want(100);
  await arrive(100);
  cache.want(180);
  assert.equal(cache.nearest(180)?.atMs, 100);
  assert.equal(cache.nearest(180, 50), null);
  await arrive(180);
  assert.equal(cache.nearest(180, 50)?.atMs, 180);
  assert.equal(changes(), 2);
  cache.close();
  assert.equal(cache.nearest(180), null);
});

test('a picture that arrives after the end is released', async () => {
  const { cache, released, arrive } = openCache();
  cache.want(7);
  cache.close();
  await arrive(7);
  assert.deepEqual(released, [7]);
});

test('pictures ahead leave one request to the position of the pointer', () => {
  const { cache, requested } = openCache();
  cache.want(null, [1, 2, 3, 4]);
  assert.deepEqual(requested, [1, 2]);
  cache.want(9, [1, 2, 3, 4]);
  assert.deepEqual(requested, [1, 2, 9]);
  cache.close();
});

test('a picture that does not exist is not requested again, one that failed is, at the next position', async () => {
  const { cache, requested, arrive, fail } = openCache();
  cache.want(1);
  await arrive(1, false);
  assert.equal(cache.nearest(1), null);
  cache.want(1);
  cache.want(2);
  await fail(2);
  cache.want(2);
  assert.deepEqual(requested, [1, 2]);
  cache.want(3);
  cache.want(2);
  assert.deepEqual(requested, [1, 2, 3, 2]);
  cache.close();
});

test('the cache is bounded, and keeps what is near the pointer', async () => {
  const { cache, released, arrive } = openCache();
  for (let atMs = 0; atMs <= 400; atMs++) {
    cache.want(atMs);
    await arrive(atMs);
  }
  assert.equal(cache.nearest(0)?.atMs, 81);
  assert.equal(cache.nearest(400)?.atMs, 400);
  assert.equal(released.length, 81);
  cache.close();
  assert.equal(released.length, 401);
});
