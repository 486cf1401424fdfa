import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Memo, Semaphore } from './segment-memo.ts';

const turn = () => new Promise(setImmediate);

suite('cached facts of segments', () => {
  test('are read once, also for concurrent callers', async () => {
    const memo = new Memo<number>(new Semaphore(), 10);
    let times = 0;
    const how = async () => {
      await turn();
      return ++times;
    };
    assert.deepEqual(await Promise.all([memo.get('a', how), memo.get('a', how)]), [1, 1]);
    assert.equal(await memo.get('a', how), 1);
  });

  test('are evicted least recently used first', async () => {
    const memo = new Memo<number>(new Semaphore(), 2);
    let times = 0;
    const how = async () => ++times;
    for (const key of ['a', 'b', 'a', 'c']) await memo.get(key, how);
    assert.equal(memo.size, 2);
    assert.equal(await memo.get('a', how), 1);
    assert.equal(await memo.get('b', how), 4);
  });

  test('a failure is not cached', async () => {
    const memo = new Memo<number>(new Semaphore(), 2);
    await assert.rejects(
      memo.get('a', () => Promise.reject(new Error('disk'))),
      /disk/,
    );
    assert.equal(await memo.get('a', async () => 7), 7);
  });

  test('concurrent reads are limited over all callers', async () => {
    const semaphore = new Semaphore(3);
    let now = 0;
    let most = 0;
    const task = async () => {
      most = Math.max(most, ++now);
      await turn();
      now--;
      if (now === 1) throw new Error('one fails, and leaves its place');
    };
    const memos = [new Memo<void>(semaphore, 100), new Memo<void>(semaphore, 100)];
    await Promise.allSettled(Array.from({ length: 20 }, (_, i) => memos[i % 2]!.get(`${i}`, task)));
    assert.deepEqual([most, now], [3, 0]);
  });
});
