import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { StreamView, TimelineView } from '../../src/api/shapes.ts';
import { readFirstVariant } from '../fixtures/playlists.ts';
import { chunkFiles } from '../fixtures/recordings.ts';
import { type Folder, openFolder, type Server, smallPicture, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';

/** Addresses that a playlist names, as they stand there. */
function namedIn(text: string): string[] {
  const lines = text.split('\n').filter((line) => line !== '' && !/^#/.test(line));
  const quoted = [...text.matchAll(/URI="([^"]+)"/g)].map(([, uri]) => uri!);
  return [...lines.filter((line) => /\.(?:m3u8|m4s|mp4|ts)/.test(line)), ...quoted];
}

const adminToken = 'let-me-in-please';
let folder: Folder;
let data: string;
let server: Server;
before(async () => {
  folder = await openFolder('signed');
  data = join(folder.path, 'data');
  const config = join(folder.path, 'oxbow.yaml');
  await writeFile(config, 'streams: { live: { source: { type: test }, record: false } }\n');
  const args = [...smallPicture, '--config', config, '--default-stream', 'cam'];
  server = await startServer({ data, args, adminToken, sample: false });
});
after(async () => {
  await server?.[Symbol.asyncDispose]();
  await folder?.[Symbol.asyncDispose]();
});

suite('a stream that needs a link with a token', () => {
  before(async () => {
    const body = JSON.stringify({ name: 'cam', source: { type: 'test' }, visibility: 'signed' });
    const made = await server.fetch('/api/v1/streams', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    });
    assert.equal(made.status, 201);
    await server.stream('cam', 'live');
  });

  test('every playlist keeps the token in its links, and nothing is accessible without it', async () => {
    const { token } = (await (
      await server.fetch('/api/v1/streams/cam/watch-tokens', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{"expires":"1h"}',
      })
    ).json()) as { token: string };
    const base = `${server.url}/t/${token}`;
    const anyone = async (path: string) => fetch(`${base}${path}`);
    const timeline = await until('something is recorded', async () => {
      const { spans, windows } = (await (await anyone('/api/v1/streams/cam/timeline')).json()) as TimelineView;
      return spans[0] && Date.parse(spans[0].to) - Date.parse(spans[0].from) > 5000 && { span: spans[0], windows };
    });
    const from = Math.floor(Date.parse(timeline.span.from) / 1000);
    const window = timeline.windows[0]!;
    const left = new Set([
      '/live/cam/index.m3u8',
      '/live/cam/dvr-1h/index.m3u8',
      '/live/cam/ts/index.m3u8',
      '/live/stream.m3u8',
      `/vod/cam/${from}/${from + 4}/index.m3u8`,
      `/vod/cam/${window.from}/${window.to}/v${window.rev}/index.m3u8`,
      `/start/${from}/1/vod.m3u8`,
      `/thumb/cam/${from + 3}.jpg`, // well inside: a span may begin a moment before the first picture that has a still
    ]);
    const seen = new Set<string>();
    const kinds = new Set<string>();
    for (const path of left) {
      seen.add(path);
      const answer = await anyone(path);
      // What a live list names slides on; a part that is hinted is waited for.
      const isList = /\.m3u8$/.test(path);
      assert.ok(answer.ok || (!isList && answer.status === 410), `${path}: ${answer.status}`);
      const bare = await fetch(`${server.url}${path}`);
      assert.equal(bare.status, 404, path);
      await bare.body?.cancel();
      kinds.add(path.split('.').at(-1)!);
      if (!isList) {
        await answer.body?.cancel();
        continue;
      }
      const named = namedIn(await answer.text());
      assert.ok(named.length > 0, path);
      for (const uri of named.slice(-8)) {
        const url = new URL(uri, base + path);
        assert.ok(url.href.startsWith(`${base}/`), `${path} names ${uri}`);
        const next = url.pathname.slice(`/t/${token}`.length);
        if (!seen.has(next)) left.add(next);
      }
    }
    assert.deepEqual([...kinds].sort(), ['jpg', 'm3u8', 'm4s', 'mp4', 'ts']);
    const view = (await (await anyone('/api/v1/streams/cam')).json()) as StreamView;
    assert.equal(view.visibility, 'signed');
    assert.ok(!server.stderr.includes(token), 'the log');
    assert.ok(!(await (await server.fetch('/metrics')).text()).includes(token), 'the metrics');
  });
});

test('a stream with record: false is served live, leaves no media on the disk, and its time is offline, not a gap', async () => {
  await server.stream('live', 'live');
  const path = await until('two segments are listed', async () => {
    const response = await server.fetch('/live/live/index.m3u8');
    await response.body?.cancel();
    if (!response.ok) return undefined;
    const found = await readFirstVariant(server, '/live/live/index.m3u8');
    return found.list.segments.length >= 2 ? found : undefined;
  });
  const segment = new URL(path.list.segments[0]!.uri, new URL(path.path, server.url)).pathname;
  assert.ok((await server.bytes(segment)).length > 1000);

  assert.equal((await chunkFiles(data)).get('live')?.length ?? 0, 0);
  assert.ok((await chunkFiles(data)).get('cam')!.length > 0, 'those of the other stream are there');
  const window = await server.fetch(`/vod/live/${Math.floor(Date.now() / 1000) - 5}/5s/index.m3u8`);
  assert.equal(window.status, 404);
  assert.equal(((await window.json()) as { code: string }).code, 'no-media');
  assert.deepEqual((await server.timeline('live')).gaps, []);
});
