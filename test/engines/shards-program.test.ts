/**
 * oxbow with two streams on two PostgreSQL servers: a move while both record, a backup, and the loss of one
 * server.
 */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { suite, test } from 'node:test';
import { needPostgres } from '../fixtures/engines/postgres.ts';
import { openFolder, runOxbow, type Server, smallPicture, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { openShards, rowsIn, type ShardedSettings } from './shards.fixture.ts';

const adminToken = 'a-token-for-the-tests';

const json = (server: Server, path: string, method: string, body?: object) =>
  server.fetch(`/api/v1${path}`, {
    method,
    headers: { 'content-type': 'application/json' },
    ...(body && { body: JSON.stringify(body) }),
  });

/** Ends the open file, so that it has a row. */
async function seal(server: Server, name: string): Promise<void> {
  assert.ok((await json(server, `/streams/${name}`, 'PATCH', { record: false })).ok);
  assert.ok((await json(server, `/streams/${name}`, 'PATCH', { record: true })).ok);
}

const farTimeline = () => `/api/v1/streams/far/timeline?from=${Math.floor(Date.now() / 1000) - 3600}`;
const spansOf = async (server: Server, name: string) => (await server.timeline(name)).spans.length;

async function addStreams(server: Server): Promise<void> {
  for (const name of ['near', 'far']) {
    const answer = await json(server, '/streams', 'POST', { name, source: { type: 'test' } });
    assert.equal(answer.status, 201);
    await server.stream(name, 'live');
  }
}

async function assertLost(server: Server): Promise<void> {
  await until('health names the shard', async () => {
    const { checks } = (await (await server.fetch('/health')).json()) as { checks: { name: string; status: string }[] };
    assert.equal(checks.find(({ name }) => name === 'database')!.status, 'ok');
    return checks.find(({ name }) => name === 'database b')!.status === 'degraded';
  });
  const answer = await server.fetch(farTimeline());
  const text = await answer.text();
  assert.equal(answer.status, 503, text);
  assert.match(text, /\\"b\\" of store\.shards/);
  assert.ok((await spansOf(server, 'near')) > 0);
  const list = (await (await server.fetch('/api/v1/streams')).json()) as { items: { name: string }[] };
  assert.deepEqual(list.items.map(({ name }) => name).sort(), ['far', 'near']);
}

suite('oxbow with a shard', { skip: needPostgres() }, () => {
  test('moves a stream while it records, backs up both databases, and runs without the shard', async () => {
    await using servers = await openShards();
    await using folder = await openFolder('shards-program');
    const settings: ShardedSettings = await servers.create();
    const data = `${folder.path}/data`;
    const file = ['--config', `${folder.path}/oxbow.yaml`];
    const { url, shards } = settings;
    await writeFile(file[1]!, JSON.stringify({ data, hls: { segmentDuration: '1s' }, store: { url, shards } }));
    const args = [...smallPicture, ...file];
    const run = async (...verb: readonly string[]) => {
      const { code, stdout, stderr } = await runOxbow([...verb, ...file, '--json']);
      assert.equal(code, 0, stderr);
      return JSON.parse(stdout);
    };
    const start = () => startServer({ data, args, adminToken, sample: false });
    {
      await using server = await start();
      await addStreams(server);
      for (const name of ['near', 'far']) {
        await until(`${name} is recorded`, async () => (await spansOf(server, name)) > 0);
        await seal(server, name);
      }
      await until('both have rows', async () => (await rowsIn(settings.url)).chunk_file === 2);
      const { from, to, rows } = await run('db', 'move-stream', 'far', '--to', 'b');
      assert.deepEqual([from, to, rows.chunk_file >= 1], ['catalogue', 'b', true]);
      await seal(server, 'far');
      await until('what is recorded now is there', async () => (await rowsIn(settings.shards.b!)).chunk_file >= 2);
      const before = await rowsIn(settings.url);
      await seal(server, 'near');
      await until('the other stream stays', async () => (await rowsIn(settings.url)).chunk_file > before.chunk_file);
      const [shard] = (await run('db', 'status')).shards;
      assert.deepEqual([shard.name, shard.streams], ['b', 1]);
      const backup = await run('backup', '-o', `${folder.path}/copy.db`);
      const both = [await rowsIn(settings.url), await rowsIn(settings.shards.b!)];
      const files = both.reduce((sum, { chunk_file }) => sum + chunk_file, 0);
      assert.equal(backup.recordings.files, files);
      await servers.shard.kill();
      await assertLost(server);
      const live = await server.bytes('/live/far/index.m3u8');
      assert.match(Buffer.from(live).toString(), /#EXTM3U/, 'viewers notice nothing');
      await server.stop('SIGKILL');
    }
    await using server = await start();
    await server.stream('near', 'live');
    await until('the stream of the shard is not opened', async () => {
      const answer = await server.fetch(farTimeline());
      return answer.status === 503 && /store\.shards/.test(await answer.text());
    });
    assert.ok((await spansOf(server, 'near')) > 0);
    await servers.shard.start();
    await server.stream('far', 'live');
    assert.ok((await spansOf(server, 'far')) > 0);
  });
});
