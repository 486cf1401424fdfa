/**
 * Viewers of the past get segments from the bucket at every node of a cluster, also of streams of another
 * node, and of one that is dead.
 * In: a recording of node a that was moved to the bucket. Out: what passes node b.
 */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { StorageView } from '../../src/api/admin-shapes.ts';
import { startS3 } from '../../src/archive/objects/object-servers.fixture.ts';
import { needPostgres } from '../fixtures/engines/postgres.ts';
import { need } from '../fixtures/need.ts';
import { readFirstVariant, resolvePath } from '../fixtures/playlists.ts';
import { type CountingProxy, openCountingProxy } from '../fixtures/proxies/counting-proxy.ts';
import { openFolder, type Server } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { openCluster } from './cluster.fixture.ts';

const LENGTH_S = 8;
const VIEWERS = 100;
/** Of all bytes that viewers get, most that pass a node. */
const MOST_OF_NODE = 0.05;

suite('the past from the bucket, in a cluster', { skip: needPostgres() || need('redis-server') }, () => {
  const opened = new AsyncDisposableStack();
  let a: Server;
  let b: Server;
  let cdn: CountingProxy;
  let index: string;

  before(async () => {
    const bucket = opened.use(await startS3());
    await bucket.allowPages();
    cdn = opened.use(await openCountingProxy(`http://127.0.0.1:${bucket.port}`));
    const { path } = opened.use(await openFolder('cluster-direct'));
    const target = Object.assign(bucket.target(), { direct: 'redirect', directUrl: cdn.url });
    const storage = { targets: { bucket: target }, target: 'bucket', mode: 'move', after: '0s' };
    const settings = join(path, 'oxbow.yaml');
    await writeFile(settings, JSON.stringify({ storage }));
    const cluster = opened.use(await openCluster());
    a = (await cluster.start('a', { args: ['--config', settings] })).server;
    b = (await cluster.start('b', { args: ['--config', settings] })).server;
    const body = JSON.stringify({ name: 'cam', source: { type: 'test' }, visibility: 'public' });
    const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body };
    const created = await a.fetch('/api/v1/streams', init);
    assert.ok(created.ok, await created.clone().text());
    await a.stream('cam');
    const span = await until(`${LENGTH_S} s are recorded`, async () => {
      const [first] = (await a.timeline('cam')).spans;
      return first && Date.parse(first.to) - Date.parse(first.from) > LENGTH_S * 1000 && first;
    });
    await a.fetch('/api/v1/streams/cam/stop', { method: 'POST' });
    await until('the recording is in the bucket', async () => {
      const [store] = (await a.json<StorageView>('/api/v1/storage')).objectStores;
      return store !== undefined && store.objects > 0 && store.waiting === 0;
    });
    const fromS = Math.floor(Date.parse(span.from) / 1000);
    index = `/vod/cam/${fromS}/${fromS + LENGTH_S}/index.m3u8`;
  });
  after(() => opened.disposeAsync());

  /** The requests for the segments of the window, as a node lists them. */
  const segmentsOf = async (server: Server) => {
    const { list, path } = await readFirstVariant(server, index);
    return list.segments.map(({ uri, byteRange }) => {
      const range = `bytes=${byteRange!.offset}-${byteRange!.offset + byteRange!.length - 1}`;
      return { path: resolvePath(uri, path), headers: { range } };
    });
  };
  const isRedirected = async ({ url }: Server) => {
    const [{ path, headers }] = (await segmentsOf(b)) as [Awaited<ReturnType<typeof segmentsOf>>[number]];
    return until('viewers are redirected', async () => {
      const answer = await fetch(`${url}${path}`, { headers, redirect: 'manual' });
      await answer.arrayBuffer();
      return answer.status === 302 && answer.headers.get('location')?.startsWith(cdn.url);
    });
  };

  test('a node redirects viewers of a stream of another node, and almost nothing passes it', async (t) => {
    await isRedirected(b);
    assert.deepEqual(await segmentsOf(a), await segmentsOf(b));
    await using node = await openCountingProxy(b.url);
    const before = cdn.bytes;
    const lengths = await Promise.all(
      Array.from({ length: VIEWERS }, async () => {
        let length = 0;
        const get = async (path: string, headers: Record<string, string> = {}) => {
          const answer = await fetch(`${node.url}${path}`, { headers });
          assert.ok(answer.ok, `${path}: ${answer.status}`);
          return answer.arrayBuffer();
        };
        await get(index);
        for (const { path, headers } of await segmentsOf(b)) length += (await get(path, headers)).byteLength;
        return length;
      }),
    );
    assert.equal(new Set(lengths).size, 1);
    const share = node.bytes / (node.bytes + cdn.bytes - before);
    t.diagnostic(
      `${node.bytes} bytes from node b, ${cdn.bytes - before} from the bucket: ${(share * 100).toFixed(2)} %`,
    );
    assert.ok(share < MOST_OF_NODE, `${share}`);
  });

  test('so it does when that node is dead', async () => {
    const listed = await segmentsOf(b);
    await a.stop('SIGKILL');
    await until('node b has the stream', async () => {
      const answer = await b.fetch(index);
      await answer.arrayBuffer();
      return answer.ok;
    });
    await isRedirected(b);
    const bytes: ArrayBuffer[] = [];
    for (const { path, headers } of listed) {
      const answer = await fetch(`${b.url}${path}`, { headers });
      assert.equal(answer.status, 206);
      bytes.push(await answer.arrayBuffer());
    }
    assert.ok(
      bytes.every(({ byteLength }) => byteLength > 0),
      'addresses of before are still valid',
    );
  });
});
