import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { request } from 'node:http';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { Upload } from 'tus-js-client';
import type { ChunkStatus, UploadView } from '../../src/api/library/upload-shapes.ts';
import { makeCertificate } from '../fixtures/certificate.ts';
import { bytesOf, openHttp2 } from '../fixtures/http2.ts';
import { openFolder, type Server, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { fullTest, isFull } from '../full.ts';

const adminToken = 'let-me-in-please';
const file = randomBytes(12_000_000);
const sha256 = createHash('sha256').update(file).digest('hex');
const tus = { 'tus-resumable': '1.0.0' } as const;

/** A TCP proxy that cuts connections after each of `cuts` bytes of a client, and then no more. */
async function openCutter(to: string, cuts: number[]) {
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(Number(new URL(to).port), '127.0.0.1');
    const left = cuts.shift() ?? Number.POSITIVE_INFINITY;
    let passed = 0;
    const end = () => {
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => {}).on('close', end);
    }
    upstream.pipe(client);
    client.on('data', (bytes) => {
      const taken = bytes.subarray(0, Math.max(0, left - passed));
      passed += bytes.length;
      upstream.write(taken);
      // What was passed arrives before the end of the connection.
      if (passed >= left) upstream.end(() => client.destroy());
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

const original = (data: string, asset: string) => readFile(join(data, 'assets', asset, 'original'));
const status = async (server: Server, id: string) => (await server.json(`/api/v1/upload/${id}/status`)) as ChunkStatus;

/** Begins a PATCH that stays open; resolves when `bytes` are on the disk. */
async function patchHalf(server: Server, path: string, from: number, bytes: number): Promise<void> {
  const patch = request(server.url + path, {
    method: 'PATCH',
    headers: {
      ...tus,
      authorization: `Bearer ${adminToken}`,
      'content-type': 'application/offset+octet-stream',
      'upload-offset': from,
      'content-length': file.length - from,
    },
  });
  patch.on('error', () => {}); // the server is killed
  patch.write(file.subarray(from, from + bytes));
  const id = path.split('/').at(-1)!;
  await until('bytes are stored', async () => (await status(server, id)).next_byte > from);
}

test('killed in mid-upload and before the end, the server continues where it says, and nothing is lost', async () => {
  await using folder = await openFolder('upload-kill');
  const start = () => startServer({ data: folder.path, adminToken });
  let path: string;
  let id: string;
  let asset: string;
  {
    await using server = await start();
    const created = await server.fetch('/api/v1/uploads', {
      method: 'POST',
      headers: { ...tus, 'upload-length': String(file.length), 'upload-metadata': `sha256 ${btoa(sha256)}` },
    });
    path = new URL(created.headers.get('location')!).pathname;
    id = path.split('/').at(-1)!;
    asset = created.headers.get('oxbow-asset')!;
    await patchHalf(server, path, 0, 5_000_000);
    await server.stop('SIGKILL');
  }
  const stored = await readFile(join(folder.path, 'assets', asset, 'original.part'));
  {
    await using server = await start();
    const { next_byte: next } = await status(server, id);
    assert.ok(next > 0 && next <= 5_000_000);
    assert.deepEqual(stored.subarray(0, next), file.subarray(0, next), 'what it claims is on the disk');
    const last = await server.fetch(path, {
      method: 'PATCH',
      headers: { ...tus, 'content-type': 'application/offset+octet-stream', 'upload-offset': String(next) },
      body: file.subarray(next),
    });
    assert.equal(last.status, 204);
    assert.deepEqual(await original(folder.path, asset), file);
    if (!isFull) return;
    await server.stop('SIGKILL');
  }
  await using server = await start();
  const head = await server.fetch(path, { method: 'HEAD', headers: tus });
  assert.equal(head.headers.get('upload-offset'), String(file.length), 'a client that missed the answer gets it');
});

fullTest('tus-js-client uploads through a proxy that cuts its connections', async () => {
  await using folder = await openFolder('upload-cut');
  await using server = await startServer({ data: folder.path, adminToken });
  // Before and within the head, in mid-body several times, and at the last bytes.
  await using proxy = await openCutter(server.url, [0, 100, 1_000_000, 3_000_000, 700, 5_000_000]);
  const asset = await new Promise<string>((resolve, reject) => {
    let found = '';
    const upload = new Upload(file, {
      endpoint: `${proxy.url}/api/v1/uploads`,
      headers: { authorization: `Bearer ${adminToken}` },
      metadata: { filename: 'a.mp4', sha256 },
      retryDelays: Array.from({ length: 20 }, () => 10),
      onAfterResponse: (_, response) => {
        found ||= response.getHeader('oxbow-asset') ?? '';
      },
      onError: reject,
      onSuccess: () => resolve(found),
    });
    upload.start();
  });
  assert.deepEqual(await original(folder.path, asset), file);
});

fullTest('a file comes in one request over HTTP/2, and the server closes in the middle of another', async () => {
  await using folder = await openFolder('upload-http2');
  const { cert, key } = await makeCertificate(folder.path, 'upload');
  const data = join(folder.path, 'data');
  await using server = await startServer({
    data,
    adminToken,
    args: ['--tls-cert', cert, '--tls-key', key],
  });
  await using client = await openHttp2(server.url);
  const put = () =>
    client.session.request({
      ':method': 'PUT',
      ':path': '/api/v1/uploads/file?filename=a.mp4',
      authorization: `Bearer ${adminToken}`,
      'content-length': file.length,
    });
  const whole = put();
  whole.end(file);
  const { asset, state } = JSON.parse((await bytesOf(whole)).toString()) as UploadView;
  assert.equal(state, 'complete');
  assert.deepEqual(await original(data, asset), file);
  const half = put();
  half.on('error', () => {});
  half.write(file.subarray(0, 100_000));
  const ended = once(half, 'close');
  const { code } = await server.stop();
  await ended;
  assert.equal(code, 0, 'it does not wait for the client');
});
