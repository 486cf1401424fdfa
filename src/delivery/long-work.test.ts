import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { LongWork } from './long-work.ts';

const day = { fromUs: 0, toUs: 86_400_000_000 };
const hour = { fromUs: 0, toUs: 3_600_000_000 };
const never = new AbortController().signal;

suite('work over long ranges', () => {
  test('is done one after another, and other work comes between', async () => {
    const queue = new LongWork();
    const order: string[] = [];
    const work = (name: string) => async () => {
      order.push(`${name} begins`);
      await Promise.resolve();
      order.push(`${name} ends`);
    };
    let turns = 0;
    let isOver = false;
    const look = () => {
      turns++;
      if (!isOver) setImmediate(look);
    };
    setImmediate(look);
    const all = ['a', 'b', 'c'].map((name) => queue.run(day, work(name), { signal: never }));
    const short = queue.run(hour, work('short'), { signal: never });
    await Promise.all([...all, short]);
    isOver = true;
    assert.equal(order.indexOf('short begins'), 1, 'a short one does not wait');
    assert.deepEqual(
      order.filter((line) => !line.startsWith('short')),
      ['a', 'b', 'c'].flatMap((name) => [`${name} begins`, `${name} ends`]),
    );
    assert.ok(turns >= 2, `${turns} turns of the event loop`);
  });

  test('is not begun for a client that has left, and a failure lets the next one begin', async () => {
    const queue = new LongWork();
    const leaving = new AbortController();
    const failing = queue.run(day, () => Promise.reject(new Error('the disk')), { signal: never });
    const left = queue.run(day, () => assert.fail('its client has left'), { signal: leaving.signal });
    const next = queue.run(day, async () => 7, { signal: never });
    leaving.abort(new DOMException('gone', 'AbortError'));
    await assert.rejects(failing, /the disk/);
    await assert.rejects(left, { name: 'AbortError' });
    assert.equal(await next, 7);
  });
});
