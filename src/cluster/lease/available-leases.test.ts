import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createManualClock } from '../../lib/clock.ts';
import { createAvailableLeases } from './available-leases.ts';
import { leaseContract } from './lease.contract.ts';
import type { LeaseStore } from './lease.ts';
import { createLocalLeases } from './local-leases.ts';

const ask = { holder: 'a', ttlMs: 10_000 };

/** Two nodes on one engine; that of the first one can fail. */
function open() {
  const clock = createManualClock();
  const engine = createLocalLeases(clock);
  let fails = false;
  let unconfirmed = 0;
  const reached = async (): Promise<LeaseStore> => {
    if (fails) throw new Error('no answer');
    return engine;
  };
  const store: LeaseStore = {
    take: async (...args) => (await reached()).take(...args),
    renew: async (...args) => (await reached()).renew(...args),
    release: async (...args) => (await reached()).release(...args),
  };
  const leases = createAvailableLeases({ store, clock, unconfirmed: () => void unconfirmed++ });
  return {
    clock,
    engine,
    leases,
    unconfirmed: () => unconfirmed,
    fail(now: boolean) {
      fails = now;
    },
  };
}

leaseContract('this process, available without its engine', async () => {
  const { leases, clock } = open();
  return { store: leases, clock, async [Symbol.asyncDispose]() {} };
});

test('a lease is kept and renewed while the engine does not answer, and is confirmed afterwards', async () => {
  const { leases, engine, clock, fail, unconfirmed } = open();
  const { token } = await leases.take('door', ask);
  fail(true);
  for (let i = 0; i < 3; i++) {
    clock.advance(9000);
    assert.equal(await leases.renew('door', token, 10_000), true);
  }
  assert.equal(unconfirmed(), 3);
  assert.equal((await leases.take('door', { ...ask, holder: 'b' })).isTaken, false, 'it is held within this node');
  fail(false);
  assert.equal(await leases.renew('door', token, 10_000), true);
  assert.deepEqual((await engine.take('door', { ...ask, holder: 'b' })).holder, 'a');
});

test('a lease is taken without the engine, and of two nodes the one that the engine knows keeps it', async () => {
  const { leases, engine, fail } = open();
  fail(true);
  const [door, hall] = [await leases.take('door', ask), await leases.take('hall', ask)];
  assert.deepEqual([door.isTaken, hall.isTaken], [true, true]);
  const other = await engine.take('door', { ...ask, holder: 'b' });
  fail(false);
  assert.equal(await leases.renew('door', door.token, 10_000), false, 'another node has it');
  assert.equal(await leases.renew('hall', hall.token, 10_000), true);
  assert.equal((await engine.take('hall', { ...ask, holder: 'b' })).holder, 'a');
  assert.equal(await engine.renew('door', other.token, 10_000), true);
  await leases.release('hall', hall.token);
  assert.equal((await engine.take('hall', { ...ask, holder: 'b' })).isTaken, true);
});

test('an engine that has lost its data gets the leases again', async () => {
  const { leases, engine } = open();
  const { token } = await leases.take('door', ask);
  const { token: inEngine } = await engine.take('door', { ...ask, holder: 'b' });
  await engine.release('door', inEngine);
  assert.equal(await leases.renew('door', token, 10_000), true);
  assert.equal((await engine.take('door', { ...ask, holder: 'b' })).holder, 'a');
});
