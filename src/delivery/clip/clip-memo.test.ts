import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { askEach, Gate, Memo } from './clip-memo.ts';

const turn = () => new Promise(setImmediate);

suite('what is learned of segments', () => {
  test('is learned once for all who ask, also while it is being learned', async () => {
    const memo = new Memo<number>(new Gate(), 10);
    let times = 0;
    const how = async () => {
      await turn();
      return ++times;
    };
    assert.deepEqual(await Promise.all([memo.learn('a', how), memo.learn('a', how)]), [1, 1]);
    assert.equal(await memo.learn('a', how), 1);
  });

  test('is forgotten in the order in which it was last asked for', async () => {
    const memo = new Memo<number>(new Gate(), 2);
    let times = 0;
    const how = async () => ++times;
    for (const key of ['a', 'b', 'a', 'c']) await memo.learn(key, how);
    assert.equal(memo.size, 2);
    assert.equal(await memo.learn('a', how), 1);
    assert.equal(await memo.learn('b', how), 4);
  });

  test('a failure is not remembered', async () => {
    const memo = new Memo<number>(new Gate(), 2);
    await assert.rejects(
      memo.learn('a', () => Promise.reject(new Error('disk'))),
      /disk/,
    );
    assert.equal(await memo.learn('a', async () => 7), 7);
  });

  test('so many at once and no more, whoever asks', async () => {
    const gate = new Gate(3);
    let now = 0;
    let most = 0;
    const task = async () => {
      most = Math.max(most, ++now);
      await turn();
      now--;
      if (now === 1) throw new Error('one fails, and leaves its place');
    };
    const memos = [new Memo<void>(gate, 100), new Memo<void>(gate, 100)];
    await Promise.allSettled(Array.from({ length: 20 }, (_, i) => memos[i % 2]!.learn(`${i}`, task)));
    assert.deepEqual([most, now], [3, 0]);
  });

  test('answers come in the order of what was asked', async () => {
    const { signal } = new AbortController();
    const slow = async (item: number) => {
      for (let i = 0; i < (item * 7) % 5; i++) await turn();
      return item * 2;
    };
    assert.deepEqual(await askEach([1, 2, 3, 4, 5, 6], slow, { signal }), [2, 4, 6, 8, 10, 12]);
    assert.deepEqual(await askEach([], slow, { signal }), []);
  });

  test('nothing new is begun when nobody waits any more, or one answer failed', async () => {
    const leaving = new AbortController();
    const asked: number[] = [];
    const ask = async (item: number) => {
      asked.push(item);
      await turn();
      if (item === 2) leaving.abort(new DOMException('gone', 'AbortError'));
    };
    const items = Array.from({ length: 100 }, (_, i) => i);
    await assert.rejects(askEach(items, ask, { signal: leaving.signal }), { name: 'AbortError' });
    assert.ok(asked.length <= 8, `${asked.length} were asked`);
    const { signal } = new AbortController();
    let tries = 0;
    const fail = async () => {
      tries++;
      await turn();
      throw new Error('disk');
    };
    await assert.rejects(askEach(items, fail, { signal }), /disk/);
    await turn();
    assert.ok(tries <= 4, `${tries} tries`);
  });
});
