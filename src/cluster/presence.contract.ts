/**
 * The contract of Presence, for every engine.
 * In: a way to open an empty one. Out: tests; each engine's test file runs this suite.
 */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { ManualClock } from '../lib/clock.ts';
import type { Presence } from './presence.ts';

/** An engine with the clock that its expiries are times of. */
export interface OpenPresence extends AsyncDisposable {
  readonly presence: Presence;
  readonly clock: ManualClock;
}

const TTL_MS = 10_000;
const at = (room: string, user: string, node = 'n1') => ({ room, user, node });

/** Every engine of presence runs this suite. */
export function presenceContract(name: string, open: () => Promise<OpenPresence>): void {
  suite(`presence on ${name}`, () => {
    test('users of all nodes are listed by room, a user of two nodes twice', async () => {
      await using opened = await open();
      const { presence } = opened;
      assert.deepEqual(await presence.in('film'), []);
      await presence.put([at('film', 'ben'), at('film', 'anna'), at('news', 'ben')], TTL_MS);
      await presence.put([at('film', 'ben', 'n2')], TTL_MS);
      await presence.put([at('film', 'anna')], TTL_MS);
      assert.deepEqual(await presence.in('film'), [at('film', 'anna'), at('film', 'ben'), at('film', 'ben', 'n2')]);
      assert.deepEqual(await presence.in('news'), [at('news', 'ben')]);
    });

    test('a user who leaves one node remains on the other', async () => {
      await using opened = await open();
      const { presence } = opened;
      await presence.put([at('film', 'ben'), at('film', 'ben', 'n2')], TTL_MS);
      for (let i = 0; i < 2; i++) await presence.remove(at('film', 'ben'));
      assert.deepEqual(await presence.in('film'), [at('film', 'ben', 'n2')]);
    });

    test('users of a node that stops renewing them disappear, and those of others stay', async () => {
      await using opened = await open();
      const { presence, clock } = opened;
      await presence.put([at('film', 'anna', 'dead'), at('film', 'ben')], TTL_MS);
      clock.advance(TTL_MS / 2);
      await presence.put([at('film', 'ben')], TTL_MS);
      clock.advance(TTL_MS / 2);
      assert.deepEqual(await presence.in('film'), [at('film', 'ben')]);
      clock.advance(TTL_MS);
      assert.deepEqual(await presence.in('film'), []);
    });
  });
}
