/**
 * What the nodes of a cluster promise about webhooks, on every database: each event is sent once, and all
 * nodes know all webhooks.
 * In: a way to open an empty database. Out: tests; each database's test file runs this suite.
 */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Kysely } from 'kysely';
import type { TestTime } from '../../test/fixtures/virtual-time.ts';
import { createLocalEventBus } from '../cluster/bus/local-event-bus.ts';
import { type LeaseStore, Leases } from '../cluster/lease/lease.ts';
import { sleep } from '../lib/abort.ts';
import { createSystemClock } from '../lib/clock.ts';
import type { NetRequest, NetResponse } from '../net/net.ts';
import { openLeaseTable } from '../store/lease-table.ts';
import { RowChanges } from '../store/row-changes.ts';
import type { Tables } from '../store/schema.ts';
import type { OpenDatabase } from '../store/store.fixture.ts';
import { WebhookTable } from './webhook-table.ts';
import { Webhooks } from './webhooks.ts';

const url = 'https://hooks.example/in';

/** A node with its own events. */
async function openNode(
  node: string,
  db: Kysely<Tables>,
  sent: (line: string) => void,
  storeOf: (store: LeaseStore) => LeaseStore = (store) => store,
) {
  const clock = createSystemClock();
  const failed = (error: unknown) => assert.fail(String(error));
  const changes = new RowChanges({ db, clock, failed });
  const bus = createLocalEventBus({ clock, failed });
  const hooks = await Webhooks.open({
    table: new WebhookTable(db, changes),
    bus,
    clock,
    sleep,
    holder: node,
    failed,
    leases: new Leases({ store: storeOf(openLeaseTable(db, clock)), clock, failed }),
    ended: () => {},
    net: {
      async fetch(_: string | URL, { post }: NetRequest): Promise<NetResponse> {
        const { data } = JSON.parse(Buffer.from(post!).toString()) as { data: { number: number } };
        sent(`${node} ${data.number}`);
        return { status: 204, headers: {}, [Symbol.dispose]() {} } as unknown as NetResponse;
      },
    },
  });
  return {
    hooks,
    changes,
    tell: (number: number) => bus.publish('stream.generation', { number }, { name: 'cam', visibility: 'private' }),
  };
}

/**
 * Every database runs this suite.
 *
 * @param openTime moves time instead of waiting, for a database in this process; a server answers in real
 *   time
 */
export function sharedWebhooksContract(name: string, open: OpenDatabase, openTime?: () => TestTime): void {
  suite(`webhooks of several nodes on ${name}`, () => {
    test('the events of all nodes are sent once, by one node at a time', async () => {
      using time = openTime?.();
      await using database = await open();
      const sent: string[] = [];
      const arrived = new EventTarget();
      const nodes = await Promise.all(
        ['a', 'b', 'c'].map((node) =>
          openNode(node, database.db, (line) => {
            sent.push(line);
            arrived.dispatchEvent(new Event('sent'));
          }),
        ),
      );
      const until = async (count: number) => {
        if (time) return void (await time.until(`${count} events are sent`, () => sent.length >= count));
        while (sent.length < count)
          await new Promise((resolve) => arrived.addEventListener('sent', resolve, { once: true }));
      };
      const { id } = await nodes[0]!.hooks.create({ url, types: ['stream.generation'] });
      for (const { changes } of nodes) await changes.look();
      assert.deepEqual(
        nodes.map(({ hooks }) => hooks.list().map((hook) => hook.id)),
        [[id], [id], [id]],
      );
      for (const [i, { tell }] of nodes.entries()) for (let k = 0; k < 5; k++) tell(10 * i + k);
      await until(15);
      assert.equal(new Set(sent.map((line) => line.split(' ')[1])).size, 15);
      const [sender] = sent[0]!.split(' ');
      assert.ok(
        sent.every((line) => line.startsWith(`${sender} `)),
        sent.join(),
      );
      // Its lease is free at once: it has closed in order.
      const at = ['a', 'b', 'c'].indexOf(sender!);
      await nodes[at]!.hooks[Symbol.asyncDispose]();
      const others = nodes.filter((_, i) => i !== at);
      others[0]!.tell(100);
      await until(16);
      if (time) assert.equal(Math.round(time.nowMs), 3333, 'with the first look of another node');
      assert.match(sent.at(-1)!, / 100$/);
      await others[0]!.hooks.remove(id);
      await others[1]!.changes.look();
      assert.deepEqual(others[1]!.hooks.list(), []);
      for (const { hooks } of others) await hooks[Symbol.asyncDispose]();
      assert.equal(sent.length, 16);
    });

    test('a node that ends while the database gives it the lease ends all the same, and frees it', async () => {
      await using database = await open();
      const asked = Promise.withResolvers<void>();
      const answer = Promise.withResolvers<void>();
      const { hooks } = await openNode(
        'a',
        database.db,
        () => {},
        (store) => ({
          ...store,
          async take(lease, request) {
            asked.resolve();
            await answer.promise;
            return store.take(lease, request);
          },
        }),
      );
      await asked.promise;
      const closing = hooks[Symbol.asyncDispose]();
      await new Promise(setImmediate);
      answer.resolve();
      await closing;
      const row = await database.db.selectFrom('lease').selectAll().where('name', '=', 'webhooks').executeTakeFirst();
      assert.equal(row?.expires_us, 0);
    });

    test('what a node notes of a webhook that another one has replaced or removed is not stored', async () => {
      await using database = await open();
      const clock = createSystemClock();
      const changes = new RowChanges({ db: database.db, clock, failed: (error) => assert.fail(String(error)) });
      const table = new WebhookTable(database.db, changes);
      const webhook = {
        id: 'w',
        url,
        types: [],
        stream: null,
        secret: 's',
        createdMs: 1,
        failingSinceMs: null,
        disabledMs: null,
        disabledReason: '',
      };
      await table.put({ ...webhook, url: 'https://hooks.example/new' });
      await table.putState({ ...webhook, disabledMs: 5, disabledReason: 'HTTP 410' });
      assert.equal((await table.all())[0]?.disabledMs, null);
      await table.remove('w');
      await table.putState(webhook);
      assert.deepEqual(await table.all(), []);
    });
  });
}
