/**
 * The index of objects in buckets on several PostgreSQL servers: the rows of a recording are where its stream
 * is, move with it, also when the move is killed, and are deleted once.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { after, before, suite, test } from 'node:test';
import { promisify } from 'node:util';
import { ObjectDeletions } from '../../src/archive/objects/object-deletions.ts';
import { ObjectRows } from '../../src/archive/objects/object-rows.ts';
import { ObjectUploads } from '../../src/archive/objects/object-uploads.ts';
import { StoredObjects } from '../../src/archive/objects/stored-objects.ts';
import { segmentLocation, segmentPrefix } from '../../src/archive/segment-store.ts';
import { createSystemClock } from '../../src/lib/clock.ts';
import { createSilentLog } from '../../src/observe/log.ts';
import { ChunkQueries } from '../../src/recording/chunks/chunk-queries.ts';
import { ChunkTable } from '../../src/recording/chunks/chunk-table.ts';
import { Candidates } from '../../src/recording/offload/candidates.ts';
import { openEngine, openStore, type Store } from '../../src/store/db.ts';
import { readServerFiles } from '../../src/store/indexed-files.ts';
import { copyToFile, copyToServer } from '../../src/store/move.ts';
import { readAllDiffering } from '../../src/store/reading/recount.ts';
import { moveStream } from '../../src/store/shards/move-stream.ts';
import { openDatabases } from '../../src/store/shards/open-databases.ts';
import { needPostgres } from '../fixtures/engines/postgres.ts';
import { openFolder } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { lastOf } from '../full.ts';
import { chunkAt, openShards, type ShardedServers, type ShardedSettings } from './shards.fixture.ts';

const log = createSilentLog();
const clock = createSystemClock();
const { signal } = new AbortController();
/** Steps of a move after which its process is killed; test/engines/move-stream.test.ts has each of them. */
const killedAt = lastOf(3, ['begun', 'copied', 'held', 'equal', 'switched', 'cleaning', 'cleaned']);
const TABLES = ['stored_object', 'object_upload', 'object_deletion'] as const;
let servers: ShardedServers;

function indexOf(store: Store) {
  const nowUs = () => Math.round(clock.nowMs() * 1000);
  const rows = new ObjectRows(store, () => store.fence);
  const deletions = new ObjectDeletions(rows, nowUs);
  const uploads = new ObjectUploads(rows, nowUs, deletions);
  const objects = new StoredObjects(rows, nowUs, deletions);
  return { deletions, uploads, objects };
}

type Index = ReturnType<typeof indexOf>;

/** Location of file `n` of a stream: ten are in one folder. */
const at = (streamId: string, n: number) =>
  segmentLocation(`recordings/${streamId}/${String(Math.floor(n / 10)).padStart(4, '0')}/${n}.mp4`);

/** Uploads a file of ten bytes, as the offloader does. */
async function upload({ uploads, objects }: Index, location: ReturnType<typeof at>): Promise<boolean> {
  const { key } = await uploads.begin(location, 'bucket', `1/${location}`);
  await uploads.save(location, { uploadId: 'u', partBytes: 10, parts: [] });
  return objects.commit({ location, target: 'bucket', key, size: 10, checksum: 'c' });
}

const streamRow = (id: string) => ({
  id,
  name: id,
  source: '{"type":"test"}',
  origin: 'api' as const,
  title: '',
  description: '',
  record: 1,
  keep_ms: null,
  visibility: 'public' as const,
  visibility_set: 0,
  created_us: 1,
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
});

/** Number of rows of files in a database. */
async function countIn(url: string): Promise<readonly number[]> {
  const server = { url, replicaUrl: undefined, pool: 2, replicaLag: 2000 };
  await using engine = await openEngine({ file: '', server, log });
  const counts: number[] = [];
  for (const table of TABLES) counts.push((await engine.db.selectFrom(table).select('target').execute()).length);
  return counts;
}

async function move(server: ShardedSettings, to: string) {
  await using databases = await openDatabases(server, signal);
  const { catalogue, databaseOf } = databases;
  return await moveStream({ catalogue, databaseOf, streamId: 's', to, clock, signal, graceMs: 0 });
}

suite('the index of objects on shards', { skip: needPostgres() }, () => {
  before(async () => {
    servers = await openShards();
  });
  after(() => servers[Symbol.asyncDispose]());

  test('the rows of a recording are with its stream, those of the library in the catalogue; lists have all', async () => {
    await using folder = await openFolder('objects');
    const server = { ...(await servers.create()), newStreams: 'b' };
    const file = `${folder.path}/oxbow.db`;
    {
      await using store = await openStore({ file, server: { ...server, newStreams: 'catalogue' }, log });
      assert.ok(await upload(indexOf(store), at('near', 1)));
    }
    await using store = await openStore({ file, server, log });
    const index = indexOf(store);
    const { objects, deletions } = index;
    const asset = segmentLocation('assets/a1/original');
    const quality = segmentLocation('recordings/far/q-360p/0000/1.mp4');
    for (const location of [at('far', 1), at('far', 2), at('far', 11), quality, asset])
      assert.ok(await upload(index, location));
    assert.deepEqual(await countIn(server.url), [2, 0, 0]);
    assert.deepEqual(await countIn(server.shards.b!), [4, 0, 0]);
    assert.equal((await objects.find(at('far', 2)))?.size, 10);
    assert.deepEqual(await objects.folders(segmentPrefix('recordings')), ['far', 'near']);
    assert.deepEqual(await objects.folders(segmentPrefix('recordings/far')), ['0000', '0001', 'q-360p']);
    const listed = await Array.fromAsync(objects.list(segmentPrefix('recordings')));
    assert.deepEqual(listed, [at('far', 1), at('far', 2), at('far', 11), quality, at('near', 1)]);
    const here = [at('near', 1), asset, at('far', 11), at('far', 3)];
    assert.deepEqual([...(await objects.targetsOf(here)).keys()].sort(), [asset, at('far', 11), at('near', 1)].sort());
    assert.equal((await objects.local('')).length, 6);
    await objects.movedAway(at('far', 1));
    assert.equal((await objects.local('')).length, 5);
    assert.deepEqual([...(await objects.totals())], [['bucket', { count: 6, bytes: 60 }]]);
    assert.equal((await objects.byKey('bucket', `1/${at('far', 2)}`))?.location, at('far', 2));
    await new ChunkTable(store.rows).put({ ...chunkAt('far', 1), path: at('far', 1) });
    await new ChunkTable(store.rows).put({ ...chunkAt('far', 3), path: at('far', 3) });
    assert.deepEqual(await readServerFiles(server), [at('far', 3)], 'the doctor knows what is in a bucket');
    assert.deepEqual(await readAllDiffering(store.rows), []);

    assert.equal((await objects.remove(segmentPrefix('recordings/far'))).length, 4);
    await objects.remove(asset);
    assert.deepEqual(await countIn(server.shards.b!), [0, 0, 4]);
    assert.equal(await deletions.count(), 5);
    const due = await deletions.due(10, 'bucket');
    assert.deepEqual(due.map(({ database }) => database).sort(), ['', 'b', 'b', 'b', 'b']);
    for (const one of due) await deletions.deleted(one);
    assert.deepEqual([await deletions.count(), await deletions.due(10)], [0, []]);
    await objects.keepOnly(new Set());
    assert.ok(await objects.isEmpty());
  });

  test('they move with it while files are uploaded, moved and deleted; killed after each step, nothing is lost', async (t) => {
    const server = await servers.create();
    await using folder = await openFolder('objects');
    await using store = await openStore({ file: `${folder.path}/oxbow.db`, server, log });
    const index = indexOf(store);
    const { objects, uploads, deletions } = index;
    await upload(index, at('other', 1));
    let isEnding = false;
    let last = 0;
    t.after(() => {
      isEnding = true;
    });
    const written = (async () => {
      for (; !isEnding; last++) {
        const n = last + 1;
        assert.ok(await upload(index, at('s', n)));
        await objects.movedAway(at('s', n));
        if (n % 10 === 0) await objects.remove(at('s', n - 5));
        if (n % 7 === 0) await uploads.begin(at('s', 100_000 + n), 'bucket', `1/${at('s', 100_000 + n)}`);
      }
    })();
    await until('objects are uploaded', () => last > 20);
    const script = new URL('./killed-move.fixture.ts', import.meta.url).pathname;
    for (const step of killedAt) {
      const args = [script, JSON.stringify(server), 's', 'b', step];
      await assert.rejects(promisify(execFile)(process.execPath, args), { signal: 'SIGKILL' }, step);
      const before = last;
      await until(`objects are uploaded after ${step}`, () => last > before + 3);
    }
    await move(server, 'b');
    isEnding = true;
    await written;
    const expected = Array.from({ length: last }, (_, i) => i + 1).filter((n) => n % 10 !== 5 || n + 5 > last);
    const listed = await Array.fromAsync(objects.list(segmentPrefix('recordings/s')));
    assert.deepEqual(listed, expected.map((n) => at('s', n)).sort());
    assert.deepEqual(
      (await objects.local('')).map(({ location }) => location),
      [at('other', 1)],
    );
    assert.equal((await uploads.all()).length, Math.floor(last / 7));
    const removed = Math.floor(last / 10);
    const doomed = (await deletions.due(10_000)).map(({ key }) => key);
    assert.equal(new Set(doomed).size, doomed.length, 'each object waits once');
    assert.equal(doomed.length, removed);
    const [catalogue, shard] = [await countIn(server.url), await countIn(server.shards.b!)];
    assert.deepEqual(catalogue.slice(0, 2), [1, 0], 'no copies are left');
    assert.deepEqual(shard.slice(0, 2), [expected.length, Math.floor(last / 7)]);
    assert.ok(catalogue[2]! > 0 && shard[2]! > 0, 'deletions stay where they are');
    assert.deepEqual(await readAllDiffering(store.rows), []);
    assert.deepEqual(
      [...(await objects.totals()).values()],
      [{ count: expected.length + 1, bytes: 10 * (expected.length + 1) }],
    );
  });

  test('a key whose deletion waits in the database of before is not used again', async () => {
    const server = await servers.create();
    await using folder = await openFolder('objects');
    await using store = await openStore({ file: `${folder.path}/oxbow.db`, server, log });
    const index = indexOf(store);
    await upload(index, at('s', 1));
    await index.objects.remove(at('s', 1));
    await move(server, 'b');
    await upload(index, at('s', 1));
    const { key } = (await index.objects.find(at('s', 1)))!;
    const [due] = await index.deletions.due(10);
    assert.equal(due!.database, '');
    assert.notEqual(key, due!.key);
    assert.ok(key.startsWith(`${due!.key}~`), key);
  });

  test('a node that was paused commits no object after another one has claimed its stream', async () => {
    const server = { ...(await servers.create()), newStreams: 'b' };
    await using folders = await openFolder('objects');
    const open = (node: string) =>
      openStore({ file: `${folders.path}/${node}/oxbow.db`, server, log, node, leaseTtlMs: 60_000 });
    await using first = await open('first');
    await using second = await open('second');
    const paused = indexOf(first);
    const { key } = await paused.uploads.begin(at('s', 1), 'bucket', '1/k');
    await second.db
      .updateTable('lease')
      .set((eb) => ({ token: eb('token', '+', 1), holder: '{}' }))
      .where('name', '=', 'node/first')
      .execute();
    await second.rows.claim('s');
    const object = { location: at('s', 1), target: 'bucket', key, size: 1, checksum: '' };
    const refusal = { code: 'data-in-use' };
    await assert.rejects(paused.objects.commit(object), refusal);
    await assert.rejects(paused.objects.remove(at('s', 1)), refusal);
    await assert.rejects(paused.uploads.giveUp(at('s', 1)), refusal);
    assert.equal(await indexOf(second).objects.find(at('s', 1)), undefined);
    await indexOf(second).uploads.giveUp(at('s', 1));
    assert.equal(await indexOf(second).deletions.count(), 1);
  });

  test('two nodes that both hold their leases upload files of one stream in turn', async () => {
    const server = { ...(await servers.create()), newStreams: 'b' };
    await using folders = await openFolder('objects');
    const open = (node: string) => openStore({ file: `${folders.path}/${node}/oxbow.db`, server, log, node });
    await using first = await open('first');
    await using second = await open('second');
    const indices = [indexOf(first), indexOf(second)];
    for (let n = 1; n <= 6; n++) assert.ok(await upload(indices[n % 2]!, at('s', n)));
    // At the same time, on both: each takes the token from the other.
    await Promise.all([7, 8, 9, 10].map((n) => upload(indices[n % 2]!, at('s', n))));
    const listed = await Array.fromAsync(indices[0]!.objects.list(segmentPrefix('recordings/s')));
    assert.equal(listed.length, 10);
  });

  test('a backup has each row once; restored, each stream is where it was, and nothing else is left there', async () => {
    const server = await servers.create();
    await using folder = await openFolder('objects');
    {
      await using store = await openStore({ file: `${folder.path}/oxbow.db`, server, log });
      const index = indexOf(store);
      for (const id of ['s', 'other']) await store.db.insertInto('stream').values(streamRow(id)).execute();
      for (const n of [1, 2, 3]) await upload(index, at('s', n));
      await upload(index, at('other', 1));
      await new ChunkTable(store.rows).put(chunkAt('s', 1));
      await index.objects.remove(at('s', 1));
      await move(server, 'b');
      await store.rows.claim('s'); // the copies are deleted at once here: read where the stream is now
      await index.objects.remove(at('s', 2));
      // Copies that a move has left in the catalogue.
      const left = (await index.objects.find(at('s', 3)))!;
      await store.db.insertInto('stored_object').values(left).execute();
      assert.equal((await Array.fromAsync(index.objects.list(segmentPrefix('recordings')))).length, 2);
    }
    const target = `${folder.path}/copied`;
    await mkdir(target);
    const file = `${target}/oxbow.db`;
    const { rows } = await copyToFile({ file, server, signal }, 0);
    assert.deepEqual(
      TABLES.map((table) => rows.get(table)),
      [2, 0, 2],
    );
    {
      // After the backup: what is queued now must not delete what the backup names.
      await using store = await openStore({ file: `${folder.path}/oxbow.db`, server, log });
      const index = indexOf(store);
      await index.objects.remove(at('s', 3));
      await upload(index, at('s', 4));
      await new ChunkTable(store.rows).put(chunkAt('s', 2));
    }
    await copyToServer({ file, server, overwrite: true, signal });
    assert.deepEqual(await countIn(server.url), [1, 0, 2]);
    assert.deepEqual(await countIn(server.shards.b!), [1, 0, 0]);
    await using store = await openStore({ file: `${folder.path}/oxbow.db`, server, log });
    const index = indexOf(store);
    assert.deepEqual(await Array.fromAsync(index.objects.list(segmentPrefix('recordings'))), [
      at('other', 1),
      at('s', 3),
    ]);
    assert.deepEqual([...(await new ChunkQueries(store.rows).files('s')).firstMsns], [1]);
    assert.ok(await upload(index, at('s', 5)), 'it is written as before');
    assert.equal((await countIn(server.shards.b!))[0], 2);
    assert.deepEqual(await readAllDiffering(store.rows), []);
    // On other servers, new places count.
    const other = { ...(await servers.create()), newStreams: 'b' };
    await copyToServer({ file, server: other, overwrite: true, signal });
    assert.deepEqual([(await countIn(other.url))[0], (await countIn(other.shards.b!))[0]], [0, 2]);
    // That shard is in use now, by a catalogue that is not this one.
    const foreign = { ...(await servers.create()), shards: other.shards, newStreams: 'b' };
    await copyToServer({ file, server: foreign, overwrite: true, signal });
    assert.deepEqual([(await countIn(foreign.url))[0], (await countIn(other.shards.b!))[0]], [2, 2]);
  });

  test('while a shard is lost, objects of others are uploaded and deleted, and its own wait', async () => {
    const server = { ...(await servers.create()), newStreams: 'b' };
    await using folder = await openFolder('objects');
    await using store = await openStore({ file: `${folder.path}/oxbow.db`, server, log });
    const index = indexOf(store);
    await upload(index, at('far', 1));
    await servers.shard.kill();
    try {
      const lost = { code: 'not-ready', message: /"b" of store\.shards/ };
      await assert.rejects(upload(index, at('far', 2)), lost);
      const asset = segmentLocation('assets/a1/original');
      assert.ok(await upload(index, asset));
      await index.objects.remove(asset);
      const due = await index.deletions.due(10);
      assert.equal(due.length, 1);
      for (const one of due) await index.deletions.deleted(one);
      assert.equal(await index.deletions.count(), 0);
      assert.equal(await index.objects.isEmpty(), false, 'it may have some');
      const candidates = new Candidates(store, index.objects);
      assert.deepEqual(await candidates.ofIdentity('far'), [], 'others are searched');
      assert.deepEqual(await candidates.ofRecording('far', { beforeUs: Number.MAX_SAFE_INTEGER, limit: 9 }), []);
    } finally {
      await servers.shard.start();
    }
    await until('the shard is used again', () =>
      index.objects.targetsOf([at('far', 1)]).then(
        (targets) => targets.size === 1,
        () => false,
      ),
    );
  });
});
