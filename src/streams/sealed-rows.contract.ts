/**
 * What sealed rows promise on every database: nothing in clear, the same settings when read, an earlier key,
 * a missing key, and the way back.
 * In: a way to open an empty database. Out: tests; each database's test file runs this suite.
 */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type Kysely, sql } from 'kysely';
import { SecretBox } from '../accounts/secret-box.ts';
import { engineOf } from '../store/engine.ts';
import type { Tables } from '../store/schema.ts';
import { lockedRows, sealRows, unsealRows } from '../store/sealed/seal-rows.ts';
import { openRelayColumns, openTarget, targetColumn } from '../store/sealed/sealed-columns.ts';
import { HAS_HEADERS } from '../store/sealed/sealed-step.ts';
import { sealOf, useSeal } from '../store/sealed/text-seal.ts';
import type { OpenDatabase } from '../store/store.fixture.ts';
import { WebhookTable } from '../webhooks/webhook-table.ts';
import type { StreamDefinition } from './definition.ts';
import { readDefinitions, writeDefinition } from './stream-table.ts';

const earlier = Buffer.from('the secret of before, in the data folder');
const newest = Buffer.from('the secret of the cluster, which is new');
const box = (secret: Buffer, ...before: Buffer[]) => new SecretBox(secret, 'addresses', before);
const SECRET = /c4nary/;

const door: StreamDefinition = {
  id: 'id',
  name: 'door',
  source: {
    type: 'pull',
    url: 'rtsp://admin:c4nary@cam.example/1?x=c4nary',
    backup: 'http://u:c4nary@cam.example/2',
    headers: { 'x-key': 'c4nary' },
  },
  origin: 'api',
  record: true,
  keepMs: undefined,
  title: '',
  description: '',
  visibility: 'private',
  visibilityIsSet: true,
  createdUs: 1,
  stopped: false,
  paused: false,
  healFrom: ['off', 'https://h.example/list.m3u8?key=c4nary'],
};
const hook = {
  id: 'hook',
  url: 'https://hooks.example/services/c4nary',
  types: [],
  stream: null,
  secret: 'whsec_c4nary',
  createdMs: 1,
  failingSinceMs: null,
  disabledMs: null,
  disabledReason: '',
} as const;
const target = {
  kind: 'link',
  url: 'https://m.example/a.mp4',
  proxy: true,
  headers: { Authorization: 'Bearer c4nary' },
};
const relayUrl = 'rtmp://live.example/app/c4nary';

/** @param seal of the rows that have one; a database may be that of the test before */
async function fill(db: Kysely<Tables>, seal?: SecretBox): Promise<void> {
  useSeal(db, seal);
  await writeDefinition({ db }, door);
  await writeDefinition({ db }, { ...door, id: 'plain', name: 'plain', source: { type: 'test' }, healFrom: undefined });
  await new WebhookTable(db).put(hook);
  const relay = { id: 'r', stream_id: 'id', label: '', url: relayUrl, sealed: null, enabled: 1, created_us: 1 };
  await db.insertInto('relay').values(relay).execute();
  const item = { id: 'i', room_id: 'room', parent_id: null, rank: 1, name: 'film', added_by: 'u', created_us: 1 };
  await db
    .insertInto('room_item')
    .values({ ...item, target: JSON.stringify(target), signed: 0 })
    .execute();
}

/** All that the rows have, as text. */
async function rowsOf(db: Kysely<Tables>): Promise<string> {
  const tables = ['stream', 'relay', 'webhook', 'room_item'] as const;
  const rows = await Promise.all(tables.map((table) => sql`SELECT * FROM ${sql.table(table)} ORDER BY 1`.execute(db)));
  return JSON.stringify(rows.map((result) => result.rows));
}

async function assertOpen(db: Kysely<Tables>): Promise<void> {
  const [first] = (await readDefinitions(db)).filter(({ name }) => name === 'door');
  assert.deepEqual(first, door);
  assert.deepEqual(await new WebhookTable(db).all(), [hook]);
  const relay = await db.selectFrom('relay').select(['url', 'sealed']).executeTakeFirstOrThrow();
  assert.equal(openRelayColumns(relay, sealOf(db)), relayUrl);
  const entry = await db.selectFrom('room_item').select('target').executeTakeFirstOrThrow();
  assert.deepEqual(openTarget(entry.target, sealOf(db)), target);
}

export function sealedRowsContract(name: string, openDatabase: OpenDatabase): void {
  suite(`sealed rows on ${name}`, () => {
    test('what is in clear is sealed once, also by two nodes at a time, and opened for an older oxbow', async () => {
      await using store = await openDatabase();
      const { db } = store;
      await fill(db);
      const clear = await rowsOf(db);
      assert.match(clear, SECRET);
      useSeal(db, box(newest));
      const passes = await Promise.all([sealRows(db), sealRows(db)]);
      assert.equal(
        passes.reduce((sum, { changed }) => sum + changed, 0),
        4,
      );
      assert.doesNotMatch(await rowsOf(db), SECRET);
      await assertOpen(db);
      assert.deepEqual((await sealRows(db)).changed, 0);
      assert.deepEqual(await unsealRows(db), { changed: 4, locked: [] });
      assert.equal(await rowsOf(db), clear);
    });

    test('what an earlier key has sealed is opened, and sealed with the newest one', async () => {
      await using store = await openDatabase();
      const { db } = store;
      await fill(db, box(earlier));
      await sealRows(db);
      useSeal(db, box(newest, earlier));
      await assertOpen(db);
      assert.equal((await sealRows(db)).changed, 4);
      useSeal(db, box(newest));
      await assertOpen(db);
    });

    test('without the key the address is shown, the stream is stopped, and nothing sealed is lost by a change', async () => {
      await using store = await openDatabase();
      const { db } = store;
      await fill(db, box(earlier));
      await sealRows(db);
      const before = await rowsOf(db);
      useSeal(db, box(newest));
      assert.deepEqual(await lockedRows(db), [
        'the source of door',
        'the sources of missing parts of door',
        'the relay of door to rtmp://live.example/…',
        'the webhook to https://hooks.example/…',
        'the headers of 1 entry of rooms',
      ]);
      assert.equal((await sealRows(db)).changed, 0);
      assert.equal((await unsealRows(db)).changed, 0);
      assert.equal(await rowsOf(db), before);
      const [locked] = (await readDefinitions(db)).filter((definition) => definition.name === 'door');
      assert.deepEqual(
        [locked!.stopped, locked!.source, locked!.healFrom],
        [
          true,
          {
            type: 'pull',
            url: 'rtsp://cam.example/1',
            backup: 'http://cam.example/2',
            headers: { 'x-key': '***' },
          },
          ['off', 'https://h.example/list.m3u8'],
        ],
      );
      const [webhook] = await new WebhookTable(db).all();
      assert.deepEqual([webhook!.secret, webhook!.disabledMs !== null], ['', true]);
      const entry = await db.selectFrom('room_item').select('target').executeTakeFirstOrThrow();
      const shown = openTarget(entry.target, sealOf(db));
      assert.doesNotMatch(JSON.stringify(shown), /eaders/);
      assert.equal(targetColumn({ ...shown }, sealOf(db)), entry.target);
      await writeDefinition({ db }, { ...locked!, title: 'The door' });
      useSeal(db, box(earlier));
      const [opened] = (await readDefinitions(db)).filter((definition) => definition.name === 'door');
      assert.deepEqual(opened, { ...door, title: 'The door' });
    });

    test('a start opens what is sealed once, and reads only entries of rooms that have headers', async () => {
      await using store = await openDatabase();
      const { db } = store;
      await fill(db, box(newest));
      await sealRows(db);
      let opened = 0;
      const inner = box(newest);
      const open = (text: string) => {
        opened++;
        return inner.open(text);
      };
      useSeal(db, { open, seal: (text) => inner.seal(text), mark: (text) => inner.mark(text) });
      assert.deepEqual(await sealRows(db), { changed: 0, locked: [], rewritten: false });
      // The source and the sources of missing parts of a stream, a relay, a webhook, and headers.
      assert.equal(opened, 5);
      const where = sql.raw(HAS_HEADERS);
      if (engineOf(db) === 'sqlite') {
        const { rows } = await sql<{ detail: string }>`
          EXPLAIN QUERY PLAN SELECT id, target FROM room_item WHERE ${where}`.execute(db);
        assert.match(JSON.stringify(rows), /room_item_with_headers/);
      } else {
        await db.transaction().execute(async (transaction) => {
          await sql`SET LOCAL enable_seqscan = off`.execute(transaction);
          const { rows } = await sql`EXPLAIN SELECT id, target FROM room_item WHERE ${where}`.execute(transaction);
          assert.match(JSON.stringify(rows), /room_item_with_headers/);
        });
      }
    });

    test('a damaged row does not keep the others from being sealed', async () => {
      await using store = await openDatabase();
      const { db } = store;
      await fill(db);
      await db
        .updateTable('stream')
        .set({ source: '{"type":', sealed: '{"source":' })
        .where('id', '=', 'plain')
        .execute();
      useSeal(db, box(newest));
      assert.equal((await sealRows(db)).changed, 4);
      assert.doesNotMatch(await rowsOf(db), SECRET);
    });
  });
}
