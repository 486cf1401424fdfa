import assert from 'node:assert/strict';
import { Duplex } from 'node:stream';
import { test } from 'node:test';
import { Patience } from '../patience.ts';
import { Pool } from './pool.ts';

test('a request that is aborted while it is woken, and finds no room, ends', async () => {
  const pool = new Pool({ maxPerOrigin: 1, maxIdlePerOrigin: 1, mayKeep: () => true });
  const connect = () => new Duplex({ read() {}, write() {} });
  const controller = new AbortController();
  const ask = () => ({ connect, fresh: false, patience: new Patience(60_000, 60_000, () => 'a', controller) });
  const [one, two, three] = [ask(), ask(), ask()];
  const first = await pool.take('a', one);
  const second = pool.take('a', two);
  const ends = assert.rejects(second, (error) => error === 'over');
  first.destroy(); // wakes the second one
  const third = pool.takeNow('a', three);
  assert.ok(third);
  controller.abort('over');
  await ends;
  third.destroy();
});
