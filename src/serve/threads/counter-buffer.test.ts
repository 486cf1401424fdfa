import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PlayerReport } from '../../delivery/player-report.ts';
import { CounterBuffer } from './counter-buffer.ts';

test('a report resets the counters and names each player once', () => {
  using counters = new CounterBuffer();
  let reads = 0;
  const stop = counters.beforeRead(() => {
    reads++;
    counters.served('part', { answers: 2, bytes: 100, cmcd: 1 });
    counters.ready(500);
  });
  counters.served('part', { answers: 1, bytes: 10, cmcd: 0 });
  counters.waited('playlist', 0.2);
  counters.refused('playlist', 503);
  counters.starved();
  counters.held(1);
  for (const player of ['one', 'two', 'one']) counters.seen('door', player);
  const session: PlayerReport = {
    hasLeft: false,
    state: 'paused',
    isLive: false,
    latencyMs: 1,
    bufferMs: 2,
    bitrateKbps: 3,
    rendition: 'av0',
  };
  const text = { cmcd: 'sid="a"', address: '192.0.2.1', country: undefined, host: 'tv.example', isOptedOut: false };
  counters.requested('door', text);
  counters.reported('door', 'one', session);
  const { lag, memory, ...report } = counters.take(7, { requested: true });
  assert.deepEqual(report, {
    served: [['part', { answers: 3, bytes: 110, cmcd: 1 }]],
    waited: [['playlist', [0.2]]],
    refused: [['playlist', 503]],
    starved: 1,
    held: 1,
    reports: [['door', 'one', session]],
    requests: [['door', text]],
    seen: [['door', ['one', 'two']]],
    readyBytes: 500,
    blockBytes: 7,
  });
  assert.ok(memory.heapUsed > 0 && memory.arrayBuffers >= 0);
  assert.ok(lag.p50 >= 0 && lag.max >= lag.p50);
  stop();
  counters.held(-1);
  const { lag: _, memory: __, ...next } = counters.take(0, { requested: false });
  const nothing = { served: [], waited: [], refused: [], starved: 0, seen: [], reports: [], requests: [] };
  assert.deepEqual(next, { ...nothing, held: -1, readyBytes: 500, blockBytes: 0 });
  assert.equal(reads, 1);
});
