import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import type { AssetView } from '../../src/api/library/asset-shapes.ts';
import type { ChunkStatus } from '../../src/api/library/upload-shapes.ts';
import { startS3 } from '../../src/archive/objects/object-servers.fixture.ts';
import { makeFilm } from '../fixtures/library/film.ts';
import { openFolder, startPlainServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';

const MIB = 1024 * 1024;
const adminToken = 'an-administrator';
const tus = { 'tus-resumable': '1.0.0' } as const;
const octets = { ...tus, 'content-type': 'application/offset+octet-stream' } as const;
const hash = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

test('a server keeps an upload in the bucket as it comes, continues it after a kill, and plays it', async () => {
  await using bucket = await startS3();
  await using folder = await openFolder('staged-upload');
  const settings = join(folder.path, 'oxbow.yaml');
  await writeFile(
    settings,
    JSON.stringify({
      storage: { targets: { bucket: bucket.target() }, target: 'bucket' },
      library: { staging: 'bucket', ladder: { encode: false } },
    }),
  );
  await makeFilm(join(folder.path, 'film.mp4'), { bytes: 12 * MIB + 5 });
  const film = await readFile(join(folder.path, 'film.mp4'));
  const data = join(folder.path, 'data');
  const start = () => startPlainServer({ data, adminToken, sample: false, args: ['--config', settings] });
  let path: string;
  {
    await using server = await start();
    const headers = { ...tus, 'upload-length': String(film.length), 'upload-metadata': `sha256 ${btoa(hash(film))}` };
    const created = await server.fetch('/api/v1/uploads', { method: 'POST', headers });
    assert.equal(created.status, 201, await created.text());
    path = new URL(created.headers.get('location')!).pathname;
    const patch = request(server.url + path, {
      method: 'PATCH',
      headers: { ...octets, authorization: `Bearer ${adminToken}`, 'upload-offset': 0, 'content-length': film.length },
    });
    patch.on('error', () => {}); // the server is killed
    patch.write(film.subarray(0, 10 * MIB));
    await until('the first part counts', async () => {
      const status = await server.json<ChunkStatus>(`/api/v1/upload/${path.split('/').at(-1)}/status`);
      return status.next_byte === 8 * MIB;
    });
    await server.stop('SIGKILL');
  }
  await using server = await start();
  const head = await server.fetch(path, { method: 'HEAD', headers: tus });
  assert.equal(head.headers.get('upload-offset'), String(8 * MIB), 'what was not yet a part is lost');
  const last = await server.fetch(path, {
    method: 'PATCH',
    headers: { ...octets, 'upload-offset': String(8 * MIB) },
    body: new Uint8Array(film.subarray(8 * MIB)),
  });
  assert.equal(last.status, 204, await last.text());
  const id = last.headers.get('oxbow-asset')!;
  await until('it is ready', async () => {
    const view = await server.json<AssetView>(`/api/v1/assets/${id}`);
    assert.notEqual(view.state, 'failed', JSON.stringify(view));
    return view.state === 'ready';
  });
  assert.equal(hash(await server.bytes(`/assets/${id}/original`)), hash(film));
  const names = await readdir(join(data, 'assets', id));
  assert.ok(!names.some((name) => name.startsWith('original')), names.join(' '));
});

test('uploads in the bucket need an object store that takes parts', async () => {
  await using folder = await openFolder('staged-upload-refused');
  const settings = join(folder.path, 'oxbow.yaml');
  await writeFile(settings, JSON.stringify({ library: { staging: 'bucket' } }));
  const start = startPlainServer({
    data: join(folder.path, 'data'),
    adminToken,
    sample: false,
    args: ['--config', settings],
  });
  await assert.rejects(start, /`library\.staging` is `bucket`/);
});
