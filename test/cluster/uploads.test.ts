import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { type ClientRequest, request } from 'node:http';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { Upload } from 'tus-js-client';
import type { JobView } from '../../src/api/jobs/job-shapes.ts';
import type { AssetView } from '../../src/api/library/asset-shapes.ts';
import type { ChunkStatus } from '../../src/api/library/upload-shapes.ts';
import {
  type BadNetwork,
  openBadNetwork,
  type S3Server,
  startS3,
} from '../../src/archive/objects/object-servers.fixture.ts';
import { needPostgres } from '../fixtures/engines/postgres.ts';
import { openTcpProxy, type TcpProxy } from '../fixtures/engines/tcp-proxy.ts';
import { makeFilm } from '../fixtures/library/film.ts';
import { need } from '../fixtures/need.ts';
import { openFolder } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { ADMIN, openCluster, type TestCluster, type TestNode } from './cluster.fixture.ts';

const skip = needPostgres() || need('redis-server');
const MIB = 1024 * 1024;
const tus = { 'tus-resumable': '1.0.0' } as const;
const octets = { ...tus, 'content-type': 'application/offset+octet-stream' } as const;
/** Of files: a difference between long ones cannot be printed. */
const hash = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

suite('uploads in the bucket of a cluster', { skip }, () => {
  const opened = new AsyncDisposableStack();
  let cluster: TestCluster;
  let bucket: S3Server;
  let network: BadNetwork;
  /** A load balancer: passes connections to the node that it is set to. */
  let balancer: TcpProxy;
  let a: TestNode;
  let b: TestNode;
  let film: Buffer;
  let args: readonly string[];

  const portOf = ({ server }: TestNode) => Number(new URL(server.url).port);

  before(async () => {
    bucket = opened.use(await startS3());
    network = opened.use(await openBadNetwork(bucket.port));
    const folder = opened.use(await openFolder('cluster-uploads'));
    cluster = opened.use(await openCluster());
    const settings = join(folder.path, 'oxbow.yaml');
    const targets = { bucket: bucket.target(network.port) };
    await writeFile(settings, JSON.stringify({ storage: { targets, target: 'bucket' } }));
    await makeFilm(join(folder.path, 'film.mp4'), { seconds: 3, bytes: 30 * MIB + 77 });
    film = await readFile(join(folder.path, 'film.mp4'));
    args = ['--config', settings, '--library-ladder-encode', 'false', '--threads', '1'];
    a = await cluster.start('a', { args });
    b = await cluster.start('b', { args });
    balancer = opened.use(await openTcpProxy(portOf(a)));
  });
  after(() => opened.disposeAsync());

  /** The asset is ready, has the bytes of the film, and plays. */
  async function check({ server }: TestNode, id: string): Promise<void> {
    const view = await until('the film is ready', async () => {
      const asset = await server.json<AssetView>(`/api/v1/assets/${id}`);
      assert.notEqual(asset.state, 'failed', JSON.stringify(asset));
      return asset.state === 'ready' && asset;
    });
    assert.equal(view.sha256, hash(film));
    assert.equal(hash(await server.bytes(`/assets/${id}/original`)), hash(film));
    const list = await (await server.fetch(`/assets/${id}/av0.m3u8`)).text();
    const segments = Array.from(list.matchAll(/^(?!#).*?(\d+\.m4s)$/gm), ([, name]) => `/assets/${id}/av0/${name}`);
    assert.ok(segments.length > 0, list);
    for (const path of segments) assert.ok((await server.bytes(path)).length > 1000);
  }

  const received = async (id: string) => {
    const [row] = await cluster.query(`SELECT received FROM upload WHERE id = '${id}'`);
    return Number(row?.received ?? 0);
  };

  async function create({ server }: TestNode, name: string): Promise<{ readonly path: string; readonly id: string }> {
    const metadata = `filename ${btoa(name)},visibility ${btoa('public')},sha256 ${btoa(hash(film))}`;
    const headers = { ...tus, 'upload-length': String(film.length), 'upload-metadata': metadata };
    const created = await server.fetch('/api/v1/uploads', { method: 'POST', headers });
    assert.equal(created.status, 201, await created.text());
    const path = new URL(created.headers.get('location')!).pathname;
    return { path, id: path.split('/').at(-1)! };
  }

  /** Begins a PATCH that stays open. */
  function openPatch({ server }: TestNode, path: string, from: number): ClientRequest {
    const headers = { ...octets, authorization: `Bearer ${ADMIN}`, 'upload-offset': from };
    const patch = request(server.url + path, {
      method: 'PATCH',
      headers: { ...headers, 'content-length': film.length - from },
    });
    return patch.on('error', () => {}); // the node is killed
  }

  async function patchRest({ server }: TestNode, path: string): Promise<void> {
    const offset = await until('the upload has a node that runs', async () => {
      const head = await server.fetch(path, { method: 'HEAD', headers: tus });
      if (head.status !== 200) assert.equal(head.status, 423, 'another status makes tus-js-client begin again');
      return head.status === 200 && { is: Number(head.headers.get('upload-offset')) };
    });
    const headers = { ...octets, 'upload-offset': String(offset.is) };
    const body = new Uint8Array(film.subarray(offset.is));
    const patch = await server.fetch(path, { method: 'PATCH', headers, body });
    assert.equal(patch.status, 204, await patch.text());
  }

  test('tus-js-client continues on the other node after a kill, and so do chunks', async () => {
    const chunkBytes = 4 * MIB;
    const count = Math.ceil(film.length / chunkBytes);
    const begun = await a.server.fetch('/api/v1/upload/init', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        filename: 'chunks.mp4',
        total_size: film.length,
        chunk_size: chunkBytes,
        visibility: 'public',
      }),
    });
    assert.equal(begun.status, 201, await begun.clone().text());
    const chunked = (await begun.json()) as ChunkStatus;
    const putChunk = async ({ server }: TestNode, number: number) => {
      const path = `/api/v1/upload/chunk?upload_id=${chunked.upload_id}&chunk_number=${number}`;
      const body = new Uint8Array(film.subarray((number - 1) * chunkBytes, number * chunkBytes));
      return server.fetch(path, { method: 'PUT', headers: { 'content-type': 'application/octet-stream' }, body });
    };
    for (const number of [count, 1, 2]) assert.equal((await putChunk(a, number)).status, 200);

    const urls = new Set<string>();
    let asset = '';
    const done = Promise.withResolvers<void>();
    const upload = new Upload(film, {
      endpoint: `http://127.0.0.1:${balancer.port}/api/v1/uploads`,
      headers: { authorization: `Bearer ${ADMIN}` },
      metadata: { filename: 'tus.mp4', sha256: hash(film), visibility: 'public' },
      retryDelays: Array.from({ length: 300 }, () => 200),
      onAfterResponse(_, response) {
        asset ||= response.getHeader('oxbow-asset') ?? '';
      },
      onUploadUrlAvailable: () => void urls.add(new URL(upload.url!).pathname),
      onError: done.reject,
      onSuccess: () => done.resolve(),
    });
    balancer.slow(20);
    upload.start();
    const id = await until('a part is in the bucket', async () => {
      const of = [...urls][0]?.split('/').at(-1);
      return of !== undefined && (await received(of)) >= 8 * MIB && of;
    });
    balancer.stall();
    await a.server.stop('SIGKILL');
    assert.ok((await received(id)) < film.length, 'it was killed in mid-upload');
    balancer.target(portOf(b));
    balancer.restore();
    await done.promise;
    assert.equal(urls.size, 1, 'it is the same upload');
    await check(b, asset);

    await until('node b has the chunks', async () => (await putChunk(b, 3)).status === 200);
    for (let number = 4; number < count; number++) assert.equal((await putChunk(b, number)).status, 200);
    const completed = await b.server.fetch('/api/v1/upload/complete', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ upload_id: chunked.upload_id }),
    });
    assert.equal(completed.status, 200, await completed.clone().text());
    await check(b, chunked.asset_id);
    for (const [name, imported] of [
      ['tus.mp4', asset],
      ['chunks.mp4', chunked.asset_id],
    ]) {
      const jobs = await b.server.json<{ items: readonly JobView[] }>('/api/v1/jobs?limit=100');
      const imports = jobs.items.filter(({ kind, subject }) => kind === 'import' && subject === imported);
      assert.equal(imports.length, 1, `${name} is processed once`);
    }
    a = await cluster.start('a', { args });
  });

  test('a node that is killed after the bucket and before the database has a part loses no byte that counts', async () => {
    const { path, id } = await create(a, 'between.mp4');
    const patch = openPatch(a, path, 0);
    patch.write(film.subarray(0, 9 * MIB));
    await until('the first part counts', async () => (await received(id)) === 8 * MIB);
    // The bucket gets the second part, and its answer does not arrive. The epoch, which is read before, does.
    const before = network.received;
    patch.write(film.subarray(9 * MIB, 17 * MIB));
    await network.receives(before + MIB);
    network.delay(600_000);
    await network.receives(before + 8 * MIB);
    await a.server.stop('SIGKILL');
    network.delay(0);
    assert.equal(await received(id), 8 * MIB);
    await patchRest(b, path);
    const { items } = await b.server.json<{ items: AssetView[] }>('/api/v1/assets');
    await check(b, items.find(({ filename }) => filename === 'between.mp4')!.id);
    a = await cluster.start('a', { args });
  });

  test('a bucket that fails for a while delays an upload, and nothing is lost', async () => {
    const { path, id } = await create(b, 'bad.mp4');
    const before = network.received;
    network.refuse(503);
    const rest = patchRest(b, path);
    await Promise.race([rest, network.receives(before + 1000)]);
    assert.equal(await received(id), 0);
    network.flow();
    await rest;
    const { items } = await b.server.json<{ items: AssetView[] }>('/api/v1/assets');
    await check(a, items.find(({ filename }) => filename === 'bad.mp4')!.id);
  });

  test('no byte of an upload is on the disk of a node, and the bucket has no unfinished object', async () => {
    for (const node of ['a', 'b']) {
      const names = await readdir(join(cluster.folderOf(node), 'assets'), { recursive: true }).catch(() => []);
      assert.deepEqual(
        names.filter((name) => /original/.test(name)),
        [],
      );
    }
    assert.deepEqual(await cluster.query('SELECT location FROM staged_upload'), []);
  });
});
