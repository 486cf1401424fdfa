import assert from 'node:assert/strict';
import { mkdir, readdir, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { StorageView } from '../../src/api/admin-shapes.ts';
import type { ObjectClient } from '../../src/archive/objects/object-client.ts';
import {
  type BadNetwork,
  type ObjectServer,
  openBadNetwork,
  startS3,
} from '../../src/archive/objects/object-servers.fixture.ts';
import type { HealthReport } from '../../src/observe/health.ts';
import { type Folder, openFolder, type Server, smallPicture, startPlainServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { firstOf, fullTest, perTier } from '../full.ts';

const SECRET = 'wJalrXUtnFEMI-not-a-real-one';

suite('recordings in an object store', () => {
  const opened = new AsyncDisposableStack();
  let bucket: ObjectServer;
  let network: BadNetwork;
  let client: ObjectClient;
  let folder: Folder;
  let server: Server;
  let log = '';
  const keys = async () => (await Array.fromAsync(client.list(''))).map(({ key }) => key);
  const files = async () => {
    const all = await readdir(join(folder.path, 'data', 'recordings'), { recursive: true }).catch(() => []);
    return all.filter((name) => name.endsWith('.mp4'));
  };
  const start = async () => {
    const threads = perTier({ first: [], full: ['--threads', '2'] });
    const args = ['--config', join(folder.path, 'oxbow.yaml'), ...smallPicture, ...threads];
    return startPlainServer({ data: join(folder.path, 'data'), adminToken: 'an-administrator', args, sample: false });
  };
  const command = (what: 'start' | 'stop') => server.fetch(`/api/v1/streams/cam/${what}`, { method: 'POST' });
  const clipPath = async () => {
    const { spans } = await server.timeline('cam');
    const from = Math.ceil(Date.parse(spans[0]!.from) / 1000);
    return `/clip/cam/${from}/${from + 3}.mp4?evidence=no`;
  };

  before(async () => {
    bucket = opened.use(await startS3());
    network = opened.use(await openBadNetwork(bucket.port));
    client = opened.use(await bucket.client());
    folder = opened.use(await openFolder('objects'));
    const target = { ...bucket.target(network.port), secretAccessKeyFile: join(folder.path, 'secret') };
    const { secretAccessKey, ...rest } = target as Record<string, string>;
    await writeFile(join(folder.path, 'secret'), `${secretAccessKey}\n`);
    const spare = { type: 's3', bucket: 'spare', accessKeyId: 'AKIA', secretAccessKey: SECRET };
    const settings = {
      storage: { targets: { bucket: { ...rest, presign: true }, spare }, target: 'bucket', mode: 'move', after: '0s' },
      streams: { cam: { source: { type: 'test' } } },
    };
    await writeFile(join(folder.path, 'oxbow.yaml'), JSON.stringify(settings));
    server = await start();
  });
  after(async () => {
    await server?.stop();
    await opened.disposeAsync();
  });

  let path: string;
  let clip: Uint8Array;

  test('a recording is moved to the bucket, and its clip has the same bytes before and after', async () => {
    await server.stream('cam');
    path = await until('four seconds are recorded', async () => {
      const { spans } = await server.timeline('cam');
      const span = spans[0];
      return span && Date.parse(span.to) - Date.parse(span.from) > 5000 && (await clipPath());
    });
    clip = await server.bytes(path);
    assert.ok(clip.length > 10_000);
    // A file is complete at each mark of ten minutes, and is moved soon after it.
    await until('the file that is written is not uploaded', async () => {
      const uploaded = await keys();
      const written = (await files()).sort().at(-1);
      return written !== undefined && !uploaded.some((key) => key.endsWith(written));
    });
    await command('stop');
    await until(
      'the file is in the bucket alone',
      async () => (await keys()).length > 0 && (await files()).length === 0,
    );
    assert.match((await keys())[0]!, /^oxbow\/\d+\/recordings\/[^/]+\/\d{4}\/.*\.mp4$/);
    assert.deepEqual(await server.bytes(path), clip);
  });

  fullTest('a viewer rewinds into the bucket, through serving threads', async () => {
    const { spans } = await server.timeline('cam');
    const from = Math.floor(Date.parse(spans[0]!.from) / 1000);
    const list = `/vod/cam/${from}/${from + 10}`;
    const main = await (await server.fetch(`${list}/index.m3u8`)).text();
    const rendition = main.split('\n').find((line) => line.includes('.m3u8') && !line.startsWith('#'))!;
    const media = await (await server.fetch(new URL(rendition, `${server.url}${list}/`).pathname)).text();
    const segments = media.split('\n').filter((line) => /\.m4s/.test(line) && !line.startsWith('#'));
    assert.ok(segments.length > 1);
    const base = new URL(rendition, `${server.url}${list}/`);
    for (const segment of segments) {
      const { pathname, search } = new URL(segment, base);
      const bytes = await server.bytes(`${pathname}${search}`);
      assert.ok(bytes.length > 100);
      assert.match(pathname, /^\/live\/cam\//);
      // A serving thread has no file to read ahead for the second request.
      assert.deepEqual(await server.bytes(`${pathname}${search}`), bytes);
    }
  });

  fullTest(
    'an export is downloaded from the bucket by a short-lived address, after its access was checked',
    async () => {
      const { spans } = await server.timeline('cam');
      const body = JSON.stringify({ stream: 'cam', from: spans[0]!.from, to: spans[0]!.to });
      const headers = { 'content-type': 'application/json' };
      const created = await server.fetch('/api/v1/exports', { method: 'POST', body, headers });
      const { id } = (await created.json()) as { id: string };
      const file = `/api/v1/exports/${id}/file`;
      await until('it is in the bucket', async () => (await keys()).some((key) => key.endsWith(`exports/${id}.mp4`)));
      const answer = await until('it redirects', async () => {
        const one = await server.fetch(file, { redirect: 'manual' });
        return one.status === 302 ? one : one.body?.cancel().then(() => undefined);
      });
      const address = answer.headers.get('location')!;
      assert.equal(new URL(address).port, String(network.port));
      assert.equal(answer.headers.get('cache-control'), 'no-store');
      const direct = await fetch(address);
      assert.match(direct.headers.get('content-disposition')!, /^attachment/);
      assert.ok((await direct.arrayBuffer()).byteLength > 10_000);
      const stranger = await fetch(`${server.url}${file}`, { redirect: 'manual' });
      assert.equal(stranger.status, 401);
    },
  );

  fullTest('after SIGKILL the recording is still there, from the bucket', async () => {
    log += server.stderr;
    await server.stop('SIGKILL');
    server = await start();
    assert.deepEqual(await server.bytes(path), clip);
  });

  fullTest('a lost bucket does not stop recording; it is reported, and the files follow when it is back', async () => {
    network.cut();
    const stored = (await keys()).length;
    await command('start');
    await server.stream('cam');
    await command('stop');
    await server.stream('cam', 'stopped');
    await until('the health check says it', async () => {
      const health = (await (await server.fetch('/health')).json()) as HealthReport;
      const check = health.checks.find(({ name }) => name === 'object stores');
      return health.status === 'degraded' && check?.status === 'degraded';
    });
    assert.equal((await server.fetch('/ready')).status, 200);
    const { objectStores } = await server.json<StorageView>('/api/v1/storage');
    const store = objectStores.find(({ name }) => name === 'bucket')!;
    assert.ok(store.waiting > 0 && store.problem !== null);
    assert.ok((await files()).length > 0);
    network.flow();
    await until('the files are in the bucket alone', async () => {
      return (await keys()).length > stored && (await files()).length === 0;
    });
    await until(
      'it is well',
      async () => (await server.fetch('/health').then((r) => r.json() as Promise<HealthReport>)).status === 'ok',
    );
  });

  test('no secret is in the log, the settings or the metrics', async () => {
    const settings = Buffer.from(await server.bytes('/api/v1/settings')).toString();
    assert.match(settings, /storage\.targets\.spare/);
    const metrics = Buffer.from(await server.bytes('/metrics')).toString();
    assert.match(metrics, /oxbow_storage_uploads_total\{[^}]*result="stored"\} \d/);
    for (const text of [log, server.stderr, settings, metrics]) assert.ok(!text.includes(SECRET));
  });
});

suite('a second copy of recordings in a folder on another disk', () => {
  const opened = new AsyncDisposableStack();
  let folder: Folder;
  let server: Server;
  const at = (...names: string[]) => join(folder.path, ...names);
  const filesIn = async (name: string) => {
    const all = await readdir(at(name), { recursive: true }).catch(() => []);
    return all.filter((path) => /recordings.*\.mp4$/.test(path)).map((path) => at(name, path));
  };
  const start = async () =>
    startPlainServer({
      data: at('data'),
      adminToken: 'an-administrator',
      sample: false,
      args: ['--config', at('oxbow.yaml'), ...smallPicture],
    });
  const second = async () => {
    const { objectStores } = await server.json<StorageView>('/api/v1/storage');
    return objectStores.find(({ name }) => name === 'second')!;
  };
  /** Records for a moment; returns the address of a clip. */
  const record = async () => {
    // The first one has begun with the server.
    const startedMs = (await filesIn('second')).length === 0 ? 0 : Date.now();
    await server.fetch('/api/v1/streams/cam/start', { method: 'POST' });
    await server.stream('cam');
    const path = await until('it is recorded', async () => {
      const span = (await server.timeline('cam')).spans.find(({ from }) => Date.parse(from) >= startedMs);
      if (!span || Date.parse(span.to) - Date.parse(span.from) < 2500) return undefined;
      const from = Math.ceil(Date.parse(span.from) / 1000);
      return `/clip/cam/${from}/${from + 1}.mp4?evidence=no`;
    });
    await server.fetch('/api/v1/streams/cam/stop', { method: 'POST' });
    await server.stream('cam', 'stopped');
    return path;
  };

  before(async () => {
    folder = opened.use(await openFolder('second-disk'));
    await mkdir(at('second'));
    const targets = { second: { type: 'folder', path: at('second') } };
    const settings = {
      storage: { targets, target: 'second' },
      streams: { cam: { source: { type: 'test' } } },
    };
    await writeFile(at('oxbow.yaml'), JSON.stringify(settings));
    server = await start();
  });
  after(async () => {
    await server?.stop();
    await opened.disposeAsync();
  });

  for (const [what, damage] of firstOf(1, [
    ['is deleted', (path: string) => rm(path)],
    ['has lost its end', (path: string) => truncate(path, 5000)],
  ] as const)) {
    test(`the past plays with the same bytes when the first copy ${what}`, async () => {
      const path = await record();
      const names = async (folder: string) => (await filesIn(folder)).map((file) => basename(file));
      await until('each file has a copy', async () => {
        const copies = new Set(await names('second'));
        // A copy counts once it is verified, a moment after it has its name.
        return (await names('data')).every((name) => copies.has(name)) && (await second()).waiting === 0;
      });
      const clip = await server.bytes(path);
      assert.ok(clip.length > 1000);
      await server.stop();
      for (const file of await filesIn('data')) await damage(file);
      server = await start();
      assert.deepEqual(await server.bytes(path), clip);
    });
  }

  fullTest(
    'a disk that is not mounted is reported, recording continues, and its files are copied when it is back',
    async () => {
      await rename(at('second'), at('away'));
      await record();
      const problem = await until('it is reported', async () => (await second()).problem);
      assert.match(problem, /does not exist: its disk may not be mounted/);
      assert.ok(!(await readdir(folder.path)).includes('second'), 'it is not made');
      await rename(at('away'), at('second'));
      await until('all files are there', async () => {
        const { problem: now, waiting } = await second();
        return now === null && waiting === 0;
      });
    },
  );

  fullTest('a folder in the data folder is refused', async () => {
    const settings = { storage: { targets: { second: { type: 'folder', path: at('other', 'copies') } } } };
    await writeFile(at('refused.yaml'), JSON.stringify(settings));
    const args = ['--config', at('refused.yaml')];
    await assert.rejects(startPlainServer({ data: at('other'), args, sample: false }), /are in each other/);
  });
});
