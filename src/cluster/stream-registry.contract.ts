/**
 * The contract of StreamRegistry, for every engine.
 * In: a way to open an empty one. Out: tests; each engine's test file runs this suite.
 */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { ManualClock } from '../lib/clock.ts';
import type { StreamRegistry } from './stream-registry.ts';

/** An engine with the clock that its expiries are times of. */
export interface OpenRegistry extends AsyncDisposable {
  readonly registry: StreamRegistry;
  readonly clock: ManualClock;
}

const TTL_MS = 10_000;
const place = (name: string, node = 'n1', token = 1) => ({ name, node, token, address: `http://${node}:8080` });

/** Every engine of the registry runs this suite. */
export function registryContract(name: string, open: () => Promise<OpenRegistry>): void {
  suite(`the registry of streams on ${name}`, () => {
    test('a stream is found at its node while the node renews it, and then disappears', async () => {
      await using opened = await open();
      const { registry, clock } = opened;
      assert.equal(await registry.find('door'), undefined);
      assert.equal(await registry.put(place('door'), TTL_MS), true);
      clock.advance(TTL_MS - 1);
      assert.deepEqual(await registry.find('door'), { ...place('door'), expiresMs: clock.nowMs() + 1 });
      assert.equal(await registry.put(place('door'), TTL_MS), true);
      clock.advance(TTL_MS - 1);
      assert.equal((await registry.find('door'))?.node, 'n1');
      clock.advance(1);
      assert.equal(await registry.find('door'), undefined);
      assert.deepEqual(await registry.all(10), []);
    });

    test('a node with an older token is refused, and cannot remove the place of the newer one', async () => {
      await using opened = await open();
      const { registry } = opened;
      await registry.put(place('door', 'old', 5), TTL_MS);
      assert.equal(await registry.put(place('door', 'new', 6), TTL_MS), true);
      assert.equal(await registry.put(place('door', 'old', 5), TTL_MS), false);
      await registry.remove('door', 5);
      assert.equal((await registry.find('door'))?.node, 'new');
      await registry.remove('door', 6);
      await registry.remove('door', 6);
      assert.equal(await registry.find('door'), undefined);
      assert.equal(await registry.put(place('door', 'old', 5), TTL_MS), true, 'no node has it');
    });

    test('all places are listed by name, without expired ones, up to a limit', async () => {
      await using opened = await open();
      const { registry, clock } = opened;
      await registry.put(place('garden'), 1000);
      clock.advance(1000);
      for (const [i, name] of ['window', 'door', 'hall'].entries())
        await registry.put(place(name, `n${i}`), TTL_MS - i);
      const names = async (limit: number) => (await registry.all(limit)).map((each) => each.name);
      assert.deepEqual(await names(10), ['door', 'hall', 'window']);
      assert.deepEqual(await names(2), ['door', 'hall']);
    });
  });
}
