/**
 * Streams and videos whose HLS segments are encrypted with AES-128: what players that know nothing of oxbow
 * decode is what was recorded, and only those with the right to watch get the keys.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { newestStretch } from '../browser/stretch.ts';
import { pictureHashes } from '../fixtures/ffmpeg.ts';
import { freePort } from '../fixtures/free-port.ts';
import { writeFilms } from '../fixtures/library/films.ts';
import { need } from '../fixtures/need.ts';
import { type LoadedMedia, readFirstVariant, readMedia, resolvePath } from '../fixtures/playlists.ts';
import { startEdge } from '../fixtures/proxies/edge.ts';
import { type Folder, openFolder, type Server, smallPicture, startPlainServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { fullTest, perTier } from '../full.ts';

const adminToken = 'let-me-in-please';
const watchSecret = 'a secret of origin and edges';
/** Segments of a second, and another key every two. */
const args = [
  ...[...smallPicture, '--hls-segment-duration', '1s', '--watch-secret', watchSecret],
  ...['--encryption-key-every', '2', '--encryption-streams', 'aes-128', '--encryption-assets', 'aes-128'],
];
/** Seconds that are recorded before and after the restart. */
const SECONDS = perTier({ first: 4, full: 6 });

const statusOf = async (url: string) => {
  const response = await fetch(url);
  await response.arrayBuffer();
  return response.status;
};

/** The first complete segment of a list, and its key. */
function firstOf({ path, list }: LoadedMedia): { readonly segment: string; readonly key: string } {
  const [segment] = list.segments;
  assert.equal(segment?.key?.method, 'AES-128');
  return { segment: resolvePath(segment.uri, path), key: resolvePath(segment.key.uri!, path) };
}

suite('an encrypted stream', () => {
  let folder: Folder;
  let server: Server;
  let http: string;
  const start = () => startPlainServer({ data: join(folder.path, 'data'), args, adminToken, http, sample: false });
  const post = async (path: string, body: unknown) => {
    const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
    const response = await server.fetch(path, init);
    assert.ok(response.ok, await response.clone().text());
    return (await response.json()) as Record<string, string>;
  };

  before(async () => {
    folder = await openFolder('encryption');
    http = `127.0.0.1:${await freePort()}`;
    server = await start();
    for (const [name, visibility] of [
      ['cam', 'public'],
      ['closed', 'signed'],
    ] as const) {
      await post('/api/v1/streams', { name, source: { type: 'test' }, visibility });
      await server.stream(name, 'live');
    }
  });
  after(async () => {
    await server?.[Symbol.asyncDispose]();
    await folder?.[Symbol.asyncDispose]();
  });

  test('plays with the same pictures as its clear file, over several keys and over a restart', {
    skip: need('ffmpeg'),
  }, async () => {
    const before = await newestStretch(server, SECONDS, 'cam');
    const window = (fromMs: number, toMs: number) => `/vod/cam/${Math.floor(fromMs / 1000) + 1}000/${toMs}`;
    const first = await readFirstVariant(server, `${window(before.fromMs, before.toMs)}/index.m3u8`);
    const keys = new Set(first.list.segments.map(({ key }) => key?.uri));
    assert.ok(keys.size >= perTier({ first: 2, full: 3 }), `${keys.size} keys`);
    const { segment, key } = firstOf(first);
    const [bytes, bytesOfKey] = [await server.bytes(segment), await server.bytes(key)];
    assert.equal(bytesOfKey.length, 16);
    await server.stop();
    server = await start();
    const later = await until('there is media after the restart', async () => {
      const stretch = await newestStretch(server, SECONDS, 'cam');
      return stretch.fromMs >= before.toMs && stretch;
    });
    assert.deepEqual(await server.bytes(segment), bytes, 'the same bytes after the restart');
    assert.deepEqual(await server.bytes(key), bytesOfKey, 'the same key after the restart');
    for (const { fromMs, toMs } of [before, later]) {
      const path = window(fromMs, toMs);
      const playlists = await pictureHashes(`${server.url}${path}/index.m3u8`);
      const file = await pictureHashes(`${server.url}/clip${path.slice(4)}.mp4`);
      assert.ok(playlists.length > 50, `${playlists.length} pictures`);
      assert.deepEqual(playlists, file);
      const ts = await pictureHashes(`${server.url}${path}/ts.m3u8`);
      assert.deepEqual(ts, file);
    }
  });

  test('gives live segments and parts of which a client without the key sees nothing', async () => {
    const { list, path } = await until('a live list has parts', async () => {
      const live = await readFirstVariant(server, '/live/cam/index.m3u8');
      return live.list.segments.some(({ parts }) => parts.length > 0) && live;
    });
    const names = list.segments.flatMap(({ uri, parts }) => [...parts.map((part) => part.uri), ...(uri ? [uri] : [])]);
    for (const name of names) {
      const bytes = Buffer.from(await server.bytes(resolvePath(name, path)));
      assert.equal(bytes.length % 16, 0);
      assert.ok(!bytes.includes('moof') && !bytes.includes('mdat'));
    }
    const clear = resolvePath(list.segments[0]!.uri.replace(/k[^/]*\//, ''), path);
    assert.equal(await statusOf(`${server.url}${clear}`), 403);
    assert.equal(await statusOf(`${server.url}/live/cam/index.mpd`), 403);
  });

  test('gives its keys to those who may watch, and to no cache; edges ask the origin for each viewer', async () => {
    const { token } = await post('/api/v1/streams/closed/watch-tokens', { expires: '1h' });
    await using edge = await startEdge(server.url, { args: ['--watch-secret', watchSecret] });
    const signed = `/t/${token}/live/closed/index.m3u8`;
    const { segment, key } = firstOf(
      await until('a list has a segment', async () => {
        const live = await readFirstVariant(server, signed);
        return live.list.segments.length > 1 && live;
      }),
    );
    const unsigned = key.replace(`/t/${token}`, '');
    for (const base of [server.url, edge.url]) {
      const response = await fetch(`${base}${key}`);
      assert.equal(response.status, 200);
      assert.match(response.headers.get('cache-control') ?? '', /no-store/);
      assert.deepEqual(Buffer.from(await response.arrayBuffer()), Buffer.from(await server.bytes(key)));
      assert.equal(await statusOf(`${base}${unsigned}`), 404, 'as for a stream that does not exist');
      assert.equal(await statusOf(`${base}${key.replace(token!, `${token}x`)}`), 403);
      const media = await fetch(`${base}${segment}`);
      assert.match(media.headers.get('cache-control') ?? '', /private, max-age=31536000, immutable/);
      assert.deepEqual(Buffer.from(await media.arrayBuffer()), Buffer.from(await server.bytes(segment)));
    }
    const before = (await edge.status()).requests;
    await statusOf(`${edge.url}${segment}`);
    await statusOf(`${edge.url}${key}`);
    const { requests } = await edge.status();
    assert.deepEqual([requests.hit! - before.hit!, requests.passed! - before.passed!], [1, 1]);
    const text = Buffer.from(await server.bytes('/metrics')).toString();
    assert.match(text, /oxbow_http_requests_total\{class="key",status="200"\} [1-9]/);
    assert.match(text, /oxbow_http_requests_total\{class="key",status="404"\} [1-9]/);
    assert.match(text, /oxbow_encrypted_segments_total\{result="made"\} [1-9]/);
  });

  fullTest('has films of the library beside it that are encrypted too', { skip: need('ffmpeg') }, async () => {
    await server.stop();
    const [film] = await writeFilms(join(folder.path, 'data'), { visibility: 'public', seconds: 6, rungs: ['90'] });
    server = await start();
    const path = `/assets/${film}/index.m3u8`;
    const { list } = await readFirstVariant(server, path);
    assert.ok(list.segments.length > 1 && list.segments.every(({ key }) => key?.method === 'AES-128'));
    const media = await readMedia(server, (await readFirstVariant(server, path)).path);
    const { segment, key } = firstOf(media);
    assert.equal((await server.bytes(key)).length, 16);
    assert.ok(!Buffer.from(await server.bytes(segment)).includes('moof'));
    assert.deepEqual(
      await pictureHashes(`${server.url}${media.path}`),
      await pictureHashes(`${server.url}/assets/${film}/${/([^/]+)\.m3u8$/.exec(media.path)![1]}.mp4`),
    );
    assert.equal(await statusOf(`${server.url}/assets/${film}/index.mpd`), 403);
    const set = async (encryption: string | null) => {
      const init = {
        method: 'PATCH',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ encryption }),
      };
      const response = await server.fetch(`/api/v1/assets/${film}`, init);
      assert.equal(response.status, 200, await response.text());
      return (await readFirstVariant(server, path)).list.segments[0]!.key?.method;
    };
    assert.equal(await set('none'), undefined);
    assert.equal(await statusOf(`${server.url}/assets/${film}/index.mpd`), 200);
    assert.equal(await set(null), 'AES-128');
  });
});
