/**
 * The rows of streams on several PostgreSQL servers: where they are, who may write them, a server that is
 * lost.
 */
import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { after, before, suite, test } from 'node:test';
import { sql } from 'kysely';
import { ObjectRows } from '../../src/archive/objects/object-rows.ts';
import { VerifiedFiles } from '../../src/features/verify/verified-files.ts';
import { createSilentLog } from '../../src/observe/log.ts';
import { ChunkQueries } from '../../src/recording/chunks/chunk-queries.ts';
import { ChunkTable } from '../../src/recording/chunks/chunk-table.ts';
import { ErasureTable } from '../../src/recording/erase/erasure-table.ts';
import { StatsTable } from '../../src/recording/stats-table.ts';
import { NOTHING_RECORDED } from '../../src/recording/sums/recorded-sums.ts';
import { openEngine, openStore, type Store } from '../../src/store/db.ts';
import { raiseEpoch } from '../../src/store/epoch/epoch-row.ts';
import { readServerFiles } from '../../src/store/indexed-files.ts';
import { copyToFile, copyToServer } from '../../src/store/move.ts';
import { needPostgres, startPostgres } from '../fixtures/engines/postgres.ts';
import { openFolder } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { chunkAt, openShards, rowsIn, type ShardedServers, type ShardedSettings } from './shards.fixture.ts';

const log = createSilentLog();
const NONE = {
  chunk_file: 0,
  date_range: 0,
  retention: 0,
  stats_window: 0,
  init: 0,
  stream_caption: 0,
  evidence_block: 0,
  gap_healing: 0,
};
let servers: ShardedServers;

/** Writes a row without the guards of a store. */
async function copyTo(url: string, row: ReturnType<typeof chunkAt>): Promise<void> {
  const server = { url, replicaUrl: undefined, pool: 2, replicaLag: 2000 };
  await using engine = await openEngine({ file: '', server, log });
  await engine.db.insertInto('chunk_file').values(row).execute();
}

const tablesOf = ({ rows }: Pick<Store, 'rows'>) => ({
  table: new ChunkTable(rows),
  chunks: new ChunkQueries(rows),
  stats: new StatsTable(rows),
});

suite('rows of streams on shards', { skip: needPostgres() }, () => {
  before(async () => {
    servers = await openShards();
  });
  after(() => servers[Symbol.asyncDispose]());

  test('a new stream has its rows where `store.newStreams` says, and an earlier one keeps its place', async () => {
    await using folder = await openFolder('shards');
    const server = await servers.create();
    const file = `${folder.path}/oxbow.db`;
    {
      await using store = await openStore({ file, server: { ...server, shards: {} }, log });
      await tablesOf(store).table.put(chunkAt('early', 1));
    }
    await using store = await openStore({ file, server: { ...server, newStreams: 'b' }, log });
    const { table, chunks, stats } = tablesOf(store);
    for (const n of [1, 2]) {
      await table.put(chunkAt('early', n));
      await table.put(chunkAt('late', n));
    }
    await table.put(chunkAt('late/q-360p', 1));
    await stats.write('late', { startUs: 0, packed: Uint8Array.of(1) });
    await table.remove('late', [1], 5);
    assert.deepEqual(await rowsIn(server.url), { ...NONE, chunk_file: 2 });
    assert.deepEqual(await rowsIn(server.shards.b!), { ...NONE, chunk_file: 2, retention: 1, stats_window: 1 });
    assert.deepEqual([...(await chunks.files('early')).firstMsns], [1, 2]);
    assert.deepEqual([...(await chunks.files('late')).firstMsns], [2]);
    assert.equal(await table.deletedBefore('late'), 5);
    assert.deepEqual(await table.qualitiesOf('late'), ['late/q-360p']);
    assert.equal((await table.totals('late')).bytes, 2);
    assert.equal((await stats.between('late', 0, 1)).length, 1);
    await table.clear('late');
    await stats.clear('late');
    await store.rows.forget('late');
    assert.deepEqual(await rowsIn(server.shards.b!), NONE);
  });

  test('new streams go to the database that has the fewest', async () => {
    await using folder = await openFolder('shards');
    const server = await servers.create();
    await using store = await openStore({
      file: `${folder.path}/oxbow.db`,
      server: { ...server, newStreams: 'fewest' },
      log,
    });
    const { table } = tablesOf(store);
    for (const id of ['s1', 's2', 's3', 's4']) await table.put(chunkAt(id, 1));
    assert.deepEqual(
      [(await rowsIn(server.url)).chunk_file, (await rowsIn(server.shards.b!)).chunk_file],
      [2, 2],
      'two databases with two streams each',
    );
  });

  test('by their weights, if they have some: a database with none gets no new stream', async () => {
    await using folder = await openFolder('shards');
    for (const [weights, expected] of [
      [{ b: 3 }, [2, 6]],
      [{ catalogue: 0 }, [0, 8]],
      [{ b: 0, catalogue: 0 }, [4, 4]],
    ] as const) {
      const server = { ...(await servers.create()), newStreams: 'fewest', weights };
      await using store = await openStore({ file: `${folder.path}/oxbow.db`, server, log });
      const { table } = tablesOf(store);
      for (let n = 1; n <= 8; n++) await table.put(chunkAt(`s${n}`, 1));
      const counts = [(await rowsIn(server.url)).chunk_file, (await rowsIn(server.shards.b!)).chunk_file];
      assert.deepEqual(counts, expected, JSON.stringify(weights));
    }
  });

  test('old rows are read from the replica of the shard while it is current, otherwise from the shard', async () => {
    await using folder = await openFolder('shards');
    await using primary = await startPostgres({ settings: ['wal_level=replica', 'max_wal_senders=4'] });
    const name = await primary.create();
    const b = primary.url(name);
    await using replica = await startPostgres({ primary });
    const shardReplicas = { b: replica.url(name) };
    const server = { ...(await servers.create()), shards: { b }, shardReplicas, newStreams: 'b' };
    await using store = await openStore({ file: `${folder.path}/oxbow.db`, server, log });
    await tablesOf(store).table.put(chunkAt('s', 1));
    const isReplica = async (how: 'read' | 'readPast') =>
      store.rows[how]('s', async (db) => {
        const { rows } = await sql<{ is: boolean }>`SELECT pg_is_in_recovery() AS is`.execute(db);
        return rows[0]!.is;
      });
    await until('the replica is read', () => isReplica('readPast'));
    assert.equal(await isReplica('read'), false);
    await replica.kill();
    await until('the shard is read', () =>
      isReplica('readPast').then(
        (is) => !is,
        () => false,
      ),
    );
  });

  test('a node that was paused writes nothing after another one has claimed its stream', async () => {
    const server = { ...(await servers.create()), newStreams: 'b' };
    await using folders = await openFolder('shards');
    const open = (node: string) =>
      openStore({ file: `${folders.path}/${node}/oxbow.db`, server, log, node, leaseTtlMs: 60_000 });
    await using first = await open('first');
    await using second = await open('second');
    const paused = tablesOf(first);
    await paused.table.put(chunkAt('s', 1));
    // The second node has taken the lease of the first one, which has not noticed.
    await second.db
      .updateTable('lease')
      .set((eb) => ({ token: eb('token', '+', 1), holder: '{}' }))
      .where('name', '=', 'node/first')
      .execute();
    await second.rows.claim('s');
    const refusal = { code: 'data-in-use' };
    await assert.rejects(paused.table.put(chunkAt('s', 2)), refusal);
    await assert.rejects(paused.table.remove('s', [1], 9), refusal);
    await assert.rejects(paused.table.change('s', 1, { size: 9 }), refusal);
    await assert.rejects(paused.stats.write('s', { startUs: 0, packed: Uint8Array.of(1) }), refusal);
    const there = tablesOf(second);
    await there.table.put(chunkAt('s', 3));
    assert.deepEqual([...(await there.chunks.files('s')).firstMsns], [1, 3]);
    assert.equal((await there.chunks.upTo('s', 1))?.size, 1);
  });

  test('two nodes that both hold their leases write one stream in turn', async () => {
    const server = { ...(await servers.create()), newStreams: 'b' };
    await using folders = await openFolder('shards');
    const open = (node: string) => openStore({ file: `${folders.path}/${node}/oxbow.db`, server, log, node });
    await using first = await open('first');
    await using second = await open('second');
    for (let n = 1; n <= 6; n++) await tablesOf(n % 2 ? first : second).table.put(chunkAt('s', n));
    assert.equal((await tablesOf(first).chunks.files('s')).firstMsns.size, 6);
  });

  test('a deletion of a range reaches the rows of a shard, also if the process ended in between', async () => {
    const server = { ...(await servers.create()), newStreams: 'b' };
    await using folder = await openFolder('shards');
    await using store = await openStore({ file: `${folder.path}/oxbow.db`, server, log });
    const { table, chunks } = tablesOf(store);
    for (const n of [1, 2]) await table.put(chunkAt('s', n));
    const erasures = await ErasureTable.open(store);
    const range = { streamId: 's', firstMsn: 1, lastMsn: 1 };
    const about = { stream: 's', fromUs: 0, toUs: 1, createdUs: 1, pieces: [], author: '', recordings: ['s'] };
    const report = { segments: 1, windows: 1, bytes: 1, files: 1, pictures: 0, copies: 0 };
    const things = { clips: [], pins: [], assets: [], exports: [], edges: [] };
    const erasure = await erasures.add({ ...range, ...about, report: Object.assign(report, things), leftOf: () => [] });
    assert.deepEqual([...(await chunks.files('s')).firstMsns], [2]);
    // As after an end before the second database: the work takes them out.
    await table.put(chunkAt('s', 1));
    await erasures.takeOut(['s'], erasure);
    assert.deepEqual([...(await chunks.files('s')).firstMsns], [2]);
  });

  test('the processes of a catalogue write no rows to a shard after another one was promoted in its place', async () => {
    const settings = { ...(await servers.create()), newStreams: 'b' };
    await using folders = await openFolder('shards');
    const promoted = { ...(await servers.create()), shards: settings.shards };
    const open = (name: string, server: ShardedSettings) =>
      openStore({ file: `${folders.path}/${name}/oxbow.db`, server, log });
    await using before = await open('before', settings);
    const old = tablesOf(before);
    await old.table.put(chunkAt('s', 1));
    // The replica has the row of an earlier token: what came after it was lost.
    const row = await before.db.selectFrom('stream_shard').selectAll().executeTakeFirstOrThrow();
    await before.rows.claim('s');
    await before.rows.claim('s');
    {
      await using engine = await openEngine({ file: '', server: promoted, log });
      await engine.db.insertInto('stream_shard').values(row).execute();
      assert.ok(await raiseEpoch(engine.db, { number: 1, isSuperseded: false }, 0));
    }
    await using after = await open('after', promoted);
    await after.rows.claim('s');
    const next = tablesOf(after);
    await next.table.put(chunkAt('s', 2));
    // Its lease is in the old catalogue, and has not been ended.
    await assert.rejects(old.table.put(chunkAt('s', 3)), { code: 'database-superseded' });
    const objects = new ObjectRows(before, () => before.fence);
    const late = objects.change('recordings/s/3.mp4', async () => assert.fail('it writes'));
    await assert.rejects(late, { code: 'database-superseded' });
    await next.table.put(chunkAt('s', 4));
    assert.deepEqual([...(await next.chunks.files('s')).firstMsns], [1, 2, 4]);
  });

  test('a shard that is lost: its streams are not ready, with its name; others are not affected, and a start does not wait', async () => {
    const server = await servers.create();
    await using folder = await openFolder('shards');
    const file = `${folder.path}/oxbow.db`;
    const lost = { code: 'not-ready', message: /"b" of store\.shards/ };
    {
      await using store = await openStore({ file, server: { ...server, newStreams: 'b' }, log });
      const { table, chunks } = tablesOf(store);
      await table.put(chunkAt('far', 1));
      await store.db
        .insertInto('stream_shard')
        .values({
          stream_id: 'near',
          shard: '',
          token: 1,
          moving_to: null,
          held_until_us: 0,
          copies_in: null,
          changed_us: 0,
        })
        .execute();
      await servers.shard.kill();
      await assert.rejects(chunks.files('far'), lost);
      await assert.rejects(table.put(chunkAt('far', 2)), lost);
      await table.put(chunkAt('near', 1));
      assert.deepEqual([...(await chunks.files('near')).firstMsns], [1]);
      await assert.rejects(store.shards[0]!.check(), lost);
      await store.check();
    }
    await using store = await openStore({ file, server, log });
    const { table, chunks } = tablesOf(store);
    assert.deepEqual([...(await chunks.files('near')).firstMsns], [1]);
    await assert.rejects(chunks.files('far'), lost);
    assert.deepEqual(await table.knownTotals('far'), NOTHING_RECORDED);
    const whileLost = await table.allTotals();
    assert.deepEqual([whileLost.isLost('far'), whileLost.isLost('near')], [true, false]);
    assert.deepEqual(whileLost.of('near'), await table.totals('near'));
    await servers.shard.start();
    await until('the shard is used again', () =>
      store.shards[0]!.check().then(
        () => true,
        () => false,
      ),
    );
    assert.deepEqual([...(await chunks.files('far')).firstMsns], [1]);
    await table.put(chunkAt('far', 2));
    const all = await table.allTotals();
    assert.equal(all.isLost('far'), false);
    for (const id of ['far', 'near']) {
      assert.ok(all.of(id).bytes > 0, id);
      assert.deepEqual(all.of(id), await table.totals(id));
    }
  });

  test('a stream whose shard the settings do not have is not ready, with the name', async () => {
    const server = await servers.create();
    await using folder = await openFolder('shards');
    const file = `${folder.path}/oxbow.db`;
    {
      await using store = await openStore({ file, server: { ...server, newStreams: 'b' }, log });
      await tablesOf(store).table.put(chunkAt('s', 1));
    }
    await using store = await openStore({ file, server: { ...server, shards: {} }, log });
    await assert.rejects(tablesOf(store).chunks.files('s'), {
      code: 'not-ready',
      message: /"b".*no shard of this name/,
    });
    await using engine = await openEngine({ file, server: { ...server, url: server.shards.b! }, log });
    assert.equal((await engine.db.selectFrom('chunk_file').select('size').execute()).length, 1);
  });

  test('copies, verifications and the doctor have each stream once, from the database where it is', async () => {
    const server = await servers.create();
    await using folder = await openFolder('shards');
    const file = `${folder.path}/oxbow.db`;
    {
      await using store = await openStore({ file, server, log });
      const { table } = tablesOf(store);
      for (const id of ['a', 'b', 'b/q-360p', 'c']) await table.put(chunkAt(id, 1));
      // Copies that a move has left in the catalogue.
      for (const stream_id of ['b', 'b/q-360p']) await copyTo(server.shards.b!, { ...chunkAt(stream_id, 1), size: 7 });
      await store.db.updateTable('stream_shard').set({ shard: 'b', token: 9 }).where('stream_id', '=', 'b').execute();
      await store.rows.claim('b');
      const files = new VerifiedFiles(store);
      const ids: string[] = [];
      for (let id = await files.recordingAfter(''); id !== undefined; id = await files.recordingAfter(id)) ids.push(id);
      assert.deepEqual(ids, ['a', 'b', 'b/q-360p', 'c']);
      assert.equal(await files.totalBytes(), 16);
      assert.equal(await new VerifiedFiles(store, { streamId: 'b' }).totalBytes(), 14);
    }
    assert.equal((await readServerFiles(server))!.length, 4);
    const at = `${folder.path}/copied`;
    await mkdir(at);
    const { rows } = await copyToFile({ file: `${at}/oxbow.db`, server, signal: new AbortController().signal }, 0);
    assert.equal(rows.get('chunk_file'), 4);
    {
      await using engine = await openEngine({ file: `${at}/oxbow.db`, log });
      const sizes = await engine.db
        .selectFrom('chunk_file')
        .select(['stream_id', 'size'])
        .orderBy('stream_id')
        .execute();
      assert.deepEqual(
        sizes.map(({ size }) => size),
        [1, 7, 7, 1],
      );
    }
    await assert.rejects(
      copyToFile(
        { file: `${at}/oxbow.db`, server: { ...server, shards: {} }, signal: new AbortController().signal },
        0,
      ),
      { code: 'not-ready', message: /"b"/ },
    );
    // Back on a server, all rows are in its catalogue.
    const back = { ...(await servers.create()), shards: server.shards };
    await copyToServer({ file: `${at}/oxbow.db`, server: back, overwrite: true, signal: new AbortController().signal });
    await using store = await openStore({ file, server: back, log });
    assert.equal((await tablesOf(store).table.totals('b')).bytes, 14);
    await tablesOf(store).table.put(chunkAt('b', 2));
    assert.equal((await rowsIn(back.url)).chunk_file, 5);
  });
});
