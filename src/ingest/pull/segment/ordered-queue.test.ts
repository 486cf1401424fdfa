import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OrderedQueue } from './ordered-queue.ts';

async function all<T>(line: AsyncIterable<T>): Promise<T[]> {
  const results: T[] = [];
  for await (const result of line) results.push(result);
  return results;
}

test('results come in the order of the jobs, whichever ends first, three at a time', async () => {
  const line = new OrderedQueue<number>({ parallel: 3 });
  const gates = Array.from({ length: 6 }, () => Promise.withResolvers<void>());
  let running = 0;
  let most = 0;
  gates.forEach(({ promise }, i) => {
    line.push(async () => {
      most = Math.max(most, ++running);
      await promise;
      running -= 1;
      return i;
    });
  });
  line.end();
  assert.equal(line.waiting, 3);
  for (const i of [2, 1, 0, 5, 4, 3]) gates[i]!.resolve();
  assert.deepEqual(await all(line), [0, 1, 2, 3, 4, 5]);
  assert.equal(most, 3);
});

test('what has not begun can be taken out, oldest first, with a word in its place', async () => {
  const line = new OrderedQueue<string>({ parallel: 1 });
  for (const name of ['a', 'b', 'c', 'd', 'e']) line.push(async () => name);
  assert.equal(
    line.drop(2, (count) => async () => `${count} lost`),
    2,
  );
  assert.equal(
    line.drop(9, () => async () => ''),
    0,
  );
  line.end();
  assert.deepEqual(await all(line), ['a', '2 lost', 'd', 'e']);
});

test('a reader that waits is woken by a job and by the end', async () => {
  const line = new OrderedQueue<number>({ parallel: 2 });
  const read = all(line);
  line.push(async () => 1);
  await new Promise(setImmediate);
  line.end();
  assert.deepEqual(await read, [1]);
});

test('a failed job fails the reader in its turn, and so does a failed end', async () => {
  const line = new OrderedQueue<number>({ parallel: 2 });
  line.push(async () => 1);
  line.push(() => Promise.reject(new Error('job')));
  const iterator = line[Symbol.asyncIterator]();
  assert.equal((await iterator.next()).value, 1);
  await assert.rejects(iterator.next(), /job/);
  const other = new OrderedQueue<number>({ parallel: 2 });
  other.push(async () => 1);
  other.end({ error: new Error('end') });
  await assert.rejects(all(other), /end/);
});

test('while the oldest job tries again, later ones run ahead of it, within the bounds of the line', async () => {
  const { signal } = new AbortController();
  const line = new OrderedQueue<string>({ parallel: 2, maxAhead: 8, maxHeldBytes: 30, weigh: () => 10 });
  const again = Promise.withResolvers<void>();
  const begun: string[] = [];
  line.push(async (place) => {
    begun.push('a');
    place.pause();
    await again.promise;
    await place.resume({ signal });
    return 'a';
  });
  for (const name of ['b', 'c', 'd', 'e', 'f', 'g']) {
    line.push(async () => {
      begun.push(name);
      return name;
    });
  }
  line.end();
  await new Promise(setImmediate);
  assert.deepEqual(begun, ['a', 'b', 'c', 'd', 'e'], 'what had begun when the bound was reached may end');
  again.resolve();
  assert.deepEqual(await all(line), ['a', 'b', 'c', 'd', 'e', 'f', 'g']);
});

test('a job that waits for its place again is ended by abort', async () => {
  const controller = new AbortController();
  const { signal } = controller;
  const line = new OrderedQueue<string>({ parallel: 1, maxAhead: 2 });
  line.push(async (place) => {
    place.pause();
    await new Promise(setImmediate);
    await place.resume({ signal });
    return 'never';
  });
  line.push(() => new Promise(() => {}));
  line.push(async () => 'c');
  const read = line[Symbol.asyncIterator]().next();
  for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate);
  controller.abort(new Error('over'));
  await assert.rejects(read, /over/);
});
