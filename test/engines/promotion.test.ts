/**
 * A replica of PostgreSQL is promoted while the old primary and its node still run: the promoted database
 * continues, and what the old node writes late is refused.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { sql } from 'kysely';
import pg from 'pg';
import type { PastEventsView } from '../../src/api/past-events.ts';
import { startS3 } from '../../src/archive/objects/object-servers.fixture.ts';
import { createSilentLog } from '../../src/observe/log.ts';
import { ChunkTable } from '../../src/recording/chunks/chunk-table.ts';
import { openEngine, openStore } from '../../src/store/db.ts';
import { readEpoch } from '../../src/store/epoch/epoch-row.ts';
import { promoteServer } from '../../src/store/epoch/promote.ts';
import { soleRows } from '../../src/store/shards/stream-rows.ts';
import { needPostgres, type PostgresServer, startPostgres } from '../fixtures/engines/postgres.ts';
import { openRedisKeys } from '../fixtures/engines/redis.ts';
import { openTcpProxy } from '../fixtures/engines/tcp-proxy.ts';
import { freePort } from '../fixtures/free-port.ts';
import { need } from '../fixtures/need.ts';
import { openFolder, runOxbow, type Server, smallPicture, startPlainServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { fullTest } from '../full.ts';

const log = createSilentLog();
const { signal } = new AbortController();
const adminToken = 'let-me-in-please';
const serverAt = (url: string) => ({ url, replicaUrl: undefined, pool: 4, replicaLag: 2000 });
const databaseOf = (postgres: PostgresServer) => serverAt(postgres.url('postgres'));

/** A row of the index, by its first number. */
const chunkRow = (msn: number) => ({
  stream_id: 's',
  first_msn: msn,
  last_msn: msn,
  start_us: msn,
  end_us: msn + 1,
  path: `recordings/s/${msn}.mp4`,
  size: 1,
  run: 1,
  run_clock: 'source',
  init_number: 1,
  discontinuity_sequence: 0,
  segment_count: 1,
  absences: '[]',
  incomplete: 0,
  segments: new Uint8Array(1),
  utc_offset_us: 0,
});

interface Printed {
  readonly epoch: number;
  readonly wasReplica: boolean;
  readonly lostS: number | undefined;
  readonly notified: readonly { readonly name: string; readonly problem: string }[];
}

/** Runs `oxbow db promote`. */
async function promote(args: readonly string[]): Promise<Printed> {
  const said = await runOxbow(['db', 'promote', '--json', ...args]);
  assert.equal(said.code, 0, said.stderr);
  return JSON.parse(said.stdout) as Printed;
}

suite('the promotion of a replica', { skip: needPostgres() || need('redis-server') }, () => {
  test('refuses guarded writes from before, and an old primary that answers loses nothing', async () => {
    await using folder = await openFolder('promotion');
    await using primary = await startPostgres({ isRewindable: true });
    const open = (name: string, postgres: PostgresServer) =>
      openStore({ file: `${folder.path}/${name}/oxbow.db`, server: databaseOf(postgres), log, leaseTtlMs: 60_000 });
    await using old = await open('old', primary);
    await using replica = await startPostgres({ primary, isRewindable: true });
    const before = new ChunkTable(old.rows);
    await before.put(chunkRow(1));
    const { promotion } = await promoteServer({
      server: databaseOf(replica),
      old: databaseOf(primary),
      seen: 6,
      nowMs: Date.now,
      signal,
    });
    assert.deepEqual([promotion.epoch, promotion.wasReplica, promotion.missingBytes, promotion.lostS], [7, true, 0, 0]);
    await assert.rejects(before.put(chunkRow(2)), { code: 'data-in-use' }, 'at the old primary');
    await using engine = await openEngine({ file: '', server: databaseOf(replica), log });
    const late = new ChunkTable(soleRows(engine.db, () => old.fence));
    await assert.rejects(late.put(chunkRow(3)), { code: 'data-in-use' }, 'at the promoted one');
    await using next = await open('next', replica);
    await new ChunkTable(next.rows).put(chunkRow(4));
    const rows = await engine.db.selectFrom('chunk_file').select('first_msn').orderBy('first_msn').execute();
    assert.deepEqual(
      rows.map(({ first_msn }) => first_msn),
      [1, 4],
    );
    await using oldEngine = await openEngine({ file: '', server: databaseOf(primary), log });
    assert.deepEqual(await readEpoch(oldEngine.db), { number: 7, isSuperseded: true });
    assert.deepEqual(await readEpoch(engine.db), { number: 7, isSuperseded: false });
    await oldEngine.db.insertInto('asset_removed').values({ id: 'late', removed_us: 1 }).execute();
    await oldEngine[Symbol.asyncDispose]();
    await primary.rejoin(replica);
    await using rejoined = await openEngine({ file: '', server: databaseOf(replica), log });
    await rejoined.db.insertInto('asset_removed').values({ id: 'after', removed_us: 1 }).execute();
    const follower = serverAt(primary.url('postgres'));
    await using engineOfOld = await openEngine({ file: '', server: follower, log });
    const ids = async () => {
      const removed = await engineOfOld.db.selectFrom('asset_removed').select('id').orderBy('id').execute();
      return removed.map(({ id }) => id);
    };
    await until('the old primary follows', async () => (await ids()).includes('after'));
    assert.deepEqual(await ids(), ['after'], 'its own late row is gone');
  });

  test('while its region is cut off: the other records on, and the returned node ends without a late write', async (t) => {
    await using opened = new AsyncDisposableStack();
    const folder = opened.use(await openFolder('regions'));
    const primary = opened.use(await startPostgres());
    const bucket = opened.use(await startS3());
    const client = opened.use(await bucket.client());
    const secret = randomBytes(24).toString('hex');
    // The ways of the first region to the bucket, and of others to its node.
    const toBucket = opened.use(await openTcpProxy(bucket.port));
    const ports = { a: await freePort(), b: await freePort() };
    const toA = opened.use(await openTcpProxy(ports.a));
    const start = async (name: 'a' | 'b', postgres: PostgresServer, bucketPort: number) => {
      const redis = opened.use(await openRedisKeys());
      const config = join(folder.path, `${name}.json`);
      const settings = {
        store: { url: postgres.url('postgres') },
        redis: { url: redis.url, prefix: redis.prefix },
        cluster: {
          enabled: true,
          node: name,
          url: `http://127.0.0.1:${name === 'a' ? toA.port : ports.b}`,
          secret,
          takeover: '4s',
        },
        storage: { targets: { archive: bucket.target(bucketPort) }, target: 'archive', mode: 'copy', after: '0s' },
      };
      await writeFile(config, JSON.stringify(settings));
      const how = { data: join(folder.path, name), http: `127.0.0.1:${ports[name]}`, adminToken, sample: false };
      return { config, begin: () => startPlainServer({ ...how, args: ['--config', config, ...smallPicture] }) };
    };
    const regionOne = await start('a', primary, toBucket.port);
    const a = opened.use(await regionOne.begin());
    const body = JSON.stringify({ name: 'cam', source: { type: 'test' } });
    const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body };
    assert.equal((await a.fetch('/api/v1/streams', init)).status, 201);
    await a.stream('cam', 'live');
    await until('it is recorded', async () => (await a.timeline('cam')).spans.length > 0);
    const replica = opened.use(await startPostgres({ primary }));
    const replicated = opened.use(await openEngine({ file: '', server: databaseOf(replica), log }));
    await until('the replica follows', async () => {
      const { rows } = await sql<{ at: unknown }>`SELECT pg_last_xact_replay_timestamp() AS at`.execute(replicated.db);
      return rows[0]!.at !== null;
    });
    const past = (server: Server, since: string) => server.fetch(`/api/v1/events?since=${encodeURIComponent(since)}`);
    const began = new Date(Date.now() - 60_000).toISOString();
    const { next: cursor } = (await (await past(a, began)).json()) as PastEventsView;
    toBucket.cut();
    toA.cut();
    const regionTwo = await start('b', replica, bucket.port);
    const result = await promote(['--config', regionTwo.config]);
    t.diagnostic(JSON.stringify(result));
    assert.deepEqual([result.epoch, result.wasReplica], [1, true]);
    assert.ok(result.lostS !== undefined && result.lostS >= 0);
    assert.deepEqual(
      result.notified.map(({ name, problem }) => [name, problem === '']),
      [
        ['bucket archive', true],
        ['node a', false],
      ],
    );
    const b = opened.use(await regionTwo.begin());
    await b.stream('cam', 'live');
    const refused = await past(b, cursor);
    const problem = (await refused.json()) as { readonly code: string; readonly oldest: string };
    assert.deepEqual([refused.status, problem.code], [410, 'events-gone'], 'the old node may have had events after it');
    const page = (await (await past(b, problem.oldest)).json()) as PastEventsView;
    assert.ok(page.lost > 0);
    assert.ok(
      page.items.some(({ type }) => type === 'stream.created'),
      'what the replica had is kept',
    );
    const fromMs = Date.now();
    await until('the new node records on', async () => {
      const { spans } = await b.timeline('cam');
      return spans.some(({ to }) => Date.parse(to) > fromMs);
    });
    assert.equal((await a.stream('cam')).state, 'live', 'the old node cannot know it');
    // Its file is complete, and waits for the bucket.
    assert.ok((await a.fetch('/api/v1/streams/cam/stop', { method: 'POST' })).ok);
    await a.stream('cam', 'stopped');
    const keys = async () => (await Array.fromAsync(client.list(''))).map(({ key }) => key);
    const stored = await keys();
    toBucket.restore();
    await a.closed;
    assert.match(a.stderr, /another database was promoted; this process stops writing and ends/);
    assert.deepEqual(await keys(), stored, 'the old node has written nothing late');
    const again = await runOxbow(['serve', '--data', join(folder.path, 'a'), '--config', regionOne.config]);
    assert.equal(again.code, 1, again.stderr);
    assert.match(again.stderr, /The database has epoch 1, and was replaced by a promoted one/);
    const status = await runOxbow(['db', 'status', '--config', regionOne.config]);
    assert.match(status.stdout, /, epoch 1\n {2}Another database was promoted in place of this one\.\n$/);
    await b.stream('cam', 'live');
  });

  fullTest(
    'reaches nodes that have no bucket: one is notified by the command, another by the peer of its settings',
    async () => {
      await using opened = new AsyncDisposableStack();
      const folder = opened.use(await openFolder('peers'));
      const primary = opened.use(await startPostgres());
      const secret = randomBytes(24).toString('hex');
      const port = { a: await freePort(), b: await freePort() };
      const start = async (node: 'a' | 'b', postgres: PostgresServer, peers: readonly string[] = []) => {
        const redis = opened.use(await openRedisKeys());
        const settings = {
          store: { url: postgres.url('postgres') },
          redis: { url: redis.url, prefix: redis.prefix },
          cluster: { enabled: true, node, url: `http://127.0.0.1:${port[node]}`, secret, peers },
        };
        const config = join(folder.path, `${node}.json`);
        await writeFile(config, JSON.stringify(settings));
        const args = ['--data', join(folder.path, node), '--config', config];
        const http = `127.0.0.1:${port[node]}`;
        return {
          config,
          args,
          begin: () =>
            startPlainServer({
              data: join(folder.path, node),
              http,
              args: ['--config', config],
              adminToken,
              sample: false,
            }),
        };
      };
      const a = await (await start('a', primary)).begin();
      opened.use(a);
      const replica = opened.use(await startPostgres({ primary }));
      // As one that was left behind: it was promoted by hand, and does not know of the other.
      const stale = opened.use(await startPostgres({ primary }));
      const client = new pg.Client({ connectionString: stale.url('postgres') });
      await client.connect();
      await client.query('SELECT pg_promote()');
      await client.end();
      const regionTwo = await start('b', replica);
      const { epoch, notified } = await promote(['--config', regionTwo.config]);
      assert.deepEqual([epoch, notified], [1, [{ name: 'node a', problem: '' }]]);
      await a.closed;
      assert.match(a.stderr, /the node db-promote has epoch 1: a database was promoted since/);
      {
        await using engine = await openEngine({ file: '', server: databaseOf(primary), log });
        assert.deepEqual(await readEpoch(engine.db), { number: 1, isSuperseded: true });
      }
      opened.use(await regionTwo.begin());
      const left = await start('a', stale, [`b=http://127.0.0.1:${port.b}`]);
      const refused = await runOxbow(['serve', ...left.args]);
      assert.equal(refused.code, 1, refused.stderr);
      assert.match(refused.stderr, /epoch 0 of its database, and the node b has epoch 1/);
    },
  );
});
