import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CatchUp } from './catch-up.ts';

const VIDEO = { id: 1, timescale: 90_000 };

/**
 * Sends frames of 40 ms as soon as they are there and the pace allows, with sound that is 300 ms ahead; the
 * time of each, ms.
 */
function send(thereMs: readonly number[]): number[] {
  const pace = new CatchUp();
  pace.restart(VIDEO);
  let nowMs = 0;
  return thereMs.map((there, i) => {
    nowMs = Math.max(nowMs, there);
    const sentMs = nowMs;
    nowMs += pace.sent({ trackId: 1, dts: i * 3600 }, nowMs);
    for (let k = 0; k < 2; k++) nowMs += pace.sent({ trackId: 2, dts: (i * 40 + k * 20 + 300) * 48 }, nowMs);
    return sentMs;
  });
}

test('a GOP of 2 s that is there at once is sent in half a second, and what follows in real time', () => {
  const there = Array.from({ length: 150 }, (_, i) => Math.max(0, i * 40 - 2000));
  const sent = send(there);
  assert.ok(sent[49]! >= 460 && sent[49]! <= 500, `${sent[49]} ms`);
  const behind = sent.map((at, i) => at - there[i]!);
  assert.ok(behind.slice(75).every((ms) => ms === 0));
});

test('media in real time never waits, and a burst after a pause is paced like the first one', () => {
  const there = Array.from({ length: 100 }, (_, i) => (i < 50 ? i * 40 : 10_000));
  const sent = send(there);
  assert.deepEqual(sent.slice(0, 50), there.slice(0, 50));
  assert.ok(sent[99]! >= 10_460, `${sent[99]} ms`);
});
