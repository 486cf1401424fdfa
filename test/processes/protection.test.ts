/**
 * Encryption and the broadcaster's rules for the past in several processes that are one server: any process
 * answers as the one that has the stream.
 * In: two processes, one stream of each kind. Out: what clients get, over connections that any process takes.
 */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { canSharePorts } from '../../src/serve/hot/listeners.ts';
import { newestStretch } from '../browser/stretch.ts';
import { pictureHashes } from '../fixtures/ffmpeg.ts';
import { need } from '../fixtures/need.ts';
import { readFirstVariant, resolvePath } from '../fixtures/playlists.ts';
import { get, liveOf, VIEWER, verdict } from '../fixtures/proxies/client-requests.ts';
import { type Folder, openFolder, type Server, smallPicture, startPlainServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';

const ADMIN = 'let-me-in-please';
const asAdmin = { authorization: `Bearer ${ADMIN}` };
/** Requests that reach each process. */
const MANY = 24;
const skip = canSharePorts ? need('ffmpeg') : 'needs shared ports';

/** The different answers to one request that is sent many times. */
async function answers(ask: () => Promise<string>): Promise<readonly string[]> {
  const all = await Promise.all(Array.from({ length: MANY }, ask));
  return [...new Set(all)].sort();
}

suite('protection with several processes', { skip }, () => {
  let folder: Folder;
  let server: Server;
  before(async () => {
    folder = await openFolder('processes-protection');
    const args = ['--processes', '2', '--hls-segment-duration', '1s', '--encryption-key-every', '2', ...smallPicture];
    server = await startPlainServer({ data: folder.path, adminToken: ADMIN, sample: false, ingest: ['rtmp'], args });
    for (const [name, encryption] of [
      ['aes', 'aes-128'],
      ['drm', 'cbcs'],
      ['show', 'none'],
    ] as const) {
      await send('POST', '/api/v1/streams', { name, source: { type: 'test' }, visibility: 'public', encryption });
    }
    for (const name of ['aes', 'drm', 'show']) await server.stream(name, 'live');
  });
  after(async () => {
    await server?.[Symbol.asyncDispose]();
    await folder?.[Symbol.asyncDispose]();
  });

  async function send(method: string, path: string, body: unknown): Promise<void> {
    const headers = { 'content-type': 'application/json' };
    const response = await server.fetch(path, { method, headers, body: JSON.stringify(body) });
    assert.ok(response.ok, await response.text());
  }

  test('each process has the same keys, and gives no clear segment', async () => {
    const { fromMs, toMs } = await newestStretch(server, 4, 'aes');
    const window = `aes/${fromMs}/${toMs}`;
    assert.deepEqual(
      await pictureHashes(`${server.url}/vod/${window}/index.m3u8`),
      await pictureHashes(`${server.url}/clip/${window}.mp4`),
    );
    for (const name of ['aes', 'drm']) {
      const { list, path } = await until(`${name} has segments`, async () => {
        const live = await readFirstVariant(server, `/live/${name}/index.m3u8`);
        return live.list.segments.length > 1 && live;
      });
      const [segment] = list.segments;
      const paths = [segment!.uri, segment!.map!.uri, ...(name === 'aes' ? [segment!.key!.uri!] : [])];
      for (const each of paths.map((uri) => resolvePath(uri, path))) {
        const bodies = await answers(async () => {
          const { status, body } = await get(server.url, each);
          return `${status} ${body.toString('hex')}`;
        });
        assert.equal(bodies.length, 1, each);
        assert.match(bodies[0]!, /^200 /);
      }
      const clear = resolvePath(segment!.uri, path).replace(/\/k[^/]*(?=\/\d+\.m4s)/, '');
      assert.deepEqual(await answers(() => verdict(server.url, clear)), ['media-encrypted']);
      if (name === 'aes') continue;
      const init = (await get(server.url, resolvePath(segment!.map!.uri, path))).body;
      const at = init.indexOf('tenc');
      const kids = [init.subarray(at + 12, at + 28).toString('base64url')];
      const licences = await answers(async () => {
        const { status, body } = await get(server.url, '/live/drm/keys/clearkey', VIEWER, { kids });
        return `${status} ${body}`;
      });
      assert.equal(licences.length, 1);
      assert.match(licences[0]!, /^200 .*"kty":"oct"/);
    }
  });

  test('a delay is kept by each process: media, lists, guides, events', async () => {
    const url = server.url;
    await send('PATCH', '/api/v1/streams/show', { past: { delay: '3m' } });
    const since = (await server.json<{ next: string }>(`/api/v1/events?since=${Math.floor(Date.now() / 1000) - 1}`))
      .next;
    const title = 'a marker of now';
    for (const name of ['show', 'aes']) {
      await send('POST', `/api/v1/streams/${name}/markers`, { at: String(Date.now()), text: title });
    }
    const { folder: path, msns } = await liveOf(url, 'show', asAdmin);
    const newest = `${path}/${msns.at(-1)}.m4s`;
    assert.deepEqual(await answers(() => verdict(url, newest, asAdmin)), ['200']);
    assert.deepEqual(await answers(() => verdict(url, newest)), ['not-found']);
    const guide = async (headers = VIEWER) =>
      String((await get(url, '/xmltv.xml?stream=show', headers)).body.includes(title));
    assert.deepEqual(await answers(() => guide(asAdmin)), ['true'], 'administrators fill the caches');
    assert.deepEqual(await answers(() => guide()), ['false']);
    const events = async (headers = VIEWER) => {
      const { body } = await get(url, `/api/v1/events?types=marker.added&since=${since}`, headers);
      const { items } = JSON.parse(body.toString()) as { items: { stream: string }[] };
      return items
        .map(({ stream }) => stream)
        .sort()
        .join();
    };
    await until(
      'the events are in the log',
      async () => (await answers(() => events(asAdmin))).join(' ') === 'aes,show',
    );
    assert.deepEqual(await answers(() => events()), ['aes']);
    const offer = async () =>
      String(
        (
          await fetch(`${url}/whep/show`, {
            method: 'POST',
            headers: { 'content-type': 'application/sdp' },
            body: 'v=0\r\n',
          })
        ).status,
      );
    assert.ok(!(await answers(offer)).includes('201'));
  });
});
