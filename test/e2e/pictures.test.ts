import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { StreamView } from '../../src/api/shapes.ts';
import { OxbowClient } from '../../src/client/client.ts';
import { openFolder, type Server, smallPicture, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { fullTest, isFull, perTier } from '../full.ts';

const icon = join(import.meta.dirname, '..', '..', 'web', 'public', 'icon-512.png');
const adminToken = 'let-me-in-please';

/** The addresses of the small pictures in a list. */
async function smallPictures(server: Server, path: string) {
  const text = await (await server.fetch(path)).text();
  assert.match(text, /^WEBVTT\n/);
  return [...text.matchAll(/^\.\.\/\.\.\/(small\/\d+\.jpg)$/gm)].map(([, name]) => `/thumb/cam/${name}`);
}

test('small pictures of a recording appear, survive a kill, are hidden with their stream, and end when they are off', async () => {
  await using folder = await openFolder('pictures');
  const config = join(folder.path, 'oxbow.yaml');
  const start = async (storyboard: 'on' | 'off') => {
    await writeFile(config, `record: { storyboard: ${storyboard} }\n`);
    const size = perTier<readonly string[]>({ first: smallPicture, full: [] });
    return startServer({
      data: join(folder.path, 'data'),
      adminToken,
      sample: false,
      args: ['--config', config, ...size],
    });
  };
  const around = () => `/thumb/cam/${Math.floor(Date.now() / 1000) - 3600}/2h/storyboard.vtt`;
  const stored = async (server: Server) => {
    const [, count] = /^oxbow_storyboard_pictures_total\{.*"stored"\} (\d+)$/m.exec(
      await (await server.fetch('/metrics')).text(),
    ) ?? ['', '0'];
    return Number(count);
  };
  let kept: string[];
  {
    await using server = await start('on');
    const client = new OxbowClient({ server: server.url, token: adminToken });
    await client.createStream({ body: { name: 'cam', source: { type: 'test' }, visibility: 'signed' } });
    kept = await until('a picture is listed', async () => {
      const listed = await smallPictures(server, around());
      return listed.length > 0 && listed;
    });
    const answer = await server.fetch(kept[0]!);
    assert.equal(answer.headers.get('content-type'), 'image/jpeg');
    assert.match(answer.headers.get('cache-control')!, /private.*immutable/);
    const jpeg = await answer.bytes();
    assert.deepEqual([...jpeg.subarray(0, 2)], [0xff, 0xd8]);
    assert.ok(jpeg.length <= 2860);
    const { token } = await client.createStreamWatchToken({ name: 'cam', body: { expires: '1h' } });
    const signed = `${server.url}/t/${token}${around()}`;
    const [, name] = /^(\.\..*jpg)$/m.exec(await (await fetch(signed)).text())!;
    assert.equal((await fetch(new URL(name!, signed))).status, 200, 'addresses in the list keep the token');
    for (const path of [kept[0]!, around()]) {
      const { code } = (await (await fetch(server.url + path)).json()) as { code: string };
      assert.equal(code, 'stream-unknown', 'an outsider gets no information');
    }
    const none = await server.fetch('/thumb/cam/small/1600000000.jpg');
    assert.deepEqual([none.status, ((await none.json()) as { code: string }).code], [404, 'no-media']);
    assert.equal((await server.fetch('/thumb/cam/1600000000/27h/storyboard.vtt')).status, 400);
    const { recordings } = await server.json<{ recordings: number }>('/api/v1/storage');
    assert.ok(recordings > jpeg.length);
    if (!isFull) return;
    process.kill(server.pid, 'SIGKILL');
  }
  await using server = await start('off');
  assert.equal((await server.fetch(kept[0]!)).status, 200);
  assert.equal((await smallPictures(server, around()))[0], kept[0]);
  const { recorded } = await server.stream('cam', 'live');
  await until('more is recorded', async () => (await server.stream('cam')).recorded.seconds > recorded.seconds + 2);
  assert.equal(await stored(server), 0);
  await server.fetch('/api/v1/streams/cam?recordings=delete', { method: 'DELETE' });
  const files = await readdir(join(folder.path, 'data', 'recordings'), { recursive: true });
  assert.deepEqual(
    files.filter((file) => file.endsWith('.jpgs')),
    [],
  );
});

fullTest('a picture is set, cached by its version, hidden with its stream, and there after a crash', async () => {
  await using folder = await openFolder('pictures');
  const start = () => startServer({ data: folder.path, adminToken });
  const bytes = await readFile(icon);
  let address: string;
  {
    await using server = await start();
    const client = new OxbowClient({ server: server.url, token: adminToken });
    await client.createStream({ body: { name: 'cam', source: { type: 'push' }, visibility: 'signed' } });
    await client.replaceStreamPicture({ name: 'cam', body: new Blob([bytes], { type: 'image/png' }) });
    const { picture } = (await client.getStream({ name: 'cam' })) as StreamView;
    address = picture!;
    const { token } = await client.createStreamWatchToken({ name: 'cam', body: { expires: '1h' } });
    const seen = await fetch(`${server.url}/t/${token}${address}`);
    assert.deepEqual(Buffer.from(await seen.arrayBuffer()), bytes);
    assert.equal(seen.headers.get('content-type'), 'image/png');
    assert.equal(seen.headers.get('x-content-type-options'), 'nosniff');
    assert.match(seen.headers.get('cache-control')!, /private.*max-age=31536000/);
    const etag = seen.headers.get('etag')!;
    assert.match(
      await (await server.fetch('/metrics')).text(),
      new RegExp(`^oxbow_served_bytes_total\\{class="picture"\\} ${bytes.length}$`, 'm'),
    );
    const plain = `${server.url}/t/${token}/api/v1/streams/cam/picture`;
    const again = await fetch(plain, { headers: { 'if-none-match': etag } });
    assert.deepEqual([again.status, again.headers.get('cache-control')], [304, 'private, no-cache']);
    for (const path of [address, '/api/v1/streams/none/picture']) {
      const { status, code } = (await (await fetch(server.url + path)).json()) as { status: number; code: string };
      assert.deepEqual([status, code], [404, 'stream-unknown'], 'an outsider gets no information');
    }
    const put = (type: string | undefined, body: string | Buffer<ArrayBuffer>) =>
      server.fetch('/api/v1/streams/cam/picture', {
        method: 'PUT',
        body,
        ...(type !== undefined && { headers: { 'content-type': type } }),
      });
    for (const [type, body, status] of [
      ['application/json', '{}', 415],
      ['image/svg+xml', '<svg/>', 415],
      ['image/png', 'not a picture', 415],
      [undefined, 'text', 415],
      ['image/png', Buffer.concat([bytes, Buffer.alloc(1024 * 1024)]), 413],
    ] as const) {
      assert.equal((await put(type, body)).status, status, String(type));
    }
    const json = await server.fetch('/api/v1/streams/cam', {
      method: 'PUT',
      headers: { 'content-type': 'image/png' },
      body: bytes,
    });
    assert.equal(json.status, 415);
    const outsider = await fetch(plain, { method: 'PUT', headers: { 'content-type': 'image/png' }, body: bytes });
    assert.equal(outsider.status, 401);
    process.kill(server.pid, 'SIGKILL');
  }
  await using server = await start();
  const client = new OxbowClient({ server: server.url, token: adminToken });
  assert.equal(((await client.getStream({ name: 'cam' })) as StreamView).picture, address);
  const kept = await client.getStreamPicture({ name: 'cam' });
  assert.deepEqual(Buffer.from(await kept.arrayBuffer()), bytes);
  await client.deleteStreamPicture({ name: 'cam' });
  await assert.rejects(client.getStreamPicture({ name: 'cam' }), ({ problem }) => problem.code === 'not-found');
});
