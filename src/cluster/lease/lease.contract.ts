/**
 * The contract of LeaseStore, for every engine.
 * In: a way to open an empty one. Out: tests; each engine's test file runs this suite.
 */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { ManualClock } from '../../lib/clock.ts';
import type { LeaseStore } from './lease.ts';

/** An engine with the clock that its expiries are times of. */
export interface OpenLeases extends AsyncDisposable {
  readonly store: LeaseStore;
  readonly clock: ManualClock;
}

const TTL_MS = 10_000;

/** Every engine of leases runs this suite. */
export function leaseContract(name: string, open: () => Promise<OpenLeases>): void {
  suite(`leases on ${name}`, () => {
    test('one holder has it; another is refused and sees who has it', async () => {
      await using leases = await open();
      const { store, clock } = leases;
      const first = await store.take('door', { holder: 'a', ttlMs: TTL_MS });
      assert.deepEqual(first, { holder: 'a', token: first.token, expiresMs: clock.nowMs() + TTL_MS, isTaken: true });
      assert.deepEqual(await store.take('door', { holder: 'b', ttlMs: TTL_MS }), { ...first, isTaken: false });
      assert.equal((await store.take('window', { holder: 'b', ttlMs: TTL_MS })).isTaken, true, 'names are independent');
    });

    test('of many that try at once exactly one has it', async () => {
      await using leases = await open();
      const tries = Array.from({ length: 20 }, (_, n) => leases.store.take('door', { holder: `h${n}`, ttlMs: TTL_MS }));
      const states = await Promise.all(tries);
      const [owner, ...others] = states.filter(({ isTaken }) => isTaken);
      assert.deepEqual(others, []);
      for (const { holder, token } of states) assert.deepEqual([holder, token], [owner!.holder, owner!.token]);
    });

    test('the token rises with every owner: after expiry, after release, after a takeover', async () => {
      await using leases = await open();
      const { store, clock } = leases;
      const take = (replaces?: number) => store.take('door', { holder: 'a', ttlMs: TTL_MS, replaces });
      const tokens = [(await take()).token];
      clock.advance(TTL_MS);
      tokens.push((await take()).token);
      await store.release('door', tokens.at(-1)!);
      tokens.push((await take()).token);
      tokens.push((await take(tokens.at(-1))).token);
      assert.ok(tokens[0]! >= 1);
      assert.deepEqual(
        [...new Set(tokens)].sort((a, b) => a - b),
        tokens,
      );
    });

    test('a takeover names the token that it replaces: of two one succeeds', async () => {
      await using leases = await open();
      const { token } = await leases.store.take('door', { holder: 'old', ttlMs: TTL_MS });
      const takeOver = (holder: string) => leases.store.take('door', { holder, ttlMs: TTL_MS, replaces: token });
      const states = await Promise.all([takeOver('a'), takeOver('b')]);
      assert.equal(states.filter(({ isTaken }) => isTaken).length, 1);
      assert.equal(await leases.store.renew('door', token, TTL_MS), false, 'the old holder is refused');
    });

    test('a renewal extends it from now; an expired one that was not taken can be renewed', async () => {
      await using leases = await open();
      const { store, clock } = leases;
      const { token } = await store.take('door', { holder: 'a', ttlMs: TTL_MS });
      clock.advance(TTL_MS - 1);
      assert.equal(await store.renew('door', token, TTL_MS), true);
      clock.advance(TTL_MS - 1);
      assert.equal((await store.take('door', { holder: 'b', ttlMs: TTL_MS })).isTaken, false);
      clock.advance(TTL_MS);
      assert.equal(await store.renew('door', token, TTL_MS), true);
      const { isTaken, expiresMs } = await store.take('door', { holder: 'b', ttlMs: TTL_MS });
      assert.deepEqual([isTaken, expiresMs], [false, clock.nowMs() + TTL_MS]);
    });

    test('a released lease is free at once and is not renewed; only its holder releases it', async () => {
      await using leases = await open();
      const { store } = leases;
      const first = await store.take('door', { holder: 'a', ttlMs: TTL_MS });
      await store.release('door', first.token + 1);
      assert.equal((await store.take('door', { holder: 'b', ttlMs: TTL_MS })).isTaken, false);
      await store.release('door', first.token);
      assert.equal(await store.renew('door', first.token, TTL_MS), false);
      const second = await store.take('door', { holder: 'b', ttlMs: TTL_MS });
      assert.equal(second.isTaken, true);
      await store.release('door', first.token);
      assert.equal(await store.renew('door', second.token, TTL_MS), true);
      assert.equal(await store.renew('unknown', 1, TTL_MS), false);
      await store.release('unknown', 1);
    });
  });
}
