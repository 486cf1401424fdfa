import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Tally } from './tally.ts';

test('sums are told once and begin anew; players are told once in each', () => {
  using tally = new Tally();
  let reads = 0;
  const stop = tally.beforeRead(() => {
    reads++;
    tally.served('part', { answers: 2, bytes: 100, told: 1 });
    tally.ready(500);
  });
  tally.served('part', { answers: 1, bytes: 10, told: 0 });
  tally.waited('playlist', 0.2);
  tally.refused('playlist', 503);
  tally.starved();
  tally.held(1);
  for (const player of ['one', 'two', 'one']) tally.seen('door', player);
  const { lag, memory, ...told } = tally.take(7, { asked: true });
  assert.deepEqual(told, {
    served: [['part', { answers: 3, bytes: 110, told: 1 }]],
    waited: [['playlist', [0.2]]],
    refused: [['playlist', 503]],
    starved: 1,
    held: 1,
    seen: [['door', ['one', 'two']]],
    readyBytes: 500,
    blockBytes: 7,
  });
  assert.ok(memory.heapUsed > 0 && memory.arrayBuffers >= 0);
  assert.ok(lag.p50 >= 0 && lag.max >= lag.p50);
  stop();
  tally.held(-1);
  const { lag: _, memory: __, ...next } = tally.take(0, { asked: false });
  const nothing = { served: [], waited: [], refused: [], starved: 0, seen: [] };
  assert.deepEqual(next, { ...nothing, held: -1, readyBytes: 500, blockBytes: 0 });
  assert.equal(reads, 1);
});
