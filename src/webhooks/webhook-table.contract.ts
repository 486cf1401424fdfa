/**
 * What the tables of webhooks and their deliveries promise on every database.
 * In: a way to open an empty database. Out: tests; each database's test file runs this suite.
 */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { OxbowEvent } from '../api/events.ts';
import type { OpenDatabase } from '../store/store.fixture.ts';
import { KEPT_DELIVERIES, type Webhook, WebhookTable } from './webhook-table.ts';

const NOW_MS = 1_795_000_000_000;

const webhook: Webhook = {
  id: 'a',
  url: 'https://example.com/',
  types: ['stream.offline'],
  stream: 'door',
  secret: 'whsec',
  createdMs: NOW_MS,
  failingSinceMs: null,
  disabledMs: null,
  disabledReason: '',
};

const eventOf = (n: number) =>
  ({ id: `e${n}`, type: 'stream.offline', at: '', stream: null, data: {} }) as unknown as OxbowEvent;

/** Every database runs this suite. */
export function webhookTableContract(name: string, open: OpenDatabase): void {
  suite(`webhooks on ${name}`, () => {
    test('webhooks are stored, oldest first; put replaces one', async () => {
      await using database = await open();
      const table = new WebhookTable(database.db);
      const older = { ...webhook, id: 'b', createdMs: NOW_MS - 1, types: [], stream: null };
      const failing = { ...webhook, failingSinceMs: NOW_MS + 1, disabledMs: NOW_MS + 2, disabledReason: 'gone' };
      for (const one of [webhook, older, failing]) await table.put(one);
      assert.deepEqual(await table.all(), [older, failing]);
      await table.remove('a');
      assert.deepEqual(await table.all(), [older]);
    });

    test('deliveries wait in the order of the events, oldest first', async () => {
      await using database = await open();
      const table = new WebhookTable(database.db);
      for (let n = 0; n < 12; n++)
        await table.add('a', eventOf(n), { body: `{"n":${n}}`, nowMs: NOW_MS + n, dropped: n === 3 });
      await table.add('b', eventOf(99), { body: '{}', nowMs: NOW_MS, dropped: false });
      assert.equal(await table.waiting('a'), 11);
      const first = (await table.next('a'))!;
      assert.deepEqual([first.event_id, first.body, first.next_us], ['e0', '{"n":0}', NOW_MS * 1000]);
      await table.set(first, { state: 'done', tries: 1, status: 200, ended_us: NOW_MS * 1000, body: '' });
      assert.equal((await table.next('a'))?.event_id, 'e1');
      assert.deepEqual((await table.newest('a')).map(({ event_id, state }) => `${event_id} ${state}`).slice(-4), [
        'e3 dropped',
        'e2 waiting',
        'e1 waiting',
        'e0 done',
      ]);
      await table.drop('a', NOW_MS, 'disabled');
      assert.deepEqual([await table.waiting('a'), await table.next('a')], [0, undefined]);
      assert.equal(await table.waiting('b'), 1);
      await table.remove('a');
      assert.deepEqual(await table.newest('a'), []);
    });

    test('the newest ended deliveries are kept, and all that wait', async () => {
      await using database = await open();
      const table = new WebhookTable(database.db);
      await table.add('a', eventOf(1000), { body: '{}', nowMs: NOW_MS, dropped: false });
      for (let n = 0; n < KEPT_DELIVERIES + 5; n++)
        await table.add('a', eventOf(n), { body: '{}', nowMs: NOW_MS, dropped: true });
      const newest = await table.newest('a');
      assert.deepEqual([newest[0]?.event_id, newest.at(-1)?.event_id], [`e${KEPT_DELIVERIES + 4}`, 'e5']);
      assert.equal((await table.next('a'))?.event_id, 'e1000');
    });
  });
}
