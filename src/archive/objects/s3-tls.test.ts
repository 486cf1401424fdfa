import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { after, before, suite, test } from 'node:test';
import { createServer, getCACertificates, setDefaultCACertificates } from 'node:tls';
import { makeCertificate } from '../../../test/fixtures/certificate.ts';
import { serveS3Place } from '../../../test/fixtures/services/s3-place.ts';
import { pageMemory } from '../../lib/memory/page-memory.ts';
import { temporaryFolder } from '../media.fixture.ts';
import { hashOf, type ObjectClient, tagOfParts } from './object-client.ts';
import { openS3Client } from './s3-client.ts';
import { S3Requests } from './s3-requests.ts';

const MIB = 1024 * 1024;
const SECRET = 'b/c+d=';
const sourceOf = (bytes: Uint8Array) => ({
  size: bytes.length,
  read: async (offset: number, length: number) => bytes.subarray(offset, offset + length),
});

suite('a bucket of S3 by https', () => {
  const opened = new AsyncDisposableStack();
  let place: Awaited<ReturnType<typeof serveS3Place>>;
  let pem: { readonly cert: string; readonly key: string };
  before(async () => {
    const folder = opened.use(await temporaryFolder());
    const pair = await makeCertificate(folder.path, 'place');
    const [cert, key] = await Promise.all([readFile(pair.cert, 'utf8'), readFile(pair.key, 'utf8')]);
    setDefaultCACertificates([...getCACertificates(), cert]);
    pem = { cert, key };
    place = opened.use(await serveS3Place({ cert, key, secret: SECRET }));
  });
  after(() => opened.disposeAsync());

  /** @param endpoint undefined: that of the environment */
  async function openAt(endpoint: string | undefined, checksums: 'required' | 'supported', secretAccessKey = SECRET) {
    const keys = { accessKeyId: 'a', secretAccessKey };
    const options = { endpoint, region: 'us-east-1', bucket: 'media', forcePathStyle: true };
    return opened.use<ObjectClient>(await openS3Client({ ...options, ...keys, checksums }));
  }

  const open = (checksums: 'required' | 'supported') => openAt(`https://127.0.0.1:${place.port}`, checksums);

  const lastHeader = (name: string) => place.puts.at(-1)!.headers[name];

  test('an object is signed without its bytes, which TLS protects, and has its MD5', async () => {
    const client = await open('required');
    // Memory at pages is sent like any other.
    const bytes = pageMemory.take(1000);
    bytes.set(randomBytes(1000));
    const sums = await client.put('x', sourceOf(bytes));
    assert.equal(lastHeader('x-amz-content-sha256'), 'UNSIGNED-PAYLOAD');
    assert.match(String(lastHeader('authorization')), /SignedHeaders=[^,]*content-md5[^,]*x-amz-content-sha256/);
    assert.equal(lastHeader('content-md5'), Buffer.from(hashOf('md5', bytes), 'hex').toString('base64'));
    assert.deepEqual(await client.head('x'), { size: 1000, etag: sums.tag });
  });

  test('an object that has a checksum in its bytes is not hashed', async () => {
    const client = await open('required');
    await client.put('y', sourceOf(randomBytes(1000)), { hasChecksum: true });
    assert.deepEqual(
      [lastHeader('x-amz-content-sha256'), lastHeader('content-md5'), lastHeader('x-amz-checksum-crc32')],
      ['UNSIGNED-PAYLOAD', undefined, undefined],
    );
  });

  test('with checksums of S3 it has its CRC-32, also of several parts', async () => {
    const client = await open('supported');
    const bytes = randomBytes(9 * MIB);
    const small = await client.put('z', sourceOf(bytes.subarray(0, 1000)));
    assert.deepEqual([small.hash, await client.head('z')], ['crc32', { size: 1000, etag: small.tag }]);
    assert.equal(lastHeader('x-amz-content-sha256'), 'UNSIGNED-PAYLOAD');
    const large = await client.put('large', sourceOf(bytes));
    const parts = [bytes.subarray(0, 8 * MIB), bytes.subarray(8 * MIB)].map((part) => hashOf('crc32', part));
    assert.equal(large.tag, tagOfParts(parts, 'crc32'));
    assert.deepEqual(await client.head('large'), { size: bytes.length, etag: large.tag });
  });

  test('large objects share a connection, after that of the SDK', async () => {
    const client = await open('required');
    const bytes = randomBytes(3 * MIB);
    const before = place.connections;
    for (const key of ['a', 'b', 'c']) await client.put(key, sourceOf(bytes), { hasChecksum: true });
    assert.equal(place.connections - before, 2);
    for (const key of ['d', 'e', 'f']) await client.put(key, sourceOf(bytes), { hasChecksum: true });
    assert.equal(place.connections - before, 2);
    assert.deepEqual(await client.head('f'), { size: bytes.length, etag: hashOf('md5', bytes) });
    assert.equal(await client.head('none'), undefined);
  });

  test('every request has the signature of the secret, whatever its key and kind', async () => {
    const other = await openAt(`https://127.0.0.1:${place.port}`, 'required', 'another secret');
    await assert.rejects(other.put('x', sourceOf(randomBytes(9))), /SignatureDoesNotMatch/);
    for (const checksums of ['required', 'supported'] as const) {
      const client = await open(checksums);
      const key = `of ${checksums}/a+b (1)~é`;
      const bytes = randomBytes(1000);
      await client.put(key, sourceOf(bytes));
      assert.deepEqual(Buffer.from((await client.read(key, { offset: 0, length: 1000 }))!), bytes);
      await client.put(`${key}/x`, sourceOf(bytes));
      await client.delete(key);
      assert.deepEqual(await Array.fromAsync(client.list(`of ${checksums}/`)), [{ key: `${key}/x`, size: 1000 }]);
    }
  });

  test('a bucket that refuses what is not signed gets the bytes in the signature from then on', async () => {
    const strict = opened.use(await serveS3Place({ ...pem, secret: SECRET, refusesUnsigned: true }));
    const client = await openAt(`https://127.0.0.1:${strict.port}`, 'supported');
    for (const [size, requests] of [
      [1000, 3],
      [1001, 5],
    ] as const) {
      const bytes = Buffer.alloc(size, size);
      const sums = await client.put(`${size}`, sourceOf(bytes));
      assert.deepEqual(await client.head(`${size}`), { size, etag: sums.tag });
      assert.equal(strict.requests, requests, 'only the first one is sent twice');
    }
  });

  test('by http the signature has the bytes', async () => {
    await using plain = await serveS3Place({ secret: SECRET });
    const endpoint = `http://127.0.0.1:${plain.port}`;
    const bytes = randomBytes(1000);
    await using client = await openAt(endpoint, 'required');
    await client.put('x', sourceOf(bytes));
    assert.equal(plain.puts.at(-1)!.headers['x-amz-content-sha256'], hashOf('sha256', bytes));
    // The SDK takes an address from the environment, too.
    process.env.AWS_ENDPOINT_URL_S3 = endpoint;
    try {
      await using unnamed = await openAt(undefined, 'supported');
      await unnamed.put('y', sourceOf(bytes));
    } finally {
      delete process.env.AWS_ENDPOINT_URL_S3;
    }
    assert.equal(plain.puts.at(-1)!.path.startsWith('/media/y'), true);
    assert.equal(plain.puts.at(-1)!.headers['x-amz-content-sha256'], hashOf('sha256', bytes));
  });

  test('an answer of another protocol ends a request that does not use the SDK', { timeout: 10_000 }, async () => {
    await using server = createServer(pem, (socket) => {
      socket.once('data', () =>
        socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n'),
      );
      socket.on('error', () => {}); // it is closed by the client
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const keys = { accessKeyId: 'a', secretAccessKey: SECRET };
    using requests = new S3Requests({ credentials: async () => keys, region: async () => 'us-east-1' });
    const { port } = server.address() as AddressInfo;
    requests.learn({ protocol: 'https:', hostname: '127.0.0.1', port, path: '/media/x' }, 'x');
    const { signal } = new AbortController();
    for (const method of ['PUT', 'HEAD'] as const)
      await assert.rejects(requests.send(method, 'x', { signal }), /another protocol than HTTP/);
  });
});
