import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { mapEach } from './map-each.ts';

const turn = () => new Promise(setImmediate);

suite('items that are mapped with a few calls at a time', () => {
  test('results are in the order of the items', async () => {
    const slow = async (item: number) => {
      for (let i = 0; i < (item * 7) % 5; i++) await turn();
      return item * 2;
    };
    assert.deepEqual(await mapEach([1, 2, 3, 4, 5, 6], slow), [2, 4, 6, 8, 10, 12]);
    assert.deepEqual(await mapEach([], slow), []);
  });

  test('no further call begins after an abort or a failure, and those under way end first', async () => {
    const leaving = new AbortController();
    const asked: number[] = [];
    const ask = async (item: number) => {
      asked.push(item);
      await turn();
      if (item === 2) leaving.abort(new DOMException('gone', 'AbortError'));
    };
    const items = Array.from({ length: 100 }, (_, i) => i);
    await assert.rejects(mapEach(items, ask, { signal: leaving.signal }), { name: 'AbortError' });
    assert.ok(asked.length <= 8, `${asked.length} were asked`);
    let [tries, ended] = [0, 0];
    const fail = async () => {
      const rank = ++tries;
      for (let i = 0; i < rank; i++) await turn();
      ended++;
      throw new Error('disk');
    };
    await assert.rejects(mapEach(items, fail, { atOnce: 3 }), /disk/);
    assert.deepEqual([tries, ended], [3, 3]);
  });
});
