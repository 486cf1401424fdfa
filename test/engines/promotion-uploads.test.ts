/**
 * An upload to the bucket continues at a promoted database that lacks its last rows: at the byte which that
 * one knows, though the bucket has more.
 */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import type { AssetView } from '../../src/api/library/asset-shapes.ts';
import { startS3 } from '../../src/archive/objects/object-servers.fixture.ts';
import { createSilentLog } from '../../src/observe/log.ts';
import { openEngine } from '../../src/store/db.ts';
import { needPostgres, type PostgresServer, startPostgres } from '../fixtures/engines/postgres.ts';
import { openRedisKeys } from '../fixtures/engines/redis.ts';
import { openTcpProxy } from '../fixtures/engines/tcp-proxy.ts';
import { freePort } from '../fixtures/free-port.ts';
import { makeFilm } from '../fixtures/library/film.ts';
import { need } from '../fixtures/need.ts';
import { openFolder, runOxbow, type Server, startPlainServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';

const MIB = 1024 * 1024;
const tus = { 'tus-resumable': '1.0.0' };
const adminToken = 'let-me-in-please';
const hash = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

async function create(server: Server, film: Uint8Array): Promise<string> {
  const metadata = `filename ${btoa('film.mp4')},visibility ${btoa('public')},sha256 ${btoa(hash(film))}`;
  const headers = { ...tus, 'upload-length': String(film.length), 'upload-metadata': metadata };
  const created = await server.fetch('/api/v1/uploads', { method: 'POST', headers });
  assert.equal(created.status, 201, await created.text());
  return new URL(created.headers.get('location')!).pathname;
}

async function patch(server: Server, path: string, from: number, bytes: Uint8Array): Promise<void> {
  const headers = { ...tus, 'content-type': 'application/offset+octet-stream', 'upload-offset': String(from) };
  const answer = await server.fetch(path, { method: 'PATCH', headers, body: new Uint8Array(bytes) });
  assert.equal(answer.status, 204, await answer.text());
}

/** The byte at which an upload continues, when a node has it. */
async function offsetOf(server: Server, path: string): Promise<number> {
  const head = await until('the upload has a node that runs', async () => {
    const answer = await server.fetch(path, { method: 'HEAD', headers: tus });
    return answer.status !== 423 && answer;
  });
  assert.equal(head.status, 200);
  return Number(head.headers.get('upload-offset'));
}

suite('an upload to a bucket, and a promotion', {
  skip: needPostgres() || need('redis-server') || need('ffmpeg'),
}, () => {
  test('that lost its last rows: it continues at the byte of the promoted database, and ends complete', async () => {
    await using opened = new AsyncDisposableStack();
    const folder = opened.use(await openFolder('promotion-uploads'));
    await makeFilm(join(folder.path, 'film.mp4'), { seconds: 3, bytes: 40 * MIB + 77 });
    const film = await readFile(join(folder.path, 'film.mp4'));
    const bucket = opened.use(await startS3());
    const primary = opened.use(await startPostgres());
    const secret = randomBytes(24).toString('hex');
    const start = async (node: 'a' | 'b', postgres: PostgresServer) => {
      const redis = opened.use(await openRedisKeys());
      const http = `127.0.0.1:${await freePort()}`;
      const settings = {
        store: { url: postgres.url('postgres') },
        redis: { url: redis.url, prefix: redis.prefix },
        cluster: { enabled: true, node, url: `http://${http}`, secret, takeover: '8s' },
        storage: { targets: { archive: bucket.target() }, target: 'archive', mode: 'copy' },
        library: { ladder: { encode: false } },
      };
      const config = join(folder.path, `${node}.json`);
      await writeFile(config, JSON.stringify(settings));
      const how = { data: join(folder.path, node), http, adminToken, sample: false, args: ['--config', config] };
      return { config, begin: async () => opened.use(await startPlainServer(how)) };
    };
    const a = await (await start('a', primary)).begin();
    const replication = opened.use(await openTcpProxy(primary.port));
    const replica = opened.use(await startPostgres({ primary: { ...primary, port: replication.port } }));
    const path = await create(a, film);
    await patch(a, path, 0, film.subarray(0, 12 * MIB));
    const server = { url: replica.url('postgres'), replicaUrl: undefined, pool: 1, replicaLag: 2000 };
    {
      await using engine = await openEngine({ file: '', server, log: createSilentLog() });
      await until('the replica follows', async () => {
        const row = await engine.db.selectFrom('upload').select('received').executeTakeFirst();
        return row?.received === 12 * MIB;
      });
    }
    replication.cut();
    await patch(a, path, 12 * MIB, film.subarray(12 * MIB, 36 * MIB));
    const lost = await create(a, film);
    await a.stop('SIGKILL');
    const region = await start('b', replica);
    const promoted = await runOxbow(['db', 'promote', '--config', region.config]);
    assert.equal(promoted.code, 0, promoted.stderr);
    const b = await region.begin();
    const head = await b.fetch(lost, { method: 'HEAD', headers: tus });
    assert.equal(head.status, 404, 'the promoted database has no row of it');
    const offset = await offsetOf(b, path);
    assert.equal(offset, 12 * MIB, 'what the promoted database has counted');
    await patch(b, path, offset, film.subarray(offset));
    const asset = await until('the film is ready', async () => {
      const [view] = (await b.json<{ items: AssetView[] }>('/api/v1/assets')).items;
      assert.ok(view);
      assert.notEqual(view.state, 'failed', JSON.stringify(view));
      return view.state === 'ready' && view;
    });
    assert.equal(asset.sha256, hash(film));
    assert.equal(hash(await b.bytes(`/assets/${asset.id}/original`)), hash(film));
  });
});
