import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OrderedQueue } from './ordered-queue.ts';

async function all<T>(queue: AsyncIterable<T>): Promise<T[]> {
  const results: T[] = [];
  for await (const result of queue) results.push(result);
  return results;
}

test('results are in the order of the jobs, whichever ends first, three at a time', async () => {
  const queue = new OrderedQueue<number>({ parallel: 3 });
  const gates = Array.from({ length: 6 }, () => Promise.withResolvers<void>());
  let running = 0;
  let most = 0;
  gates.forEach(({ promise }, i) => {
    queue.push(async () => {
      most = Math.max(most, ++running);
      await promise;
      running -= 1;
      return i;
    });
  });
  queue.end();
  assert.equal(queue.waiting, 3);
  for (const i of [2, 1, 0, 5, 4, 3]) gates[i]!.resolve();
  assert.deepEqual(await all(queue), [0, 1, 2, 3, 4, 5]);
  assert.equal(most, 3);
});

test('jobs that have not started can be replaced by one job, oldest first', async () => {
  const queue = new OrderedQueue<string>({ parallel: 1 });
  for (const name of ['a', 'b', 'c', 'd', 'e']) queue.push(async () => name);
  assert.equal(
    queue.drop(2, (count) => async () => `${count} lost`),
    2,
  );
  assert.equal(
    queue.drop(9, () => async () => ''),
    0,
  );
  queue.end();
  assert.deepEqual(await all(queue), ['a', '2 lost', 'd', 'e']);
});

test('a waiting reader is woken by a job and by the end', async () => {
  const queue = new OrderedQueue<number>({ parallel: 2 });
  const read = all(queue);
  queue.push(async () => 1);
  await new Promise(setImmediate);
  queue.end();
  assert.deepEqual(await read, [1]);
});

test('a failed job fails the reader at its position, and so does a failed end', async () => {
  const queue = new OrderedQueue<number>({ parallel: 2 });
  queue.push(async () => 1);
  queue.push(() => Promise.reject(new Error('job')));
  const iterator = queue[Symbol.asyncIterator]();
  assert.equal((await iterator.next()).value, 1);
  await assert.rejects(iterator.next(), /job/);
  const other = new OrderedQueue<number>({ parallel: 2 });
  other.push(async () => 1);
  other.end({ error: new Error('end') });
  await assert.rejects(all(other), /end/);
});

test('while the oldest job retries, later ones run ahead of it, within the bounds of the queue', async () => {
  const { signal } = new AbortController();
  const queue = new OrderedQueue<string>({ parallel: 2, maxAhead: 8, maxHeldBytes: 30, weigh: () => 10 });
  const again = Promise.withResolvers<void>();
  const begun: string[] = [];
  queue.push(async (slot) => {
    begun.push('a');
    slot.pause();
    await again.promise;
    await slot.resume({ signal });
    return 'a';
  });
  for (const name of ['b', 'c', 'd', 'e', 'f', 'g']) {
    queue.push(async () => {
      begun.push(name);
      return name;
    });
  }
  queue.end();
  await new Promise(setImmediate);
  assert.deepEqual(begun, ['a', 'b', 'c', 'd', 'e'], 'jobs that had started at the bound may end');
  again.resolve();
  assert.deepEqual(await all(queue), ['a', 'b', 'c', 'd', 'e', 'f', 'g']);
});

test('abort ends a job that waits for a slot', async () => {
  const controller = new AbortController();
  const { signal } = controller;
  const queue = new OrderedQueue<string>({ parallel: 1, maxAhead: 2 });
  queue.push(async (slot) => {
    slot.pause();
    await new Promise(setImmediate);
    await slot.resume({ signal });
    return 'never';
  });
  queue.push(() => new Promise(() => {}));
  queue.push(async () => 'c');
  const read = queue[Symbol.asyncIterator]().next();
  for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate);
  controller.abort(new Error('over'));
  await assert.rejects(read, /over/);
});
