import assert from 'node:assert/strict';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { readFirstVariant } from '../fixtures/playlists.ts';
import { openFolder, smallPicture, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';

test('a stream with record: false is served live, leaves no media on the disk, and its time is offline, not a gap', async () => {
  await using folder = await openFolder('not-recorded');
  const config = join(folder.path, 'oxbow.yaml');
  await writeFile(config, 'streams: { live: { source: { type: test }, record: false } }\n');
  const data = join(folder.path, 'data');
  await using server = await startServer({ data, args: [...smallPicture, '--config', config] });
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

  const files = await readdir(join(data, 'recordings'), { recursive: true });
  assert.deepEqual(
    files.filter((file) => file.endsWith('.mp4')),
    [],
  );
  const window = await server.fetch(`/vod/live/${Math.floor(Date.now() / 1000) - 5}/5s/index.m3u8`);
  assert.equal(window.status, 404);
  assert.equal(((await window.json()) as { code: string }).code, 'no-media');
  assert.deepEqual((await server.timeline('live')).gaps, []);
});
