import assert from 'node:assert/strict';
import { test } from 'node:test';
import { linkMomentsOf } from './links.ts';

const FROM = '2026-11-20T20:14:00.000Z';
const startMs = Date.parse(FROM);
const of = (links: Parameters<typeof linkMomentsOf>[0]['links']) => linkMomentsOf({ from: FROM, res: 10, links });
const quiet = [20, 20, 20, 20];

test('a loss has the time of its worst step, a silence its ends; what is usual is no moment', () => {
  const moments = of([
    { number: 1, bitrate: [1e6, 1e6, 2e6, 2e6], loss: [0.01, 0.01, 0, 0], rtt: quiet },
    { number: 2, bitrate: [1e6, 1e6, 0, 0], loss: [0.03, 0.08, 1, null], rtt: quiet },
  ]);
  assert.deepEqual(moments, [
    { link: 2, kind: 'loss', atMs: startMs + 10_000, toMs: startMs + 20_000, loss: 0.08 },
    { link: 2, kind: 'down', atMs: startMs + 20_000, toMs: startMs + 40_000, loss: 1 },
  ]);
});

test('nothing is down while no link carries, and not where nothing was measured', () => {
  const bitrate = [0, 0, null, null];
  const loss = [null, null, null, null];
  assert.deepEqual(
    of([
      { number: 1, bitrate, loss, rtt: loss },
      { number: 2, bitrate, loss, rtt: loss },
    ]),
    [],
  );
});

test('the worst moments are shown, in the order of time', () => {
  const steps = Array.from({ length: 60 }, (_, i) => i);
  const loss = steps.map((i) => (i % 2 === 0 ? 0.02 + i / 1000 : 0));
  const moments = of([{ number: 1, bitrate: steps.map(() => 1e6), loss, rtt: loss }]);
  assert.equal(moments.length, 12);
  assert.ok(
    moments.every(({ loss: share }, i) => share >= 0.05 && (i === 0 || moments[i - 1]!.atMs < moments[i]!.atMs)),
  );
});
