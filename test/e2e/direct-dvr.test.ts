/**
 * DVR playlists of a live stream whose older media is in a bucket: viewers get that from the bucket, and the
 * newest from oxbow, under addresses that do not change.
 * In: a live stream with a bucket behind a CDN that counts. Out: what passes oxbow, and what viewers get.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, suite, type TestContext, test } from 'node:test';
import { parsePlaylist } from '@oxbow/media/m3u8/parse';
import type { MediaPlaylist, PlaylistSegment } from '@oxbow/media/m3u8/playlist';
import { run } from '../fixtures/ffmpeg.ts';
import { need } from '../fixtures/need.ts';
import { type LoadedMedia, readFirstVariant, readMedia, resolvePath } from '../fixtures/playlists.ts';
import { type CountingProxy, openCountingProxy } from '../fixtures/proxies/counting-proxy.ts';
import { startEdge } from '../fixtures/proxies/edge.ts';
import { type DirectPast, openDirectPast } from '../fixtures/services/direct-past.ts';
import { until } from '../fixtures/wait.ts';
import { fullSuite, fullTest } from '../full.ts';

const INDEX = '/live/cam/dvr-30m/index.m3u8';
const VIEWERS = 100;
/** Of all bytes that viewers of the past get, most that pass oxbow. */
const MOST_OF_ORIGIN = 0.05;

/** What a player requests for a segment: the bytes that the list promises. */
function requestOf({ uri, byteRange }: PlaylistSegment, path: string) {
  const { offset, length } = byteRange!;
  return { path: resolvePath(uri, path), range: `bytes=${offset}-${offset + length - 1}`, length };
}

/** How a segment is answered, and with what. */
async function look(base: string, segment: PlaylistSegment, path: string, query = '') {
  const { path: address, range } = requestOf(segment, path);
  const answer = await fetch(`${base}${address}${query}`, { headers: { range }, redirect: 'manual' });
  const body = Buffer.from(await answer.arrayBuffer());
  return { status: answer.status, location: answer.headers.get('location') ?? '', body };
}

/** Each segment by its position, as a player compares it with what it has. */
function known({ segments, mediaSequence }: MediaPlaylist): Map<number, string> {
  return new Map(
    segments.map(({ uri, byteRange, durationS }, i) => [
      mediaSequence + i,
      `${uri} ${byteRange?.length}@${byteRange?.offset} ${durationS}`,
    ]),
  );
}

function assertUnchanged(before: ReadonlyMap<number, string>, after: ReadonlyMap<number, string>): void {
  for (const [position, segment] of before) if (after.has(position)) assert.equal(after.get(position), segment);
}

const isThere = (past: DirectPast, segment: PlaylistSegment, path: string) =>
  until('viewers are redirected', async () => (await look(past.server.url, segment, path)).status === 302);

suite('DVR playlists of a stream that was stopped and started again', () => {
  const opened = new AsyncDisposableStack();
  let past: DirectPast;
  let media: LoadedMedia;
  before(async () => {
    past = opened.use(await openDirectPast(8));
    await past.server.fetch('/api/v1/streams/cam/start', { method: 'POST' });
    await past.server.stream('cam');
    media = await until('the playlist reaches from the bucket to now', async () => {
      const loaded = await readFirstVariant(past.server, INDEX);
      return loaded.list.segments.some(({ discontinuity }) => discontinuity) && loaded;
    });
  });
  after(() => opened.disposeAsync());

  test('the older part has addresses of the CDN, the newest comes from oxbow, with the bytes of the list', async () => {
    const [first] = media.list.segments as [PlaylistSegment];
    await isThere(past, first, media.path);
    const statuses: number[] = [];
    for (const segment of media.list.segments) {
      const { status, location, body } = await look(past.server.url, segment, media.path);
      statuses.push(status);
      const { range, length } = requestOf(segment, media.path);
      const here = await look(past.server.url, segment, media.path, '?direct=off');
      assert.deepEqual([here.status, here.body.length], [206, length]);
      if (status === 206) assert.deepEqual(body, here.body);
      if (status !== 302) continue;
      assert.ok(location.startsWith(`${past.cdn.url}/`), location);
      const there = await fetch(location, { headers: { range } });
      assert.deepEqual(Buffer.from(await there.arrayBuffer()), here.body);
    }
    const boundary = statuses.lastIndexOf(302) + 1;
    assert.ok(boundary >= 3 && boundary < statuses.length, statuses.join());
    assert.deepEqual([...new Set(statuses.slice(boundary))], [206]);
  });

  test('a bucket that refuses is noticed, and the list stays as it is', async () => {
    const [first] = media.list.segments as [PlaylistSegment];
    await isThere(past, first, media.path);
    const direct = known((await readMedia(past.server, media.path)).list);
    past.cdn.refuse(403);
    try {
      const status = async () => (await look(past.server.url, first, media.path)).status;
      await until('oxbow sends the segment', async () => (await status()) === 206, { withinMs: 20_000 });
      assertUnchanged(direct, known((await readMedia(past.server, media.path)).list));
    } finally {
      past.cdn.refuse(undefined);
    }
    await isThere(past, first, media.path);
  });

  test('who may not watch gets neither a list nor an address', async () => {
    const [first] = media.list.segments as [PlaylistSegment];
    const change = async (body: object) => {
      const headers = { 'content-type': 'application/json' };
      const init = { method: 'PATCH', headers, body: JSON.stringify(body) };
      const answer = await past.server.fetch('/api/v1/streams/cam', init);
      assert.ok(answer.ok, await answer.clone().text());
    };
    await change({ visibility: 'signed' });
    assert.equal((await look(past.server.url, first, media.path)).status, 404);
    assert.equal((await fetch(`${past.server.url}${INDEX}`)).status, 404);
    await change({ visibility: 'public' });
    await isThere(past, first, media.path);
  });
});

fullSuite('DVR playlists of a stream that is live for longer than a file', () => {
  const opened = new AsyncDisposableStack();
  let past: DirectPast;
  let origin: CountingProxy;
  /** Playlists that were loaded while the first file was written, and moved. */
  const loaded: Map<number, string>[] = [];
  let media: LoadedMedia;

  before(async () => {
    const watching = new AbortController();
    let watched: Promise<void> | undefined;
    const watch = async (server: DirectPast['server']) => {
      while (!watching.signal.aborted) {
        const { list, path } = await readFirstVariant(server, INDEX);
        loaded.push(known(list));
        const next = list.mediaSequence + list.segments.length;
        await server.bytes(`${path}?_HLS_msn=${next}`);
      }
    };
    past = opened.use(
      await openDirectPast(50, {
        isLive: true,
        onLive(server) {
          watched = watch(server);
        },
      }),
    );
    watching.abort();
    await watched;
    origin = opened.use(await openCountingProxy(past.server.url));
    media = await readFirstVariant(past.server, INDEX);
    await isThere(past, media.list.segments[0]!, media.path);
  });
  after(() => opened.disposeAsync());

  /** Segments that the bucket has. */
  const inBucket = async () => {
    const answers = media.list.segments.map(async (segment) => ({
      segment,
      ...(await look(past.server.url, segment, media.path)),
    }));
    return (await Promise.all(answers)).filter(({ status }) => status === 302).map(({ segment }) => segment);
  };

  test('a list names a segment by the same range of the same address, from its first appearance on', async () => {
    assert.ok(loaded.length > 20, `${loaded.length} lists`);
    const first = new Map<number, string>();
    for (const list of [...loaded, known(media.list)])
      for (const [position, segment] of list) {
        assert.equal(segment, first.get(position) ?? segment);
        assert.match(segment, /-\d+\.mp4 \d+@\d+ /);
        first.set(position, segment);
      }
    assert.ok((await inBucket()).length > 20);
  });

  test('of the bytes of a hundred viewers of the past, less than a twentieth pass oxbow', async (t) => {
    const segments = (await inBucket()).slice(0, 20);
    const before = { origin: origin.bytes, cdn: past.cdn.bytes };
    const hashes = await Promise.all(Array.from({ length: VIEWERS }, () => watch(origin.url, media.path, segments)));
    const share = shareOf({ origin: origin.bytes - before.origin, cdn: past.cdn.bytes - before.cdn }, t);
    assert.deepEqual([...new Set(hashes)], [await watch(past.server.url, media.path, segments, '?direct=off')]);
    assert.ok(share < MOST_OF_ORIGIN, `${share}`);
  });

  fullTest('an edge lists the same, and passes redirects on', async () => {
    await using edge = await startEdge(past.server.url);
    const list = parsePlaylist(await (await fetch(`${edge.url}${media.path}`)).text()).playlist as MediaPlaylist;
    assertUnchanged(known(media.list), known(list));
    const { status, location } = await look(edge.url, media.list.segments[0]!, media.path);
    assert.deepEqual([status, location.startsWith(past.cdn.url)], [302, true]);
    const last = list.segments.at(-1)!;
    assert.equal((await look(edge.url, last, media.path)).status, 206);
  });

  fullTest('ffmpeg plays from the bucket into what oxbow sends', { skip: need('ffmpeg') }, async () => {
    const { list, path } = await readFirstVariant(past.server, INDEX);
    const before = past.cdn.requests.length;
    // Not to the live edge: there it warns of what it has to wait for.
    const seconds = Math.floor(list.segments.reduce((sum, { durationS }) => sum + durationS, -4));
    const input = ['-http_persistent', '0', '-live_start_index', '0', '-i', `${past.server.url}${path}`];
    const output = ['-t', String(seconds), '-map', '0:v:0', '-fps_mode', 'passthrough', '-f', 'framemd5', '-'];
    const { code, stdout, stderr } = await run('ffmpeg', ['-v', 'error', '-threads', '1', ...input, ...output]);
    assert.deepEqual([code, stderr], [0, '']);
    const pictures = stdout
      .toString()
      .split('\n')
      .filter((line) => /^\d/.test(line));
    assert.ok(pictures.length >= 25 * (seconds - 1) * 0.99, `${pictures.length} pictures of ${seconds} s`);
    assert.ok(past.cdn.requests.length - before > 20);
  });
});

fullTest(
  'a derived quality is listed with its sound apart, each as ranges of a file',
  { skip: need('ffmpeg') },
  async () => {
    const quality = { ladder: '480p:2M', ladderStart: 'always', recordQualities: true };
    const picture = ['--test-picture-width', '1280', '--test-picture-height', '720'];
    await using past = await openDirectPast(20, { args: picture, stream: quality });
    await past.server.fetch('/api/v1/streams/cam/start', { method: 'POST' });
    await past.server.stream('cam');
    const index = await until('the quality is offered', async () => {
      const text = Buffer.from(await past.server.bytes(INDEX)).toString();
      return text.includes('v0-480/') && text;
    });
    assert.match(index, /TYPE=AUDIO.*URI="a0\/g\d+\.m3u8"/);
    assert.doesNotMatch(index, /^av0/m);
    const [generation] = /g\d+\.m3u8/.exec(index)!;
    for (const id of ['v0-480', 'a0']) {
      const path = resolvePath(`${id}/${generation}`, INDEX);
      const { list } = await until('it has segments of now', async () => {
        const loaded = await readMedia(past.server, path);
        return loaded.list.segments.some(({ discontinuity }) => discontinuity) && loaded;
      });
      const listed = list.segments.filter(({ gap }) => !gap);
      assert.ok(listed.length > 8, `${listed.length} segments of ${id}`);
      await isThere(past, listed[0]!, path);
      for (const segment of listed) {
        const { status, body } = await look(past.server.url, segment, path, '?direct=off');
        assert.deepEqual([status, body.length], [206, segment.byteRange!.length], `${id} ${segment.uri}`);
      }
    }
  },
);

/**
 * Plays some segments of a DVR playlist as a player does that has rewound: it loads the playlist again and
 * again. Returns the hash of all bytes of media.
 */
async function watch(base: string, path: string, segments: readonly PlaylistSegment[], query = ''): Promise<string> {
  const hash = createHash('sha256');
  const load = async (address: string, headers: Record<string, string> = {}) => {
    const answer = await fetch(`${base}${address}`, { headers });
    assert.ok(answer.ok, `${address}: ${answer.status}`);
    return Buffer.from(await answer.arrayBuffer());
  };
  await load(INDEX);
  await load(path);
  hash.update(await load(resolvePath(segments[0]!.map!.uri, path)));
  for (const [i, segment] of segments.entries()) {
    if (i % 2 === 1) await load(`${path}?_HLS_skip=YES`);
    const { path: address, range } = requestOf(segment, path);
    hash.update(await load(`${address}${query}`, { range }));
  }
  return hash.digest('hex');
}

/** The part of all bytes that came from oxbow, 0 to 1. */
function shareOf(bytes: { readonly origin: number; readonly cdn: number }, context: TestContext): number {
  const share = bytes.origin / (bytes.origin + bytes.cdn);
  context.diagnostic(`${bytes.origin} bytes from oxbow, ${bytes.cdn} from the bucket: ${(share * 100).toFixed(2)} %`);
  return share;
}
