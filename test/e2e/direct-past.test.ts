/**
 * Viewers of the past get segments from the bucket: a server with a bucket behind a CDN, both behind proxies
 * that count.
 * In: a recording that was moved to the bucket. Out: what passes oxbow, and what viewers get.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, type TestContext, test } from 'node:test';
import type { PlaylistSegment } from '@oxbow/media/m3u8/playlist';
import type { StreamView } from '../../src/api/shapes.ts';
import { run } from '../fixtures/ffmpeg.ts';
import { need } from '../fixtures/need.ts';
import { type LoadedMedia, readFirstVariant, resolvePath } from '../fixtures/playlists.ts';
import { type CountingProxy, openCountingProxy } from '../fixtures/proxies/counting-proxy.ts';
import { startEdge } from '../fixtures/proxies/edge.ts';
import { type DirectPast, openDirectPast } from '../fixtures/services/direct-past.ts';
import { until } from '../fixtures/wait.ts';
import { fullSuite, fullTest, perTier } from '../full.ts';

/** Recorded, seconds. */
const LENGTH_S = perTier({ first: 8, full: 12 });
const VIEWERS = 100;
/** Of all bytes that viewers get, most that pass oxbow. */
const MOST_OF_ORIGIN = 0.05;
/** A bucket that refuses is noticed by a probe within five seconds. */
const NOTICED_WITHIN_MS = 20_000;

suite('the past from the bucket', () => {
  const opened = new AsyncDisposableStack();
  let past: DirectPast;
  let origin: CountingProxy;
  let media: LoadedMedia;

  before(async () => {
    past = opened.use(await openDirectPast(LENGTH_S, { args: perTier({ first: [], full: ['--threads', '2'] }) }));
    origin = opened.use(await openCountingProxy(past.server.url));
    media = await readFirstVariant(past.server, past.index);
  });
  after(() => opened.disposeAsync());

  /** A good answer to JSON. */
  const send = async (path: string, body: object, method = 'POST') => {
    const headers = { 'content-type': 'application/json' };
    const answer = await past.server.fetch(path, { method, headers, body: JSON.stringify(body) });
    assert.ok(answer.ok, await answer.clone().text());
    return answer;
  };
  /** The request for segment `i` of the window, and the bytes that the list promises. */
  const segmentOf = (i: number) => {
    const { uri, byteRange } = media.list.segments[i]!;
    const { offset, length } = byteRange!;
    return { path: resolvePath(uri, media.path), range: `bytes=${offset}-${offset + length - 1}`, length };
  };
  /** Requests a segment without following where it is. */
  const look = async (i: number, { query = '', base = past.server.url } = {}) => {
    const { path, range } = segmentOf(i);
    const answer = await fetch(`${base}${path}${query}`, { headers: { range }, redirect: 'manual' });
    return { status: answer.status, location: answer.headers.get('location'), body: await answer.arrayBuffer() };
  };
  const isRedirected = (i: number) => until('viewers are redirected', async () => (await look(i)).status === 302);

  test('a list names ranges of files, and each is answered with an address at the CDN that has its bytes', async () => {
    assert.ok(media.list.segments.length > 1);
    await isRedirected(0);
    for (let i = 0; i < media.list.segments.length; i++) {
      const { range, length } = segmentOf(i);
      const { status, location } = await look(i);
      assert.equal(status, 302);
      assert.ok(location!.startsWith(`${past.cdn.url}/`), location!);
      const there = await fetch(location!, { headers: { range } });
      assert.equal(there.status, 206);
      assert.equal(there.headers.get('cache-control'), 'public, max-age=300');
      const bytes = Buffer.from(await there.arrayBuffer());
      assert.equal(bytes.length, length);
      const here = await look(i, { query: '?direct=off' });
      assert.equal(here.status, 206);
      assert.deepEqual(Buffer.from(here.body), bytes, 'oxbow has the same bytes under this address');
    }
  });

  test('of the bytes of a hundred viewers, less than a twentieth pass oxbow', async (t) => {
    await isRedirected(0);
    const before = { origin: origin.bytes, cdn: past.cdn.bytes };
    const hashes = await Promise.all(Array.from({ length: VIEWERS }, () => watch(origin.url, past.index)));
    assert.equal(new Set(hashes).size, 1);
    const share = shareOf({ origin: origin.bytes - before.origin, cdn: past.cdn.bytes - before.cdn }, t);
    assert.ok(share < MOST_OF_ORIGIN, `${share}`);
  });

  test('so of a hundred viewers of DASH, who get the same bytes as from oxbow', async (t) => {
    await isRedirected(0);
    const manifest = past.index.replace(/m3u8$/, 'mpd');
    const before = { origin: origin.bytes, cdn: past.cdn.bytes };
    const hashes = await Promise.all(Array.from({ length: VIEWERS }, () => watchDash(origin.url, manifest)));
    const share = shareOf({ origin: origin.bytes - before.origin, cdn: past.cdn.bytes - before.cdn }, t);
    assert.ok(share < MOST_OF_ORIGIN, `${share}`);
    assert.deepEqual([...new Set(hashes)], [await watchDash(past.server.url, manifest, '?direct=off')]);
  });

  fullTest('ffmpeg decodes the same pictures as from oxbow', { skip: need('ffmpeg') }, async () => {
    await isRedirected(0);
    const before = past.cdn.requests.length;
    const direct = await decode(['-http_persistent', '0', '-i', `${past.server.url}${past.index}`]);
    assert.ok(past.cdn.requests.length - before >= media.list.segments.length);
    const usual = media.list.segments.map(({ uri }) => resolvePath(uri, media.path).replace(/-\d+\.mp4$/, '.m4s'));
    const init = await past.server.bytes(resolvePath(media.list.segments[0]!.map!.uri, media.path));
    const file = join(past.folder, 'usual.mp4');
    await writeFile(file, Buffer.concat([init, ...(await Promise.all(usual.map((path) => past.server.bytes(path))))]));
    assert.ok(direct.length > 25 * (LENGTH_S - 2));
    assert.deepEqual(direct, await decode(['-i', file]));
  });

  fullTest('who may not watch a stream gets no address, and a token gives one', async () => {
    await send('/api/v1/streams/cam', { visibility: 'signed' }, 'PATCH');
    const { status, location } = await look(0);
    assert.deepEqual([status, location], [404, null]);
    const answer = await send('/api/v1/streams/cam/watch-tokens', { expires: '1h' });
    const { token } = (await answer.json()) as { token: string };
    const withToken = await look(0, { base: `${past.server.url}/t/${token}` });
    assert.equal(withToken.status, 302);
    assert.ok(!withToken.location!.includes(token), 'the bucket does not get the token');
    await send('/api/v1/streams/cam', { visibility: 'public' }, 'PATCH');
  });

  fullTest('who may not watch from a network gets no address', async () => {
    await isRedirected(0);
    await send('/api/v1/streams/cam', { watchRules: { deny: ['127.0.0.0/8', '::1'] } }, 'PATCH');
    const { status, location } = await look(0);
    assert.deepEqual([status, location], [403, null]);
    await send('/api/v1/streams/cam', { watchRules: null }, 'PATCH');
    await isRedirected(0);
  });

  test('a bucket that refuses is noticed, and oxbow sends the same bytes until it answers again', async () => {
    await isRedirected(0);
    const whole = await watch(past.server.url, past.index);
    past.cdn.refuse(403);
    // A viewer whose request failed says so, and is served at once.
    assert.equal((await look(0, { query: '?direct=off' })).status, 206);
    const within = { withinMs: NOTICED_WITHIN_MS };
    await until('it is noticed', async () => (await look(0)).status === 206, within);
    assert.equal(await watch(past.server.url, past.index), whole);
    const warning = await until('it is in the log', async () =>
      past.server.log('warn').find(({ msg }) => msg.startsWith('viewers are not redirected')),
    );
    assert.deepEqual([warning.target, warning.problem], ['bucket', 'it answers a signed address with 403']);
    assert.match(
      Buffer.from(await past.server.bytes('/metrics')).toString(),
      /oxbow_storage_direct_up\{target="bucket"\} 0/,
    );
    past.cdn.refuse(undefined);
    await until('it is used again', async () => (await look(0)).status === 302, within);
  });

  fullTest('an edge passes the redirect on, and does not keep it', async () => {
    await isRedirected(0);
    await using edge = await startEdge(past.server.url);
    for (let i = 0; i < 2; i++) {
      const { status, location } = await look(0, { base: edge.url });
      assert.deepEqual([status, location!.startsWith(past.cdn.url)], [302, true]);
    }
    const before = past.cdn.requests.length;
    assert.equal(await watch(edge.url, past.index), await watch(past.server.url, past.index));
    const requests = past.cdn.requests.slice(before).filter((line) => line.endsWith(' 206'));
    // Oxbow itself looks from time to time whether the bucket answers.
    assert.ok(requests.length >= 2 * media.list.segments.length, requests.join('\n'));
  });

  fullTest('so is an asset of the library', async () => {
    await isRedirected(0);
    const from = new Date(past.fromMs + 1_000).toISOString();
    const made = await send('/api/v1/assets', { stream: 'cam', from, to: '4s', title: 'Kept', visibility: 'public' });
    const { id } = (await made.json()) as { id: string };
    const { list, path } = await readFirstVariant(past.server, `/assets/${id}/index.m3u8`);
    const [{ uri, byteRange }] = list.segments as [PlaylistSegment];
    const headers = { range: `bytes=${byteRange!.offset}-${byteRange!.offset + byteRange!.length - 1}` };
    const request = async (query: string) => fetch(`${past.server.url}${resolvePath(uri, path)}${query}`, { headers });
    const before = past.cdn.requests.length;
    const there = Buffer.from(await (await request('')).arrayBuffer());
    assert.equal(past.cdn.requests.slice(before).filter((line) => line.endsWith(' 206')).length, 1);
    assert.equal(there.length, byteRange!.length);
    assert.deepEqual(there, Buffer.from(await (await request('?direct=off')).arrayBuffer()));
  });

  fullTest('an erased segment has no address, and the one that was signed before does not have its bytes', async () => {
    await isRedirected(0);
    const { location } = await look(0);
    const there = async () => {
      const answer = await fetch(location!, { headers: { range: segmentOf(0).range } });
      return Buffer.from(await answer.arrayBuffer());
    };
    const bytes = await there();
    const next = (await look(1, { query: '?direct=off' })).body;
    const fromMs = media.list.segments[0]!.programDateTimeMs!;
    const path = `/api/v1/streams/cam/recordings?from=${Math.round(fromMs) + 100}&to=${Math.round(fromMs) + 200}&assets=delete`;
    const answer = await past.server.fetch(path, { method: 'DELETE' });
    assert.ok(answer.ok, await answer.clone().text());
    assert.equal((await look(0)).status, 410);
    await until('the object is gone, or another one', async () => !(await there()).equals(bytes));
    assert.deepEqual((await look(1, { query: '?direct=off' })).body, next, 'the list is still valid');
  });
});

fullSuite('the past of a quality from the bucket', { skip: need('ffmpeg') }, () => {
  const opened = new AsyncDisposableStack();
  let past: DirectPast;
  let origin: CountingProxy;
  before(async () => {
    const quality = { ladder: '480p:2M', ladderStart: 'always', recordQualities: true };
    const picture = ['--test-picture-width', '1280', '--test-picture-height', '720'];
    past = opened.use(await openDirectPast(20, { args: picture, stream: quality }));
    origin = opened.use(await openCountingProxy(past.server.url));
  });
  after(() => opened.disposeAsync());

  test('of the bytes of a hundred viewers, who play picture and sound of two files, less than a twentieth pass oxbow', async (t) => {
    const fromS = Math.floor(past.fromMs / 1000);
    // The encoder began a little later than the stream.
    const index = await until('a window has the quality', async () => {
      for (let later = 0; later < 12; later++) {
        const path = `/vod/cam/${fromS + later}/${fromS + 20}/index.m3u8`;
        if (Buffer.from(await past.server.bytes(path)).includes('v0-480.m3u8')) return path;
      }
      return false;
    });
    const text = Buffer.from(await past.server.bytes(index)).toString();
    assert.match(text, /TYPE=AUDIO.*URI="a0\.m3u8"/);
    assert.doesNotMatch(text, /^av0/m);
    const play = async (base: string, query = '') => {
      const both = ['v0-480', 'a0'].map((id) => watchList(base, index.replace('index', id), query));
      return (await Promise.all(both)).join();
    };
    const first = async () => {
      const { list, path } = await readFirstVariant(past.server, index);
      const { uri, byteRange } = list.segments[0]!;
      const headers = { range: `bytes=${byteRange!.offset}-${byteRange!.offset + byteRange!.length - 1}` };
      return fetch(`${past.server.url}${resolvePath(uri, path)}`, { headers, redirect: 'manual' });
    };
    await until('viewers are redirected', async () => (await first()).status === 302);
    const before = { origin: origin.bytes, cdn: past.cdn.bytes };
    const played = await Promise.all(Array.from({ length: VIEWERS }, () => play(origin.url)));
    const share = shareOf({ origin: origin.bytes - before.origin, cdn: past.cdn.bytes - before.cdn }, t);
    assert.ok(share < MOST_OF_ORIGIN, `${share}`);
    assert.deepEqual([...new Set(played)], [await play(past.server.url, '?direct=off')]);
  });
});

fullTest('of the bytes of a hundred viewers who rewind a live stream, less than a twentieth pass oxbow', async (t) => {
  await using past = await openDirectPast(50, { isLive: true });
  await using origin = await openCountingProxy(past.server.url);
  assert.equal((await past.server.json<StreamView>('/api/v1/streams/cam')).state, 'live');
  const fromS = Math.floor(past.fromMs / 1000);
  const index = `/vod/cam/${fromS}/${fromS + 20}/index.m3u8`;
  const bytesOf = (path: string) => watch(origin.url, path);
  await until('all of it comes from the bucket', async () => {
    const before = past.cdn.requests.length;
    await bytesOf(index);
    return past.cdn.requests.length - before >= 9;
  });
  const before = { origin: origin.bytes, cdn: past.cdn.bytes };
  const hashes = await Promise.all(Array.from({ length: VIEWERS }, () => bytesOf(index)));
  assert.equal(new Set(hashes).size, 1);
  const share = shareOf({ origin: origin.bytes - before.origin, cdn: past.cdn.bytes - before.cdn }, t);
  assert.ok(share < MOST_OF_ORIGIN, `${share}`);
});

/**
 * Plays a window as a light player does: every segment of the first variant. Returns the hash of all bytes.
 */
async function watch(base: string, index: string): Promise<string> {
  const text = async (path: string) => {
    const answer = await fetch(`${base}${path}`);
    assert.equal(answer.status, 200, path);
    return answer.text();
  };
  const first = (list: string) => list.split('\n').find((line) => line !== '' && !line.startsWith('#'))!;
  return watchList(base, resolvePath(first(await text(index)), index));
}

/** Plays a playlist of a window. @param query of requests for segments */
async function watchList(base: string, path: string, query = ''): Promise<string> {
  const answer = await fetch(`${base}${path}`);
  assert.equal(answer.status, 200, path);
  const list = await answer.text();
  const hash = createHash('sha256');
  const get = async (uri: string, headers: Record<string, string> = {}) => {
    const answer = await fetch(`${base}${resolvePath(uri, path)}`, { headers });
    assert.ok(answer.ok, `${uri}: ${answer.status}`);
    hash.update(Buffer.from(await answer.arrayBuffer()));
  };
  await get(/EXT-X-MAP:URI="([^"]+)"/.exec(list)![1]!);
  for (const [, length, offset, uri] of list.matchAll(/EXT-X-BYTERANGE:(\d+)@(\d+)\n#EXTINF.*\n(.+)/g)) {
    await get(`${uri}${query}`, { range: `bytes=${offset}-${Number(offset) + Number(length) - 1}` });
  }
  return hash.digest('hex');
}

/**
 * Plays a window by its DASH manifest: every segment of the first picture and sound. Returns the hash of all
 * bytes.
 */
async function watchDash(base: string, manifest: string, query = ''): Promise<string> {
  const answer = await fetch(`${base}${manifest}`);
  assert.equal(answer.status, 200, manifest);
  const text = await answer.text();
  const hash = createHash('sha256');
  const folder = new URL(/<BaseURL>([^<]*)<\/BaseURL>/.exec(text)?.[1] ?? './', `${base}${manifest}`);
  const get = async (media: string, headers: Record<string, string> = {}) => {
    const got = await fetch(new URL(media, folder).href + query, { headers });
    assert.ok(got.ok, `${media}: ${got.status}`);
    hash.update(Buffer.from(await got.arrayBuffer()));
  };
  const inits = [...text.matchAll(/<Initialization sourceURL="([^"]+)"/g)].map(([, url]) => url!);
  const segments = [...text.matchAll(/<SegmentURL media="([^"]+)" mediaRange="([^"]+)"/g)];
  assert.ok(inits.length > 0 && segments.length > 1, text);
  for (const init of inits) await get(init);
  for (const [, media, range] of segments) await get(media!, { range: `bytes=${range}` });
  return hash.digest('hex');
}

/** The part of all bytes that came from oxbow, 0 to 1. */
function shareOf(bytes: { readonly origin: number; readonly cdn: number }, context: TestContext): number {
  const share = bytes.origin / (bytes.origin + bytes.cdn);
  context.diagnostic(`${bytes.origin} bytes from oxbow, ${bytes.cdn} from the bucket: ${(share * 100).toFixed(2)} %`);
  return share;
}

/**
 * MD5 of every decoded picture. Over kept connections ffmpeg warns of each redirect to another host, and
 * opens a new one.
 */
async function decode(input: readonly string[]): Promise<string[]> {
  const output = ['-map', '0:v:0', '-fps_mode', 'passthrough', '-f', 'framemd5', '-'];
  const { code, stdout, stderr } = await run('ffmpeg', ['-v', 'warning', '-threads', '1', ...input, ...output]);
  assert.deepEqual([code, stderr], [0, '']);
  const lines = stdout.toString().split('\n');
  return lines.filter((line) => /^\d/.test(line)).map((line) => line.split(',')[5]!.trim());
}
