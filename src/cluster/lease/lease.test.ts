import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { createManualClock } from '../../lib/clock.ts';
import { leaseContract } from './lease.contract.ts';
import { type LeaseStore, Leases } from './lease.ts';
import { createLocalLeases } from './local-leases.ts';

leaseContract('this process', async () => {
  const clock = createManualClock();
  return { store: createLocalLeases(clock), clock, async [Symbol.asyncDispose]() {} };
});

const TTL_MS = 9000;
const ask = { holder: 'a', ttlMs: TTL_MS, signal: new AbortController().signal };

/** Leases whose clock and timers the test moves together. */
function openLeases(t: TestContext, change: (store: LeaseStore) => LeaseStore = (store) => store) {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const clock = createManualClock();
  const local = createLocalLeases(clock);
  const errors: unknown[] = [];
  const leases = new Leases({ store: change(local), clock, failed: (error) => errors.push(error) });
  return {
    leases,
    errors,
    local,
    /** Lets time pass in steps of a second. */
    async pass(ms: number) {
      for (let passed = 0; passed < ms; passed += 1000) {
        clock.advance(1000);
        t.mock.timers.tick(1000);
        await turn();
      }
    },
  };
}

test('a lease renews itself until it is released', async (t) => {
  const { leases, pass } = openLeases(t);
  const { lease } = await leases.acquire('door', ask);
  await pass(10 * TTL_MS);
  const refused = await leases.acquire('door', { ...ask, holder: 'b' });
  assert.deepEqual([refused.lease, refused.heldBy?.holder], [undefined, 'a']);
  await lease![Symbol.asyncDispose]();
  await lease![Symbol.asyncDispose]();
  assert.equal(lease!.lost.aborted, false);
  assert.ok((await leases.acquire('door', { ...ask, holder: 'b' })).lease);
});

test('a holder that is replaced is notified, and its release does not free the lease of the next', async (t) => {
  const { leases, pass } = openLeases(t);
  const { lease: first } = await leases.acquire('door', ask);
  const { lease: second } = await leases.acquire('door', { ...ask, holder: 'b', ifHeld: 'replace' });
  assert.ok(second!.token > first!.token);
  await pass(TTL_MS / 3);
  assert.deepEqual([first!.lost.aborted, first!.lost.reason], [true, 'taken']);
  await first![Symbol.asyncDispose]();
  assert.equal((await leases.acquire('door', ask)).heldBy?.holder, 'b');
});

test('a waiting process gets it when the holder releases it, and stops waiting on its signal', async (t) => {
  const { leases, pass } = openLeases(t);
  const { lease: first } = await leases.acquire('door', ask);
  const ending = new AbortController();
  const patient = leases.acquire('door', { ...ask, holder: 'b', ifHeld: 'wait' });
  const impatient = leases.acquire('door', { ...ask, holder: 'c', ifHeld: 'wait', signal: ending.signal });
  await pass(2 * TTL_MS);
  ending.abort(new Error('enough'));
  await assert.rejects(impatient, /enough/);
  await first![Symbol.asyncDispose]();
  await pass(TTL_MS / 3);
  assert.ok((await patient).lease);
});

test('a waiting process takes a lease that was not renewed for its time to live, whatever the clocks say', async (t) => {
  const { leases, local, pass } = openLeases(t);
  await local.take('door', { holder: 'of a clock that was wrong', ttlMs: 1e12 });
  const waiting = leases.acquire('door', { ...ask, ifHeld: 'wait' });
  await pass(2 * TTL_MS);
  assert.ok((await waiting).lease);
});

test('a lease that the engine does not confirm for its time to live is lost, and not before', async (t) => {
  let isDown = false;
  const { leases, errors, pass } = openLeases(t, (store) => ({
    ...store,
    renew: (...args) => (isDown ? Promise.reject(new Error('no route')) : store.renew(...args)),
  }));
  const { lease } = await leases.acquire('door', ask);
  isDown = true;
  await pass(TTL_MS / 3);
  isDown = false;
  await pass(TTL_MS);
  assert.equal(lease!.lost.aborted, false, 'one failure is made good by the next renewal');
  isDown = true;
  await pass(TTL_MS + TTL_MS / 3);
  assert.deepEqual([lease!.lost.aborted, lease!.lost.reason], [true, 'unconfirmed']);
  assert.ok(errors.length >= 3);
});

test('an engine that hangs loses the lease as one that fails does', async (t) => {
  let hangs = false;
  const { leases, pass } = openLeases(t, (store) => ({
    ...store,
    renew: (...args) => (hangs ? new Promise(() => {}) : store.renew(...args)),
  }));
  const { lease } = await leases.acquire('door', ask);
  hangs = true;
  await pass(2 * TTL_MS);
  assert.equal(lease!.lost.reason, 'unconfirmed');
});

test('a lease until it is taken survives an engine that does not reply, with the same token', async (t) => {
  let isDown = true;
  const { leases, pass } = openLeases(t, (store) => ({
    ...store,
    renew: (...args) => (isDown ? Promise.reject(new Error('no route')) : store.renew(...args)),
  }));
  const { lease } = await leases.acquire('door', { ...ask, untilTaken: true });
  await pass(5 * TTL_MS);
  isDown = false;
  await pass(TTL_MS);
  const { heldBy } = await leases.acquire('door', { ...ask, holder: 'b' });
  assert.deepEqual([lease!.lost.aborted, heldBy?.token], [false, lease!.token], 'no write of it was refused');
  isDown = true;
  await pass(2 * TTL_MS);
  await leases.acquire('door', { ...ask, holder: 'b' });
  isDown = false;
  await pass(TTL_MS / 3);
  assert.equal(lease!.lost.reason, 'taken');
});
