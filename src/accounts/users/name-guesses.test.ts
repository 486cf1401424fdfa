import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { openVirtualTime } from '../../../test/fixtures/virtual-time.ts';
import { RateLimits } from '../rate-limit.ts';
import { DELAY_MS, takeNameTurn } from './name-guesses.ts';

const { signal } = new AbortController();
const client = (address: string) => ({ address, isLocal: false });

suite('guesses of the password of a name', () => {
  test('from many addresses delay the right password of a new address, and do not refuse it', async () => {
    using time = openVirtualTime();
    const limits = new RateLimits(() => time.clock.monotonicMs());
    const guess = (address: string, name = 'Ann') => takeNameTurn(limits, name, client(address), { signal });
    for (let i = 0; i < 10; i++) await guess(`203.0.113.${i}`);
    for (let i = 10; i < 60; i++) void guess(`203.0.113.${i}`, i % 2 ? 'ann' : 'ANN');
    let isDone = false;
    const own = guess('198.51.100.7').then((right) => {
      isDone = true;
      right();
    });
    await time.runFor(DELAY_MS - 1);
    assert.equal(isDone, false);
    await time.runFor(1);
    await own;
    (await guess('198.51.100.7', 'Bob'))();
  });

  test('from one address end after a few, each with a delay, and its network counts as one', async () => {
    using time = openVirtualTime();
    const limits = new RateLimits(() => time.clock.monotonicMs());
    const guess = (address: string) => takeNameTurn(limits, 'Ann', client(address), { signal });
    for (let i = 0; i < 10; i++) await guess('192.0.2.1');
    const more = Array.from({ length: 3 }, (_, i) => guess(`2001:db8::${i + 1}`));
    await assert.rejects(guess('2001:db8::ffff:9'), { code: 'too-many-requests' });
    await time.settled('three', Promise.all(more));
    for (const right of await Promise.all(more)) right();
    await time.settled('one more', guess('2001:db8::5'));
  });

  test('that a client leaves end with it', async () => {
    using time = openVirtualTime();
    const limits = new RateLimits(() => time.clock.monotonicMs());
    for (let i = 0; i < 10; i++) await takeNameTurn(limits, 'Ann', client('192.0.2.1'), { signal });
    const leaving = new AbortController();
    const waiting = takeNameTurn(limits, 'Ann', client('192.0.2.2'), leaving);
    leaving.abort();
    await assert.rejects(waiting, { name: 'AbortError' });
  });
});
