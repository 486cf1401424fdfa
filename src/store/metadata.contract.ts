/**
 * The contract of the metadata store, for every engine.
 * In: a way to open an empty store. Out: tests; each engine's test file runs this suite.
 */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { sql } from 'kysely';
import type { Store } from './db.ts';
import { runAll } from './engine.ts';
import type { ChunkFileTable, StreamTable } from './schema.ts';

function stream(name: string): StreamTable {
  return {
    id: `id-${name}`,
    name,
    source: '{"type":"test"}',
    origin: 'api',
    title: '',
    description: '',
    record: 1,
    keep_ms: null,
    visibility: 'public',
    visibility_set: 0,
    created_us: 1_795_000_000_000_000,
    stopped: 0,
    paused: 0,
    qualities: '{}',
    deleted_us: null,
    storage: null,
    alarms: null,
    watch_rules: null,
    past_rules: null,
    start_mark_ms: null,
    encryption: null,
    show_rewound: 0,
    peer_delivery: 0,
    heal_from: null,
    sealed: null,
  };
}

function chunkFile(
  firstMsn: number,
  startUs: number,
  segments: Uint8Array = new Uint8Array([1, 2, 3]),
): ChunkFileTable {
  return {
    stream_id: 'id-cam',
    first_msn: firstMsn,
    last_msn: firstMsn + 29,
    start_us: startUs,
    end_us: startUs + 60_000_000,
    path: `recordings/id-cam/${firstMsn}.mp4`,
    size: 18_000_000,
    run: 1,
    utc_offset_us: startUs,
    run_clock: 'source',
    init_number: 1,
    discontinuity_sequence: 0,
    absences: '[]',
    incomplete: 0,
    segment_count: 30,
    segments,
  };
}

/** Statements that wait, in a test: fewer than a server lets wait. */
const MANY = 1000;

/** Every engine of the metadata store runs this suite. */
export function metadataContract(name: string, open: () => Promise<Store & AsyncDisposable>): void {
  suite(`metadata on ${name}`, () => {
    test('repeated statements are one transaction: the rows that changed nothing are returned, and an error stores none', async () => {
      await using store = await open();
      const insert = {
        sql: 'INSERT INTO asset_removed (id, removed_us) VALUES (?, ?) ON CONFLICT DO NOTHING',
        rows: [
          ['a', 1],
          ['b', 2],
          ['a', 3],
        ],
      };
      const update = {
        sql: 'UPDATE asset_removed SET removed_us = ? WHERE id = ?',
        rows: [
          [5, 'b'],
          [5, 'c'],
        ],
      };
      const stored = async () => await store.db.selectFrom('asset_removed').selectAll().orderBy('id').execute();
      assert.deepEqual(await runAll(store.db, [insert, update]), [[2], [1]]);
      const expected = [
        { id: 'a', removed_us: 1 },
        { id: 'b', removed_us: 5 },
      ];
      assert.deepEqual(await stored(), expected);
      const refused = {
        ...insert,
        rows: [
          ['d', 1],
          ['e', 'no number'],
        ],
      };
      await assert.rejects(runAll(store.db, [refused]));
      assert.deepEqual(await stored(), expected);
      // It waits for a transaction that is open, and is not a part of it.
      let later: Promise<unknown> | undefined;
      await assert.rejects(
        store.db.transaction().execute(async (db) => {
          later = runAll(store.db, [{ ...insert, rows: [['f', 1]] }]);
          await db.deleteFrom('asset_removed').execute();
          throw new Error('rolled back');
        }),
        { message: 'rolled back' },
      );
      await later;
      assert.deepEqual(
        (await stored()).map(({ id }) => id),
        ['a', 'b', 'f'],
      );
    });

    test('repeated statements do not wait for all statements that wait', async () => {
      await using store = await open();
      const sql = 'INSERT INTO asset_removed (id, removed_us) VALUES (?, ?)';
      await runAll(store.db, [{ sql, rows: [['a', 1]] }]); // opens a connection, which takes as long as many statements
      let done = 0;
      const before = Array.from({ length: MANY }, async () => {
        await store.db.selectFrom('asset_removed').selectAll().execute();
        done += 1;
      });
      await runAll(store.db, [{ sql, rows: [['b', 1]] }]);
      assert.ok(done < MANY, `${done} are done`);
      await Promise.all(before);
    });

    test('what is inserted comes back as it was, null included', async () => {
      await using store = await open();
      await store.db.insertInto('stream').values(stream('cam')).execute();
      assert.deepEqual({ ...(await store.db.selectFrom('stream').selectAll().executeTakeFirst()) }, stream('cam'));
    });

    test('a duplicate name and a missing table are errors, and the store keeps working', async () => {
      await using store = await open();
      await store.db.insertInto('stream').values(stream('cam')).execute();
      const again = store.db.insertInto('stream').values({ ...stream('cam'), id: 'other' });
      await assert.rejects(again.execute());
      await assert.rejects(sql`SELECT * FROM nowhere`.execute(store.db));
      assert.deepEqual(await store.db.selectFrom('stream').select('id').execute(), [{ id: 'id-cam' }]);
    });

    test('an upsert keeps one row and gives it back', async () => {
      await using store = await open();
      for (const atUs of [1, 2]) {
        const row = await store.db
          .insertInto('stream_on_air')
          .values({ stream_id: 'id-cam', at_us: atUs, clean: 0, absences: '[]', generation: null })
          .onConflict((conflict) => conflict.column('stream_id').doUpdateSet({ at_us: atUs }))
          .returningAll()
          .executeTakeFirstOrThrow();
        assert.equal(row.at_us, atUs);
      }
      assert.equal((await store.db.selectFrom('stream_on_air').selectAll().execute()).length, 1);
    });

    test('a range of time gives its chunk files in order, its end excluded', async () => {
      await using store = await open();
      const startUs = 1_795_000_000_000_000;
      const rows = [3, 1, 0, 2].map((n) => chunkFile(n * 30, startUs + n * 60_000_000));
      await store.db.insertInto('chunk_file').values(rows).execute();
      const found = await store.db
        .selectFrom('chunk_file')
        .select(['first_msn', 'start_us'])
        .where('stream_id', '=', 'id-cam')
        .where('start_us', '>=', startUs + 60_000_000)
        .where('start_us', '<', startUs + 180_000_000)
        .orderBy('start_us')
        .limit(10)
        .execute();
      assert.deepEqual(
        found.map((row) => row.first_msn),
        [30, 60],
      );
    });

    test('a transaction that throws writes nothing, one that returns writes all', async () => {
      await using store = await open();
      const wreck = store.db.transaction().execute(async (inner) => {
        await inner.insertInto('stream').values(stream('lost')).execute();
        throw new Error('half way');
      });
      await assert.rejects(wreck, /half way/);
      assert.deepEqual(await store.db.selectFrom('stream').selectAll().execute(), []);
      await store.db.transaction().execute(async (inner) => {
        await inner.insertInto('stream').values(stream('a')).execute();
        await inner.insertInto('stream').values(stream('b')).execute();
      });
      assert.equal((await store.db.selectFrom('stream').selectAll().execute()).length, 2);
    });

    test('statements outside a transaction never land inside it', async () => {
      await using store = await open();
      const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
      const wreck = store.db.transaction().execute(async (inner) => {
        await inner.insertInto('stream').values(stream('lost')).execute();
        begin();
        await inner.selectFrom('stream').selectAll().execute();
        throw new Error('half way');
      });
      await Promise.all([
        assert.rejects(wreck, /half way/),
        begun.then(() => store.db.insertInto('stream').values(stream('kept')).execute()),
      ]);
      const names = await store.db.selectFrom('stream').select('name').execute();
      assert.deepEqual(
        names.map((row) => row.name),
        ['kept'],
      );
    });

    test('a savepoint reverts only what came after it', async () => {
      await using store = await open();
      const transaction = await store.db.startTransaction().execute();
      await transaction.insertInto('stream').values(stream('before')).execute();
      const inner = await transaction.savepoint('half "way"').execute();
      await inner.insertInto('stream').values(stream('after')).execute();
      await inner.rollbackToSavepoint('half "way"').execute();
      await inner.releaseSavepoint('half "way"').execute();
      await transaction.commit().execute();
      const names = await store.db.selectFrom('stream').select('name').execute();
      assert.deepEqual(
        names.map((row) => row.name),
        ['before'],
      );
    });

    test('blobs come back byte for byte, also views of larger buffers, shared memory and empty ones', async () => {
      await using store = await open();
      const bytes = Uint8Array.from({ length: 70_000 }, (_, i) => (i * 7) & 0xff);
      const shared = new Uint8Array(new SharedArrayBuffer(8)).fill(9);
      const blobs = [bytes, bytes.subarray(10, 20), shared, new Uint8Array(0)];
      for (const [n, blob] of blobs.entries())
        await store.db
          .insertInto('chunk_file')
          .values(chunkFile(n, n, blob))
          .execute();
      const rows = await store.db.selectFrom('chunk_file').select('segments').orderBy('first_msn').execute();
      for (const [n, { segments }] of rows.entries()) {
        assert.ok(segments instanceof Uint8Array);
        assert.deepEqual([...segments], [...blobs[n]!]);
      }
      assert.equal(bytes.length, 70_000, 'the caller keeps its bytes');
    });

    test('whole numbers are exact up to 2^53, as values and as limits', async () => {
      await using store = await open();
      const most = Number.MAX_SAFE_INTEGER;
      const row = { stream_id: 'a', at_us: most, clean: -most, absences: '[]', generation: null };
      await store.db.insertInto('stream_on_air').values(row).execute();
      const found = await store.db
        .selectFrom('stream_on_air')
        .selectAll()
        .where('at_us', '=', most)
        .where('at_us', '>', most - 1)
        .limit(1)
        .executeTakeFirstOrThrow();
      assert.deepEqual([found.at_us, found.clean], [most, -most]);
    });

    test('whole numbers are compared with fractions, and with no bound', async () => {
      await using store = await open();
      await store.db
        .insertInto('asset_removed')
        .values([1, 2, 3].map((us) => ({ id: `${us}`, removed_us: us })))
        .execute();
      const found = await store.db
        .selectFrom('asset_removed')
        .select('id')
        .where('removed_us', '>', 1.5)
        .where('removed_us', '<', Number.POSITIVE_INFINITY)
        .where('id', 'not in', [])
        .orderBy('removed_us')
        .execute();
      assert.deepEqual(
        found.map(({ id }) => id),
        ['2', '3'],
      );
    });

    test('counts and sums are numbers, also beyond 2^32; a share keeps its fraction', async () => {
      await using store = await open();
      const big = 2 ** 40;
      await store.db
        .insertInto('chunk_file')
        .values([0, 1, 2].map((n) => ({ ...chunkFile(n, n), size: big })))
        .execute();
      const sums = await store.db
        .selectFrom('chunk_file')
        .select((eb) => [
          eb.fn.countAll<number>().as('count'),
          eb.fn.sum<number>('size').as('size'),
          eb.fn.sum<number>(eb('end_us', '-', eb.ref('start_us'))).as('media_us'),
          eb.fn.max('start_us').as('last_us'),
        ])
        .executeTakeFirstOrThrow();
      assert.deepEqual({ ...sums }, { count: 3, size: 3 * big, media_us: 180_000_000, last_us: 2 });
      const job = { id: 'j', kind: 'k', state: 'running', input: '1', tries: 1, created_us: 1 };
      const row = await store.db
        .insertInto('job')
        .values({ ...job, progress: 0.25 })
        .returning(['seq', 'progress'])
        .executeTakeFirstOrThrow();
      assert.deepEqual({ ...row }, { seq: 1, progress: 0.25 });
    });

    test('changes are counted', async () => {
      await using store = await open();
      await store.db
        .insertInto('stream')
        .values([stream('a'), stream('b')])
        .execute();
      const updated = await store.db.updateTable('stream').set({ stopped: 1 }).executeTakeFirst();
      assert.equal(updated.numUpdatedRows, 2n);
      const deleted = await store.db.deleteFrom('stream').where('name', '=', 'a').executeTakeFirst();
      assert.equal(deleted.numDeletedRows, 1n);
    });

    test('a closed store rejects, and may be closed twice', async () => {
      const store = await open();
      await store.check();
      await store[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
      await assert.rejects(store.check(), { name: 'OxbowError', code: 'not-ready' });
    });
  });
}
