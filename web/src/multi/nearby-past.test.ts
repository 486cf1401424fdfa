import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { TimelineView } from '../../../src/api/shapes.ts';
import { ApiError, readFailure } from '../api/client.ts';
import { NearbyPast } from './nearby-past.ts';

const T = 1_795_160_000_000;
const HOUR_MS = 3_600_000;
const at = (seconds: number) => new Date(T + seconds * 1000).toISOString();
const { signal } = new AbortController();

/** A stream that was down from second 60 to 90, and offline from 200 to 260. */
function open(fails = false) {
  const asked: (readonly [fromS: number, toS: number])[] = [];
  const clock = { nowMs: T + HOUR_MS };
  const server = { fails };
  const past = new NearbyPast(
    async (fromMs, toMs) => {
      asked.push([(fromMs - T) / 1000, (toMs - T) / 1000]);
      if (server.fails) throw new ApiError(readFailure(0, ''));
      return {
        from: new Date(fromMs).toISOString(),
        to: new Date(toMs).toISOString(),
        spans: [
          { from: at(-600), to: at(60) },
          { from: at(90), to: at(200) },
          { from: at(260), to: at(3600) },
        ],
        gaps: [{ from: at(60), to: at(90), cause: 'source-down', detail: '' }],
        offline: [{ from: at(200), to: at(260) }],
      } as unknown as TimelineView;
    },
    () => clock.nowMs,
    signal,
    () => {},
  );
  return { asked, clock, past, server };
}

test('a hole has its cause and the time at which media continues', async () => {
  const { past } = open();
  past.want(T);
  assert.equal(past.holeAt(T + 70_000), undefined, 'nothing is known yet');
  assert.equal(past.waitsFor(T), true);
  await turn();
  assert.equal(past.waitsFor(T), false);
  assert.equal(past.holeAt(T), undefined);
  const { kind, cause, toMs } = past.holeAt(T + 70_000)!;
  assert.deepEqual([kind, cause, toMs], ['gap', 'source-down', T + 90_000]);
  assert.equal(past.holeAt(T + 210_000)!.toMs, T + 260_000);
});

test('what is known is not requested again before its end is near', async () => {
  const { past, asked, clock } = open();
  past.want(T);
  await turn();
  for (let second = 0; second < 260; second++) {
    clock.nowMs += 1000;
    past.want(T + second * 1000);
  }
  assert.deepEqual(asked, [[-60, 300]]);
  past.want(T + 280_000);
  await turn();
  assert.equal(asked.length, 2);
});

test('near to now nothing counts as missing, because the timeline does not have it yet', async () => {
  const { past, asked, clock } = open();
  past.want(clock.nowMs - 5_000);
  assert.equal(asked.length, 0);
  assert.equal(past.holeAt(clock.nowMs - 5_000), undefined);
});

test('a request that failed is repeated a few seconds later, and nothing counts as missing meanwhile', async () => {
  const { past, asked, clock, server } = open(true);
  past.want(T);
  await turn();
  past.want(T);
  assert.equal(asked.length, 1);
  assert.equal(past.holeAt(T + 70_000), undefined);
  server.fails = false;
  clock.nowMs += 6_000;
  past.want(T);
  await turn();
  assert.equal(asked.length, 2);
  assert.ok(past.holeAt(T + 70_000));
});
