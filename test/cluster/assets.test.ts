import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { JobView } from '../../src/api/jobs/job-shapes.ts';
import type { AssetView } from '../../src/api/library/asset-shapes.ts';
import { type BadNetwork, openBadNetwork, startS3 } from '../../src/archive/objects/object-servers.fixture.ts';
import { needPostgres } from '../fixtures/engines/postgres.ts';
import { makeFilm } from '../fixtures/library/film.ts';
import { need } from '../fixtures/need.ts';
import { openFolder } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { openCluster, type TestCluster, type TestNode } from './cluster.fixture.ts';

const skip = needPostgres() || need('redis-server');
const tus = { 'tus-resumable': '1.0.0' } as const;
const octets = { ...tus, 'content-type': 'application/offset+octet-stream' } as const;

/** Of files: a difference between long ones cannot be printed. */
const hash = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

suite('assets of a node that dies', { skip }, () => {
  const opened = new AsyncDisposableStack();
  let cluster: TestCluster;
  let a: TestNode;
  let b: TestNode;
  let network: BadNetwork;
  let film: Buffer;
  let args: readonly string[];
  /** In the bucket, and on the disk of node a alone. */
  let [copied, alone] = ['', ''];

  /** @param storage where files go: `bucket`, or empty */
  const startA = async (storage: string) =>
    cluster.start('a', { args: [...args, '--storage-target', storage, '--threads', '1'] });

  before(async () => {
    const bucket = opened.use(await startS3());
    network = opened.use(await openBadNetwork(bucket.port));
    const folder = opened.use(await openFolder('cluster-assets'));
    cluster = opened.use(await openCluster());
    const settings = join(folder.path, 'oxbow.yaml');
    await writeFile(settings, JSON.stringify({ storage: { targets: { bucket: bucket.target(network.port) } } }));
    await makeFilm(join(folder.path, 'film.mp4'), { seconds: 3 });
    film = await readFile(join(folder.path, 'film.mp4'));
    // What arrives stays on the disk of its node; test/cluster/uploads.test.ts has the other way.
    args = ['--config', settings, '--library-ladder-encode', 'false', '--library-staging', 'disk'];
    a = await startA('bucket');
    // Without workers: what they make would be on its own disk.
    b = await cluster.start('b', { args: [...args, '--roles', 'ingest,serve,rooms'] });
  });
  after(() => opened.disposeAsync());

  async function upload({ server }: TestNode, title: string): Promise<string> {
    const path = `/api/v1/uploads/file?filename=film.mp4&title=${title}&visibility=public`;
    const sent = await server.fetch(path, { method: 'PUT', body: new Uint8Array(film) });
    assert.equal(sent.status, 201, await sent.clone().text());
    const { asset } = (await sent.json()) as { asset: string };
    await until(`${title} is ready`, async () => {
      const view = await server.json<AssetView>(`/api/v1/assets/${asset}`);
      assert.notEqual(view.state, 'failed', JSON.stringify(view));
      return view.state === 'ready';
    });
    return asset;
  }

  /** The segments that the playlist of an asset lists, in order. */
  async function segmentsOf({ server }: TestNode, id: string): Promise<string[]> {
    const list = await (await server.fetch(`/assets/${id}/av0.m3u8`)).text();
    return Array.from(list.matchAll(/^(?!#).*?(\d+\.m4s)$/gm), ([, name]) => `/assets/${id}/av0/${name}`);
  }

  const inBucket = async ({ server }: TestNode) => {
    const { objectStores } = await server.json<{ objectStores: { objects: number }[] }>('/api/v1/storage');
    return objectStores[0]?.objects ?? 0;
  };

  let bytes: Uint8Array[];
  let arriving: string;

  test('before, the films are at node a: one is in the bucket too, one is not, and one is still uploaded', async () => {
    copied = await upload(a, 'copied');
    await until('its files are in the bucket', async () => (await inBucket(a)) >= 2);
    network.cut();
    alone = await upload(a, 'alone');
    const headers = { ...octets, 'upload-length': String(film.length), 'upload-metadata': `filename ${btoa('x.mp4')}` };
    const body = new Uint8Array(film.subarray(0, 1000));
    const created = await a.server.fetch('/api/v1/uploads', { method: 'POST', headers, body });
    assert.equal(created.status, 201, await created.text());
    arriving = new URL(created.headers.get('location')!).pathname;
    bytes = await Promise.all((await segmentsOf(a, copied)).map((path) => a.server.bytes(path)));
    assert.ok(bytes.length > 0);
  });

  test('what is in the bucket plays, is changed and downloaded at the next node', async () => {
    await a.server.stop('SIGKILL');
    network.flow();
    const change = () =>
      b.server.fetch(`/api/v1/assets/${copied}`, {
        method: 'PATCH',
        headers: { 'content-type': 'application/merge-patch+json' },
        body: JSON.stringify({ title: 'Changed' }),
      });
    await until('node b owns it', async () => (await change()).status === 200);
    assert.equal((await b.server.json<AssetView>(`/api/v1/assets/${copied}`)).title, 'Changed');
    const paths = await segmentsOf(b, copied);
    const played = await Promise.all(paths.map((path) => b.server.bytes(path)));
    assert.deepEqual(played.map(hash), bytes.map(hash));
    assert.equal(hash(await b.server.bytes(`/assets/${copied}/original`)), hash(film));
    assert.ok((await b.server.bytes(`/assets/${copied}/poster.jpg`)).length > 500, 'made again of the media');
  });

  test('what is on the disk of the dead node alone is not ready, and an upload to it waits', async () => {
    const [path] = await segmentsOf(b, alone);
    const refused = await b.server.fetch(path!);
    assert.deepEqual([refused.status, Number(refused.headers.get('retry-after')) > 0], [503, true]);
    assert.equal(((await refused.json()) as { code: string }).code, 'not-ready');
    const head = await b.server.fetch(arriving, { method: 'HEAD', headers: tus });
    assert.deepEqual([head.status, head.headers.get('retry-after')], [423, '1']);
  });

  test('what was deleted meanwhile is deleted on the disk of the node when it is back; all else is still there', async () => {
    const gone = await b.server.fetch(`/api/v1/assets/${copied}?purge=true`, { method: 'DELETE' });
    assert.equal(gone.status, 204, await gone.text());
    // Players have a minute to end.
    await cluster.query('UPDATE asset_removed SET removed_us = 0');
    const folders = () => readdir(join(cluster.folderOf('a'), 'assets'));
    assert.ok((await folders()).includes(copied));
    a = await startA('');
    await until('its files are deleted', async () => !(await folders()).includes(copied));
    const [path] = await segmentsOf(b, alone);
    await until('the film plays again', async () => (await b.server.fetch(path!)).status === 200);
    assert.equal((await a.server.fetch(path!)).status, 200, 'node a asks the owner, which reads it from node a');
    assert.ok((await folders()).includes(alone));
  });

  test('the upload continues where it was, and its film is processed once', async () => {
    const patch = await until('node a has it again', async () => {
      const head = await b.server.fetch(arriving, { method: 'HEAD', headers: tus });
      if (head.status !== 200) return undefined;
      const offset = Number(head.headers.get('upload-offset'));
      const headers = { ...octets, 'upload-offset': String(offset) };
      const body = new Uint8Array(film.subarray(offset));
      return b.server.fetch(arriving, { method: 'PATCH', headers, body });
    });
    assert.equal(patch.status, 204, await patch.text());
    const { items } = await b.server.json<{ items: AssetView[] }>('/api/v1/assets');
    const id = items.find(({ filename }) => filename === 'x.mp4')!.id;
    await until('it is ready', async () => (await b.server.json<AssetView>(`/api/v1/assets/${id}`)).state === 'ready');
    const jobs = await a.server.json<{ items: readonly JobView[] }>('/api/v1/jobs?limit=100');
    const imports = jobs.items.filter(({ kind, subject }) => kind === 'import' && subject === id);
    assert.equal(imports.length, 1);
  });
});
