/**
 * What oxbow does with a PostgreSQL server beyond its tables: copies, schemas, replicas, a server that is
 * lost or refuses.
 */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { sql } from 'kysely';
import { createSilentLog } from '../../src/observe/log.ts';
import { ChunkQueries } from '../../src/recording/chunks/chunk-queries.ts';
import { ChunkTable } from '../../src/recording/chunks/chunk-table.ts';
import { copiedTables } from '../../src/store/copy.ts';
import { openEngine, openStore } from '../../src/store/db.ts';
import type { Engine } from '../../src/store/engine.ts';
import { migrations, OLDEST_SCHEMA } from '../../src/store/migrations.ts';
import { changeSchema, copyToFile, copyToServer, readStatus } from '../../src/store/move.ts';
import { createPostgresDb } from '../../src/store/postgres/dialect.ts';
import { openPostgresEngine } from '../../src/store/postgres/engine.ts';
import { ConnectionPool } from '../../src/store/postgres/pool.ts';
import { openReplica } from '../../src/store/postgres/replica.ts';
import { matching } from '../../src/store/search/asset-search.ts';
import { type Databases, needPostgres, openDatabases, startPostgres } from '../fixtures/engines/postgres.ts';
import { openFolder } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';

const log = createSilentLog();
const { signal } = new AbortController();
const onWait = () => undefined;
let postgres: Databases;

const serverAt = (url: string) => ({ url, replicaUrl: undefined, pool: 4, replicaLag: 2000 });
const newDatabase = async () => serverAt(postgres.url(await postgres.create()));

/** A value of each column that says where it is. */
function sampleRow(columns: readonly { readonly name: string; readonly type: string }[], table: string, n: number) {
  return Object.fromEntries(
    columns.map(({ name, type }) => {
      if (name === 'tags') return [name, '["river"]'];
      if (type === 'INTEGER') return [name, n * 1_000_000_007];
      if (type === 'REAL') return [name, n / 8];
      if (type === 'BLOB') return [name, Uint8Array.from([n, 0, 255])];
      return [name, `${table} ${name} Ü ${n}`];
    }),
  );
}

async function everyRow(engine: Engine): Promise<Record<string, unknown>> {
  const tables: Record<string, unknown> = {};
  for (const table of copiedTables) {
    const rows = await engine.db.selectFrom(table).selectAll().execute();
    const sorted = rows.map((row) => JSON.stringify(Object.entries(row).sort(([a], [b]) => (a < b ? -1 : 1)))).sort();
    tables[table] = table === 'lease' ? sorted.map((row) => row.replace(/"expires_us",\d+/, '')) : sorted;
  }
  return tables;
}

suite('a PostgreSQL server', { skip: needPostgres() }, () => {
  before(async () => {
    postgres = await openDatabases();
  });
  after(() => postgres[Symbol.asyncDispose]());

  test('gets every row of the file and gives it back; numbers continue and words are found', async () => {
    await using folder = await openFolder('copy');
    const file = `${folder.path}/oxbow.db`;
    const server = await newDatabase();
    let before: Record<string, unknown>;
    {
      await using engine = await openEngine({ file, log });
      for (const table of copiedTables) {
        const { rows: columns } = await sql<{ name: string; type: string }>`
          SELECT name, type FROM pragma_table_info(${table})`.execute(engine.db);
        for (const n of [1, 2, 3]) {
          await engine.db
            .insertInto(table)
            .values(sampleRow(columns, table, n) as never)
            .execute();
        }
      }
      await engine.db.deleteFrom('asset').where('seq', '=', 3_000_000_021).execute();
      before = await everyRow(engine);
    }
    const how = { file, server, overwrite: false, signal };
    const counts = await copyToServer(how);
    assert.equal(counts.get('asset'), 2);
    await assert.rejects(copyToServer(how), { code: 'database-not-empty' });
    await copyToServer({ ...how, overwrite: true });
    {
      await using engine = await openEngine({ file, server, log });
      assert.deepEqual(await everyRow(engine), before);
      const found = await matching(engine.db, [['river'], ['filename', 'u', '2']]).execute();
      assert.deepEqual(found, [{ rowid: 2_000_000_014 }]);
      const row = { ...JSON.parse('{}'), at_us: 1, user_id: '', name: '', address: '', action: '', request: '' };
      const { seq } = await engine.db
        .insertInto('audit')
        .values({ ...row, status: null, trace_id: '' })
        .returning('seq')
        .executeTakeFirstOrThrow();
      assert.equal(seq, 3_000_000_022);
      await engine.db.deleteFrom('audit').where('seq', '=', seq).execute();
    }
    const { aside } = await copyToFile({ file, server, signal }, Date.UTC(2026, 0, 2));
    assert.equal(aside, `${file}.before-copy-20260102T000000Z`);
    await using engine = await openEngine({ file, log });
    assert.deepEqual(await everyRow(engine), before);
    assert.deepEqual((await matching(engine.db, [['river'], ['filename', 'u', '2']]).execute()).length, 1);
    const numbers = await sql<{ seq: number }>`SELECT seq FROM sqlite_sequence WHERE name = 'asset'`.execute(engine.db);
    assert.deepEqual(
      numbers.rows.map(({ seq }) => seq),
      [3_000_000_021],
      'the number of a deleted asset is not used again',
    );
  });

  test('is migrated once by processes that start at the same time', async () => {
    const server = await newDatabase();
    const engines = await Promise.all([1, 2, 3].map(() => openEngine({ file: '', server, log })));
    for (const engine of engines) {
      await engine.check();
      await engine[Symbol.asyncDispose]();
    }
    const schema = migrations.length;
    const status = { engine: 'postgresql', place: null, schema, newest: schema, shards: [] };
    assert.deepEqual(await readStatus({ file: '', server }), { ...status, epoch: 0, isSuperseded: false });
  });

  for (const kind of ['server', 'file'] as const) {
    test(`the ${kind} goes back to the schema of an older oxbow and up again, with its rows`, async () => {
      await using folder = await openFolder('schema');
      const file = `${folder.path}/oxbow.db`;
      const server = kind === 'server' ? await newDatabase() : undefined;
      const room = { id: 'r', name: 'Cinema', owner: 'u', visibility: 'public', password: null, capacity: null };
      const open = () => openEngine({ file, server, log });
      {
        await using engine = await open();
        const row = { ...room, state: '{}', created_us: 1, used_us: 1, expires_us: null };
        await engine.db
          .insertInto('room')
          .values({ ...row, options: '{"keepChat":true}', keep_chat: 1 })
          .execute();
      }
      const newest = migrations.length;
      const where = { file, server, signal };
      {
        await using engine = await open();
        const object = { location: 'a', target: 't', key: 'k', size: 1, checksum: '', fence: 1, uploaded_us: 1 };
        await engine.db
          .insertInto('stored_object')
          .values({ ...object, local: 0 })
          .execute();
      }
      await assert.rejects(changeSchema(where, OLDEST_SCHEMA), /moved_files_would_be_lost/);
      {
        await using engine = await open();
        await engine.db.deleteFrom('stored_object').execute();
      }
      assert.deepEqual(await changeSchema(where, OLDEST_SCHEMA), { from: newest, to: OLDEST_SCHEMA });
      assert.equal((await readStatus({ file, server })).schema, OLDEST_SCHEMA);
      await assert.rejects(changeSchema(where, OLDEST_SCHEMA - 1), { code: 'bad-request' });
      await assert.rejects(changeSchema(where, newest + 1), { code: 'bad-request' });
      await using engine = await open();
      const kept = await engine.db.selectFrom('room').select(['name', 'keep_chat']).execute();
      assert.deepEqual(
        kept.map((row) => ({ ...row })),
        [{ name: 'Cinema', keep_chat: 1 }],
      );
    });
  }

  test('of a newer oxbow is refused and left as it is', async () => {
    const server = await newDatabase();
    {
      await using engine = await openEngine({ file: '', server, log });
      await sql`UPDATE oxbow_schema SET version = 999`.execute(engine.db);
    }
    await assert.rejects(openEngine({ file: '', server, log }), { code: 'data-newer' });
  });

  test('limits the time of statements, but not of a copy', async () => {
    const server = await newDatabase();
    for (const [unlimited, expected] of [
      [false, '30s'],
      [true, '0'],
    ] as const) {
      await using engine = await openEngine({ file: '', server, log, unlimited });
      const { rows } = await sql<{ statement_timeout: string }>`SHOW statement_timeout`.execute(engine.db);
      assert.equal(rows[0]!.statement_timeout, expected);
    }
  });

  test('that refuses the user, has no such database or cannot store UTF-8 is an error of the setting', async () => {
    const ofUser = serverAt(`postgres://no-such-user@127.0.0.1:${postgres.port}/postgres`);
    const latin = await postgres.create("template0 ENCODING 'LATIN1'");
    for (const server of [ofUser, serverAt(postgres.url('no_such_database')), serverAt(postgres.url(latin))]) {
      await assert.rejects(openEngine({ file: '', server, log }), { code: 'bad-setting' });
    }
    const server = serverAt('postgres://postgres@127.0.0.1:1/oxbow');
    await assert.rejects(openPostgresEngine({ server, log, onWait, waitMs: 0 }), { code: 'not-ready' });
  });

  test('that was killed and started again is used again; statements in between are refused', async () => {
    await using own = await startPostgres(); // it is killed
    await using engine = await openEngine({ file: '', server: serverAt(own.url('postgres')), log });
    const add = (id: string) => engine.db.insertInto('asset_removed').values({ id, removed_us: 1 }).execute();
    await add('a');
    const torn = engine.db.transaction().execute(async (db) => {
      await db.insertInto('asset_removed').values({ id: 'torn', removed_us: 1 }).execute();
      await own.kill();
      await db.insertInto('asset_removed').values({ id: 'torn2', removed_us: 1 }).execute();
    });
    await assert.rejects(torn, { code: 'not-ready' });
    await assert.rejects(add('b'), { code: 'not-ready' });
    await own.start();
    await add('c');
    const rows = await engine.db.selectFrom('asset_removed').select('id').orderBy('id').execute();
    assert.deepEqual(
      rows.map(({ id }) => id),
      ['a', 'c'],
    );
  });

  test('has one owner: a second process is refused, and what the first writes after its lease was taken is refused', async () => {
    const server = await newDatabase();
    await using folder = await openFolder('owner');
    const open = (name: string, more = {}) =>
      openStore({ file: `${folder.path}/${name}/oxbow.db`, server, log, leaseTtlMs: 1500, ...more });
    let taken = 0;
    await using first = await open('a', { onTaken: () => taken++ });
    await assert.rejects(open('b'), { code: 'data-in-use' });
    const table = new ChunkTable(first.rows);
    const row = {
      stream_id: 's',
      first_msn: 1,
      last_msn: 2,
      start_us: 0,
      end_us: 1,
      path: 'recordings/s/1.mp4',
      size: 1,
      run: 1,
      utc_offset_us: 0,
      run_clock: 'source',
      init_number: 1,
      discontinuity_sequence: 0,
      segment_count: 2,
      absences: '[]',
      incomplete: 0,
      segments: new Uint8Array(1),
    };
    await table.put(row);
    // As a process that was stopped for longer than its lease, and has not noticed.
    await sql`UPDATE lease SET token = token + 1, holder = '{"pid":1,"host":"other"}', expires_us = ${Date.now() * 2000}`.execute(
      first.db,
    );
    await assert.rejects(table.put({ ...row, first_msn: 3 }), { code: 'data-in-use' });
    await assert.rejects(table.remove('s', [1]), { code: 'data-in-use' });
    assert.deepEqual([...(await new ChunkQueries(first.rows).files('s')).firstMsns], [1]);
    await until('the first process knows', () => taken === 1);
  });

  test('reads of the past use the replica while it is current, otherwise the primary', async () => {
    // Its settings, and those of a standby that is killed, are its own.
    await using primary = await startPostgres({ settings: ['wal_level=replica', 'max_wal_senders=4'] });
    await using engine = await openEngine({ file: '', server: serverAt(primary.url('postgres')), log });
    await using standby = await startPostgres({ primary });
    await using pools = new AsyncDisposableStack();
    const poolAt = (url: string) => {
      const pool = new ConnectionPool({ url, max: 2, onWait });
      pools.defer(() => pool.end());
      return pool;
    };
    const pool = poolAt(standby.url('postgres'));
    const replicaDb = createPostgresDb(pool, pool);
    await using replica = openReplica({ primary: engine.db, replica: replicaDb, maxLagMs: 2000, log });
    const portOfRead = () =>
      replica.read(async (db) => {
        const { rows } = await sql<{ port: number }>`SELECT inet_server_port() AS port`.execute(db);
        return rows[0]!.port;
      });
    await until('the replica is current', () => replica.isCurrent);
    assert.equal(await portOfRead(), standby.port);
    await sql`SELECT pg_wal_replay_pause()`.execute(replicaDb);
    await engine.db.insertInto('asset_removed').values({ id: 'x', removed_us: 1 }).execute();
    await until('the replica is behind', () => !replica.isCurrent);
    assert.equal(await portOfRead(), primary.port);
    await sql`SELECT pg_wal_replay_resume()`.execute(replicaDb);
    await until('it has caught up', () => replica.isCurrent);
    await standby.kill();
    assert.equal(await portOfRead(), primary.port, 'a read that fails is tried on the primary');
    await standby.start();
    await until('it is back', () => replica.isCurrent);
  });
});
