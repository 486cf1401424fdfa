import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { need } from '../fixtures/need.ts';
import { type MadeMinute, storeViewing } from '../fixtures/observe/made-viewing.ts';
import { openFolder, runOxbow, type Server, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { fullTest } from '../full.ts';

const adminToken = 'a-token-of-the-test-0123456789';
const HOUR_MS = 3_600_000;
const engines = fileURLToPath(new URL('../fixtures/engines/npm', import.meta.url));
const noDuckDb = existsSync(join(engines, 'node_modules/@duckdb/node-api')) ? false : need('duckdb for Node');
const post = { method: 'POST', headers: { 'content-type': 'application/json' } };

/** Three hours of two days ago: sessions of four minutes, some over the end of an hour. */
const fromMs = Math.floor((Date.now() - 48 * HOUR_MS) / HOUR_MS) * HOUR_MS;
const sessions = (id: string): readonly MadeMinute[] =>
  Array.from({ length: 60 }, (_, viewer) => viewer).flatMap((viewer) =>
    Array.from({ length: 4 }, (_, minute) => ({
      content: { kind: 'stream', id } as const,
      session: `viewer-${viewer}`,
      atMs: fromMs + (viewer * 3 + minute) * 60_000,
      begins: minute === 0,
      live: true,
      country: viewer % 2 === 0 ? 'DE' : 'FR',
      ...(minute === 0 && { startupMs: 500 + viewer * 10 }),
    })),
  );

/** Everything that rows answer. */
async function answersOf(server: Server): Promise<readonly unknown[]> {
  const range = `from=${fromMs}&to=${fromMs + 4 * HOUR_MS}`;
  const paths = [
    `sessions?${range}&limit=500`,
    `sessions?stream=door&country=FR&${range}&limit=7`,
    `audience?${range}&by=stream&res=60`,
    `audience?from=${fromMs + 600_000}&to=${fromMs + 1_200_000}&by=country`,
    `quality?${range}&by=country`,
    `quality?from=${fromMs + 600_000}&to=${fromMs + 1_200_000}&exact=true`,
  ];
  return await Promise.all(paths.map((path) => server.json(`/api/v1/insight/${path}`)));
}

/** A data folder with two streams and their sessions. @returns what rows answer from the database */
async function prepare(data: string): Promise<readonly unknown[]> {
  const start = () => startServer({ data, adminToken, args: ['--insight-seal', 'off'] });
  {
    await using server = await start();
    for (const name of ['door', 'yard']) {
      const stream = JSON.stringify({ name, source: { type: 'push' } });
      assert.equal((await server.fetch('/api/v1/streams', { ...post, body: stream })).status, 201);
    }
  }
  await storeViewing(data, 'door', sessions);
  await storeViewing(data, 'yard', (id) =>
    sessions(id).map((row) => Object.assign(row, { session: `y${row.session}` })),
  );
  {
    await using server = await start();
    return await answersOf(server);
  }
}

async function sealedBatches(server: Server): Promise<number> {
  const text = await (await server.fetch('/metrics')).text();
  return Number(/^oxbow_insight_sealed_batches (\d+)/m.exec(text)?.[1] ?? 0);
}

suite('sealed hours', () => {
  test('every answer is the same from Parquet files, after a kill, with DuckDB, and from a backup', {
    skip: noDuckDb,
  }, async () => {
    await using folder = await openFolder('sealed-insight');
    const data = join(folder.path, 'data');
    const start = (args: readonly string[], where = data) => startServer({ data: where, adminToken, args });
    const expected = await prepare(data);
    {
      await using server = await start([]);
      await until('the hours are sealed', async () => (await sealedBatches(server)) === 4);
      assert.deepEqual(await answersOf(server), expected, 'in JavaScript');
      await server.stop('SIGKILL');
    }
    assert.equal((await readdir(join(data, 'insight'))).length, 4);
    const backup = join(folder.path, 'backup.db');
    const made = await runOxbow(['backup', '-o', backup, '--data', data]);
    assert.equal(made.code, 0, made.stderr);
    {
      await using server = await start(['--insight-duckdb', engines]);
      assert.deepEqual(await answersOf(server), expected, 'with DuckDB');
      assert.equal((await server.fetch('/api/v1/streams/yard', { method: 'DELETE' })).status, 204);
      const health = await server.json<{
        readonly checks: readonly { readonly name: string; readonly status: string }[];
      }>('/health');
      assert.equal(health.checks.find(({ name }) => name === 'insight')?.status, 'ok');
    }
    const restored = join(folder.path, 'restored');
    const put = await runOxbow(['backup', '--restore', backup, '--data', restored]);
    assert.equal(put.code, 0, put.stderr);
    {
      await using server = await start([], restored);
      assert.equal(await sealedBatches(server), 4);
      assert.deepEqual(await answersOf(server), expected, 'from a backup');
      assert.deepEqual(server.log('error'), []);
    }
  });

  fullTest('one of several processes of a server seals, and each answers', async () => {
    await using folder = await openFolder('sealed-processes');
    const data = join(folder.path, 'data');
    const expected = await prepare(data);
    await using server = await startServer({ data, adminToken, args: ['--processes', '2'] });
    await until('the hours are sealed', async () => {
      const files = await readdir(join(data, 'insight')).catch(() => []);
      return files.filter((name) => name.endsWith('.parquet')).length === 4;
    });
    // The connections of a client are spread over the processes.
    for (let times = 0; times < 4; times++) assert.deepEqual(await answersOf(server), expected);
    assert.equal((await readdir(join(data, 'insight'))).length, 4);
    assert.deepEqual(server.log('error'), []);
  });
});
