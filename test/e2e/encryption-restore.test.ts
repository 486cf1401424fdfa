/**
 * What was encrypted plays after the machine is lost: a backup of the database with the recordings, or with
 * the second copy in a bucket only, gives the same keys and the same encrypted bytes, also over PostgreSQL.
 * So are the rules for the past, with the start mark.
 * In: a store, a recording. Out: media, keys and licences before and after, in another data folder.
 */
import assert from 'node:assert/strict';
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import type { StorageView } from '../../src/api/admin-shapes.ts';
import type { StreamView } from '../../src/api/shapes.ts';
import { startS3 } from '../../src/archive/objects/object-servers.fixture.ts';
import { newestStretch } from '../browser/stretch.ts';
import { needPostgres, openDatabases } from '../fixtures/engines/postgres.ts';
import { pictureHashes } from '../fixtures/ffmpeg.ts';
import { need } from '../fixtures/need.ts';
import { readFirstVariant, resolvePath } from '../fixtures/playlists.ts';
import { get, VIEWER } from '../fixtures/proxies/client-requests.ts';
import { openFolder, runOxbow, type Server, smallPicture, startPlainServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';

const ADMIN = 'a-token-for-tests';
const SECONDS = 5;
const NAMES = ['aes', 'drm'] as const;

async function send(server: Server, method: string, path: string, body?: unknown): Promise<void> {
  const sent = body === undefined ? {} : { body: JSON.stringify(body) };
  const response = await server.fetch(path, { method, headers: { 'content-type': 'application/json' }, ...sent });
  assert.ok(response.ok, `${method} ${path}: ${await response.text()}`);
}

/** Segment, key or licence of each window. */
async function factsOf(server: Server, windows: readonly string[]): Promise<readonly string[]> {
  const facts: string[] = [];
  for (const window of windows) {
    const { list, path } = await readFirstVariant(server, `/vod/${window}/index.m3u8`);
    for (const segment of list.segments) {
      const media = await get(server.url, resolvePath(segment.uri, path));
      const init = await get(server.url, resolvePath(segment.map!.uri, path));
      assert.deepEqual([media.status, init.status], [200, 200]);
      const at = init.body.indexOf('tenc');
      const kids = at < 0 ? [] : [init.body.subarray(at + 12, at + 28).toString('base64url')];
      const secret =
        at < 0
          ? await get(server.url, resolvePath(segment.key!.uri!, path))
          : await get(server.url, `/live/${window.split('/')[0]}/keys/clearkey`, VIEWER, { kids });
      assert.equal(secret.status, 200);
      facts.push(segment.uri, ...[media, init, secret].map(({ body }) => body.toString('hex')));
    }
  }
  return facts;
}

for (const store of ['SQLite', 'PostgreSQL'] as const) {
  suite(`encrypted recordings on ${store}`, {
    skip: (store === 'PostgreSQL' && needPostgres()) || need('ffmpeg'),
  }, () => {
    test('have the same keys and bytes after a restore, beside the files and of the second copy alone', async () => {
      await using opened = new AsyncDisposableStack();
      const { path } = opened.use(await openFolder('encryption-restore'));
      const bucket = opened.use(await startS3());
      const databases = store === 'PostgreSQL' ? opened.use(await openDatabases()) : undefined;
      const settingsFor = async (name: string) => {
        const file = join(path, `${name}.yaml`);
        const url = databases?.url(await databases.create());
        const storage = { targets: { bucket: bucket.target() }, target: 'bucket', mode: 'copy' };
        const encryption = { keyEvery: 2 };
        const hls = { segmentDuration: '1s' };
        await writeFile(file, JSON.stringify({ storage, encryption, hls, ...(url && { store: { url } }) }));
        return file;
      };
      const start = (data: string, config: string) =>
        startPlainServer({ data, adminToken: ADMIN, sample: false, args: ['--config', config, ...smallPicture] });
      const oxbow = async (...args: readonly string[]) => {
        const { code, stdout, stderr } = await runOxbow(args);
        assert.equal(code, 0, `${args.join(' ')}: ${stdout}${stderr}`);
      };

      const [data, backup, settings] = [join(path, 'data'), join(path, 'backup.db'), await settingsFor('first')];
      let windows: readonly string[] = [];
      let facts: readonly string[] = [];
      let past: StreamView['past'];
      {
        await using server = await start(data, settings);
        for (const name of NAMES) {
          const encryption = name === 'aes' ? 'aes-128' : 'cbcs';
          const stream = { name, source: { type: 'test' }, visibility: 'public', encryption };
          await send(server, 'POST', '/api/v1/streams', stream);
        }
        const stretches = await Promise.all(NAMES.map((name) => newestStretch(server, SECONDS, name)));
        windows = stretches.map(({ fromMs, toMs }, at) => `${NAMES[at]}/${fromMs}/${toMs}`);
        facts = await factsOf(server, windows);
        assert.ok(facts.length > 20);
        await send(server, 'PATCH', '/api/v1/streams/drm', { past: { start: 'mark' } });
        await send(server, 'POST', '/api/v1/streams/drm/start-mark', {
          at: new Date(stretches[1]!.fromMs).toISOString(),
        });
        for (const name of NAMES) {
          await send(server, 'POST', `/api/v1/streams/${name}/stop`);
          await server.stream(name, 'stopped');
        }
        await until('the second copy is complete', async () => {
          const { objectStores } = await server.json<StorageView>('/api/v1/storage');
          return objectStores.every(({ objects, waiting }) => objects > 0 && waiting === 0);
        });
        ({ past } = await server.json<StreamView>('/api/v1/streams/drm'));
        await oxbow('backup', '-o', backup, '--data', data, '--config', settings);
      }

      for (const files of ['recordings', 'second copy'] as const) {
        const other = join(path, files.replace(' ', '-'));
        await mkdir(other);
        if (files === 'recordings') await cp(join(data, 'recordings'), join(other, 'recordings'), { recursive: true });
        const config = await settingsFor(files.replace(' ', '-'));
        await oxbow('backup', '--restore', backup, '--data', other, '--config', config);
        await using server = await start(other, config);
        assert.deepEqual(await factsOf(server, windows), facts, files);
        const now = await server.json<StreamView>('/api/v1/streams/drm');
        assert.deepEqual(now.past, past, files);
        const clip = await pictureHashes(`${server.url}/clip/${windows[0]}.mp4`);
        assert.ok(clip.length > 50);
        assert.deepEqual(await pictureHashes(`${server.url}/vod/${windows[0]}/index.m3u8`), clip, files);
      }
    });
  });
}
