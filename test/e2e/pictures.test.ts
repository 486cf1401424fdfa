import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { StreamView } from '../../src/api/shapes.ts';
import { OxbowClient } from '../../src/client/client.ts';
import { openFolder, startServer } from '../fixtures/server.ts';

const icon = join(import.meta.dirname, '..', '..', 'web', 'public', 'icon-512.png');
const adminToken = 'let-me-in-please';

test('a picture is set, cached by its version, hidden with its stream, and there after a crash', async () => {
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
      assert.deepEqual([status, code], [404, 'stream-unknown'], 'an outsider learns nothing of it');
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
