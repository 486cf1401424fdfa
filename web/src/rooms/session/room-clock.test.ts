import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ClientMessage } from '../../../../src/api/room/messages.ts';
import { RoomClock } from './room-clock.ts';

/**
 * A machine and a server whose clock is ahead; each question takes as long as the next entry of `trips`,
 * there and back.
 */
function setUp(aheadMs: number, trips: readonly (readonly [thereMs: number, backMs: number])[]) {
  const machine = { wallMs: 5_000_000, steadyMs: 100 };
  const left = [...trips];
  const pass = (ms: number) => {
    machine.wallMs += ms;
    machine.steadyMs += ms;
  };
  const parts = { wallMs: () => machine.wallMs, steadyMs: () => machine.steadyMs };
  const clock: RoomClock = new RoomClock((message: ClientMessage) => {
    const trip = left.shift();
    if (message.t !== 'clock' || !trip) return false;
    pass(trip[0]);
    const serverMs = machine.wallMs + aheadMs;
    pass(trip[1]);
    clock.answered({ t: 'clock', c: message.c, serverMs });
    return true;
  }, parts);
  return { clock, machine };
}

const { signal } = new AbortController();

test('a client clock that is wrong by a day does not matter', async () => {
  const DAY_MS = 86_400_000;
  for (const aheadMs of [DAY_MS, -DAY_MS]) {
    const { clock, machine } = setUp(aheadMs, [[4, 4]]);
    assert.equal(await clock.read(signal), true);
    assert.equal(clock.now(), machine.wallMs + aheadMs);
  }
});

test('of five questions the quickest counts: delays of one direction do less harm', async () => {
  const { clock, machine } = setUp(70, [
    [1, 201],
    [150, 2],
    [2, 2],
    [90, 3],
    [3, 120],
  ]);
  await clock.read(signal);
  assert.equal(clock.now(), machine.wallMs + 70);
  assert.equal(clock.networkS, 0.004);
});

test('answers that a busy page reads seconds late do not move a clock that is known better', async () => {
  const late = Array.from({ length: 5 }, () => [1, 3_400] as const);
  const { clock, machine } = setUp(70, [[1, 1], ...Array.from({ length: 4 }, () => [2, 2] as const), ...late]);
  await clock.read(signal);
  await clock.read(signal);
  assert.ok(Math.abs(clock.now() - (machine.wallMs + 70)) < 2, `${clock.now() - machine.wallMs - 70} ms`);
});

test('the welcome has the time until the first measurement, which replaces it', async () => {
  const { clock, machine } = setUp(70, [[1, 1]]);
  clock.hint(machine.wallMs + 70 - 20, 30); // sent 20 ms ago, the answer to a request of 30 ms ago
  assert.equal(clock.isKnown, true);
  assert.equal(clock.now(), machine.wallMs + 65);
  await clock.read(signal);
  assert.ok(Math.abs(clock.now() - (machine.wallMs + 70)) < 1, `${clock.now()}`);
});

test('without a connection the clock continues as it was', async () => {
  const { clock, machine } = setUp(70, [[1, 1]]);
  await clock.read(signal);
  assert.equal(await clock.read(signal), false);
  machine.steadyMs += 1_000;
  machine.wallMs += 1_000;
  assert.equal(clock.now(), machine.wallMs + 70);
});
