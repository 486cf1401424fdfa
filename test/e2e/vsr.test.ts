import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { newestStretch } from '../browser/stretch.ts';
import { run, stripsOf } from '../fixtures/ffmpeg.ts';
import { need } from '../fixtures/need.ts';
import { datesOf, readFirstVariant, readMedia, readMultivariant, resolvePath } from '../fixtures/playlists.ts';
import { type Folder, openFolder, type Server, smallPicture, startPlainServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { fullTest, isFull } from '../full.ts';

const PICTURE = { width: 320, height: 180 };
const FRAME_MS = 40;
const TOKEN = 'a-token-for-tests';

suite('players of MPEG-TS, and addresses of video-stream-recorder', { skip: need('ffmpeg') }, () => {
  const opened = new AsyncDisposableStack();
  let folder: Folder;
  let server: Server;

  before(async () => {
    folder = opened.use(await openFolder('vsr'));
    const config = join(folder.path, 'oxbow.yaml');
    await writeFile(
      config,
      `streams:\n${isFull ? '  hidden: { source: { type: test }, visibility: private }\n' : ''}  door: { source: { type: test } }\n`,
    );
    server = opened.use(
      await startPlainServer({
        args: [...smallPicture, '--config', config, '--default-stream', 'door'],
        data: join(folder.path, 'data'),
        adminToken: TOKEN,
      }),
    );
    await server.stream('door');
  });
  after(() => opened.disposeAsync());

  const anonymous = (path: string, init: RequestInit = {}) => fetch(`${server.url}${path}`, init);
  /** Whole unix seconds of a stretch of six seconds that is recorded. */
  const past = async () => {
    const { fromMs } = await newestStretch(server, 9, 'door');
    return Math.ceil(fromMs / 1000) + 1;
  };
  const assertSilent = async (url: string, args: readonly string[] = []) => {
    const { code, stderr } = await run('ffmpeg', [
      '-v',
      'warning',
      '-i',
      `${server.url}${url}`,
      ...args,
      '-f',
      'null',
      '-',
    ]);
    assert.equal(stderr, '', url);
    assert.equal(code, 0, url);
  };

  fullTest('ffmpeg plays the live playlists without a message', async () => {
    await Promise.all([
      assertSilent('/live/door/ts/index.m3u8', ['-t', '6']),
      assertSilent('/live/stream.m3u8', ['-t', '6']),
    ]);
  });

  test('ffmpeg plays windows of the past without a message', async () => {
    const from = await past();
    const compact = new Date(from * 1000).toISOString().replaceAll(/\D/g, '').slice(0, 14);
    await Promise.all([
      assertSilent(`/start/${compact}/0.1/vod.m3u8`),
      assertSilent(`/start/${from}/6s/stream.m3u8`),
      assertSilent(`/vod/door/${from}/6s/ts.m3u8`),
    ]);
  });

  fullTest('the pictures of a window show the time of its playlist', async () => {
    const from = await past();
    const { path, list } = await readMedia(server, `/start/${from}/0.1/vod.m3u8`);
    assert.ok(list.endList);
    const bodies = await Promise.all(list.segments.map(({ uri }) => server.bytes(resolvePath(uri, path))));
    const file = join(folder.path, 'window.ts');
    await writeFile(file, Buffer.concat(bodies));
    const shown = (await stripsOf(file, PICTURE)).map((strip) => strip!.utcMs);
    const dates = datesOf(list);
    const endMs = dates.at(-1)! + list.segments.at(-1)!.durationS * 1000;
    assert.ok(dates[0]! <= from * 1000 && endMs >= (from + 6) * 1000, 'the window covers the requested range');
    assert.ok(endMs - dates[0]! < 12_000, 'and not everything up to now');
    assert.ok(Math.abs(shown[0]! - dates[0]!) <= FRAME_MS, `the first picture shows ${shown[0]}`);
    assert.ok(Math.abs(shown.at(-1)! + FRAME_MS - endMs) <= FRAME_MS, `the last picture shows ${shown.at(-1)}`);
  });

  test('the live playlist has five segments; the sixth replaces the first', async () => {
    const first = await until('five segments are there', async () => {
      const { list } = await readMedia(server, '/live/stream.m3u8');
      return list.segments.length === 5 && list;
    });
    const next = await until('the list slides', async () => {
      const { list } = await readMedia(server, '/live/stream.m3u8');
      return list.mediaSequence > first.mediaSequence && list;
    });
    const by = next.mediaSequence - first.mediaSequence;
    assert.equal(next.segments.length, 5);
    assert.deepEqual(
      next.segments.slice(0, Math.max(0, 5 - by)).map(({ uri }) => uri),
      first.segments.slice(by).map(({ uri }) => uri),
    );
  });

  test('segments have their type, length, ranges, caching and CORS', async () => {
    const { path, list } = await readFirstVariant(server, '/live/door/ts/index.m3u8');
    const uri = resolvePath(list.segments[0]!.uri, path);
    const whole = await anonymous(uri);
    assert.equal(whole.status, 200);
    assert.equal(whole.headers.get('content-type'), 'video/mp2t');
    assert.equal(whole.headers.get('access-control-allow-origin'), '*');
    assert.equal(whole.headers.get('cache-control'), 'public, max-age=31536000, immutable');
    const bytes = Buffer.from(await whole.arrayBuffer());
    assert.equal(Number(whole.headers.get('content-length')), bytes.length);
    const part = await anonymous(uri, { headers: { range: 'bytes=188-375' } });
    assert.equal(part.status, 206);
    assert.ok(Buffer.from(await part.arrayBuffer()).equals(bytes.subarray(188, 376)));
    const head = await anonymous(uri, { method: 'HEAD' });
    assert.equal(Number(head.headers.get('content-length')), bytes.length);
    const name = uri.slice(uri.lastIndexOf('/') + 1);
    for (const alias of [`/live/${name}`, `/start/1795000000/5/${name}`]) {
      assert.ok(Buffer.from(await server.bytes(alias)).equals(bytes), alias);
    }
  });

  test('no segment exceeds BANDWIDTH', async () => {
    const { path, list } = await readFirstVariant(server, '/live/door/ts/index.m3u8');
    const { variants } = await readMultivariant(server, '/live/door/ts/index.m3u8');
    for (const { uri, durationS } of list.segments) {
      const { length } = await server.bytes(resolvePath(uri, path));
      assert.ok((length * 8) / durationS <= variants[0]!.bandwidth, `${uri}: ${length} bytes in ${durationS} s`);
    }
  });

  test('an error has its status and message, not an empty 200', async () => {
    for (const [status, path] of [
      [404, '/live/555.ts'],
      [404, '/live/..%2f..%2fetc%2fpasswd'],
      [404, '/start/1500000000/5/vod.m3u8'],
      [400, '/start/yesterday/5/vod.m3u8'],
      [400, '/start/20260329023000/5/vod.m3u8?tz=Europe/Vienna'],
    ] as const) {
      const response = await anonymous(path);
      assert.equal(response.status, status, path);
      const { detail } = (await response.json()) as { detail: string };
      assert.ok(detail.length > 0, path);
    }
  });

  fullTest('a private stream stays private, also as MPEG-TS, and as the default', async () => {
    await server.stream('hidden');
    assert.equal((await anonymous('/live/hidden/ts/index.m3u8')).status, 404);
    assert.equal((await server.fetch('/live/hidden/ts/index.m3u8')).status, 200);
    await using other = await openFolder('vsr-private');
    const config = join(other.path, 'oxbow.yaml');
    await writeFile(config, 'streams:\n  hidden: { source: { type: test }, visibility: private }\n');
    await using second = await startPlainServer({
      args: [...smallPicture, '--config', config],
      data: join(other.path, 'data'),
      adminToken: TOKEN,
    });
    await second.stream('hidden');
    const { list } = await until('its list has a segment', async () => {
      const read = await readMedia(second, '/live/stream.m3u8');
      return read.list.segments.length > 0 && read;
    });
    const segment = list.segments[0]!.uri;
    assert.equal((await second.fetch(`/live/${segment}`)).status, 200);
    for (const path of [
      ...['/live/stream.m3u8', `/live/${segment}`, `/live/${segment.slice(segment.lastIndexOf('/') + 1)}`],
      ...[`/start/${Math.floor(Date.now() / 1000) - 5}/5/vod.m3u8`, '/live/stream.m3u8?utc=1795000000'],
    ]) {
      const refused = await fetch(`${second.url}${path}`);
      assert.equal(refused.status, 404, path);
      const { detail } = (await refused.json()) as { detail: string };
      if (!path.includes('hidden')) assert.doesNotMatch(detail, /hidden/, 'the error does not have its name');
    }
  });

  test('no bug was counted', () => {
    assert.deepEqual(server.log('error'), []);
  });
});
