/**
 * The contract of the tables of Web Push.
 * In: a way to open an empty database. Out: tests; each database's test file runs this suite.
 */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { SecretBox } from '../../accounts/secret-box.ts';
import { createManualClock } from '../../lib/clock.ts';
import type { OpenDatabase } from '../../store/store.fixture.ts';
import { ServerKey } from './server-key.ts';
import { MAX_FOLLOWS, type NewSubscription, SubscriptionTable } from './subscription-table.ts';

const box = new SecretBox(Buffer.from('a secret of this test server'), 'push');
const clock = createManualClock();

function subscriptionOf(userId: string, n: number, more: Partial<NewSubscription> = {}): NewSubscription {
  const target = { endpoint: `https://push.example/${n}`, p256dh: 'p', auth: 'a' };
  const kinds = ['live', 'alarms'] as const;
  const row = { sessionId: `s${n}`, userId, target, kinds, allStreams: true, origin: '', program: 'Firefox' };
  return Object.assign(row, more);
}

/** Every database runs this suite. */
export function pushTablesContract(name: string, open: OpenDatabase): void {
  suite(`subscriptions to messages on ${name}`, () => {
    test('those who want a kind, of all streams or of those they follow', async () => {
      await using database = await open();
      const table = new SubscriptionTable(database.db, box, clock);
      await table.put(subscriptionOf('all', 1));
      await table.put(subscriptionOf('follows', 2, { allStreams: false }));
      await table.put(subscriptionOf('other', 3, { allStreams: false }));
      await table.put(subscriptionOf('clips', 4, { kinds: ['clips'] }));
      await table.follow('follows', 'door');
      await table.follow('follows', 'door');
      await table.follow('other', 'gate');
      const wanting = [];
      for await (const page of table.wanting('live', 'door')) wanting.push(...page);
      assert.deepEqual(wanting.map(({ userId, follows }) => [userId, follows]).sort(), [
        ['all', false],
        ['follows', true],
      ]);
      assert.equal(wanting[0]!.target!.p256dh, 'p');
    });

    test('a browser is one row, of the person and session who subscribed last', async () => {
      await using database = await open();
      const table = new SubscriptionTable(database.db, box, clock);
      const { id } = await table.put(subscriptionOf('one', 1));
      assert.equal((await table.put(subscriptionOf('two', 1))).id, id);
      assert.deepEqual(await table.of('one'), []);
      await table.put(subscriptionOf('two', 2, { sessionId: 's1' }));
      assert.deepEqual(
        (await table.of('two')).map(({ target }) => target!.endpoint),
        ['https://push.example/2'],
        'a session has one address',
      );
      const rows = await Promise.all([5, 5, 5].map((n) => table.put(subscriptionOf('three', n))));
      assert.equal(new Set(rows.map((row) => row.id)).size, 1, 'two requests at once');
    });

    test('failures are noted until a message is accepted, and remove the browser after a week', async () => {
      await using database = await open();
      const table = new SubscriptionTable(database.db, box, clock);
      const row = await table.put(subscriptionOf('one', 1));
      await table.failed(row);
      const failing = (await table.find(row.id, 'one'))!;
      assert.equal(failing.failingMs, clock.nowMs());
      await table.sent(failing);
      assert.equal((await table.find(row.id, 'one'))!.failingMs, undefined);
      await table.failed(row);
      const again = (await table.find(row.id, 'one'))!;
      await clock.advance(7 * 24 * 3_600_000);
      await table.failed(again);
      assert.equal(await table.find(row.id, 'one'), undefined);
    });

    test('rows end with their session, their stream and their person; what one follows is bounded', async () => {
      await using database = await open();
      const { db } = database;
      const table = new SubscriptionTable(db, box, clock);
      await table.put(subscriptionOf('gone', 1));
      await table.follow('gone', 'door');
      await table.removeEnded();
      assert.deepEqual(await table.of('gone'), [], 'there is no such session');
      assert.deepEqual(await db.selectFrom('push_follow').selectAll().execute(), [], 'nor such a stream');
      const row = (_: unknown, n: number) => ({ user_id: 'person', stream_id: `s${n}`, created_us: 0 });
      const follows = Array.from({ length: MAX_FOLLOWS }, row);
      await db.insertInto('push_follow').values(follows).execute();
      await table.follow('person', 's1');
      await assert.rejects(table.follow('person', 'more'), { code: 'limit-reached' });
      await table.unfollow('person', 's1');
      await table.follow('person', 'more');
      await table.forget('person');
      assert.deepEqual(await db.selectFrom('push_follow').selectAll().execute(), []);
    });

    test('of nodes that make the key at once, all get the same; one with another secret makes its own', async () => {
      await using database = await open();
      const nodes = Array.from({ length: 4 }, () => new ServerKey(database.db, box, clock));
      const keys = await Promise.all(nodes.map((node) => node.get()));
      assert.equal(new Set(keys.map(({ publicKey }) => publicKey)).size, 1);
      const other = new SecretBox(Buffer.from('another secret of a server'), 'push');
      const replaced = await new ServerKey(database.db, other, clock).get();
      assert.notEqual(replaced.publicKey, keys[0]!.publicKey);
    });
  });
}
