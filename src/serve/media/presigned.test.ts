import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { segmentLocation } from '../../archive/segment-store.ts';
import type { Reply } from '../../delivery/reply.ts';
import { startTestServer } from '../../http/fixture.ts';
import { sendRequest } from '../../http/request.fixture.ts';
import type { DirectAddresses } from '../deps.ts';
import { redirectOf } from './presigned.ts';

const location = segmentLocation('assets/a1/original');
const file: Reply = {
  contentType: 'video/mp4',
  cacheControl: 'no-store',
  length: 10,
  body: [{ location, offset: 0, length: 10 }],
  filename: 'film.mp4',
};
const presign = async (at: string, { disposition }: { disposition: string }) =>
  at === location && disposition.includes('film.mp4') ? 'https://s3.example/signed' : undefined;

test('a download of a whole stored file is redirected to its object store, and no one may keep the address', async () => {
  const fields = await redirectOf('GET', file, { presign });
  assert.equal(fields!.location, 'https://s3.example/signed');
  assert.deepEqual([fields!['cache-control'], fields!['referrer-policy']], ['no-store', 'no-referrer']);
});

test('everything else is sent from here: HEAD, generated bodies, parts of files, a store that cannot sign', async () => {
  const none: readonly [string, Reply, Parameters<typeof redirectOf>[2]][] = [
    ['HEAD', file, { presign }],
    ['GET', { ...file, body: [new Uint8Array(10)] }, { presign }],
    ['GET', { ...file, body: [{ location, offset: 2, length: 8 }], length: 8 }, { presign }],
    ['GET', file, {}],
    ['GET', file, { presign: async () => undefined }],
    ['GET', file, { presign: () => Promise.reject(new Error('no account key')) }],
  ];
  for (const [method, reply, deps] of none) assert.equal(await redirectOf(method, reply, deps), undefined);
});

suite('a segment of the past that a bucket has', () => {
  const stored = { location, offset: 100, length: 26 };
  const segment: Reply = {
    contentType: 'video/mp4',
    cacheControl: 'public, max-age=60',
    length: 26,
    body: [Buffer.from('abcdefghijklmnopqrstuvwxyz')],
    etag: 'e1',
    stored,
    startsAt: 100,
  };
  const path = '/live/cam/av0/7-100.mp4';
  const bucket = 'https://s3.example/signed';

  /** @param find what the bucket answers; default: it is away */
  async function open(reply: Reply, find: DirectAddresses['find'] = async () => undefined) {
    const doubts: unknown[] = [];
    const direct = { find, doubt: async (range: unknown) => void doubts.push(range), origins: () => [] };
    const server = await startTestServer({ answer: () => reply, direct });
    const get = async (range?: string, { query = '', method = 'GET' } = {}) => {
      const headers = range === undefined ? {} : { range };
      const { status, headers: fields, body } = await sendRequest(server, `${path}${query}`, { headers, method });
      return { status, fields, text: String(body) };
    };
    return {
      get,
      doubts,
      metrics: () => server.deps.metrics.print(),
      [Symbol.asyncDispose]: server[Symbol.asyncDispose],
    };
  }

  test('is answered with its address there, which no cache keeps and any page may follow', async () => {
    const asked: unknown[] = [];
    await using server = await open(segment, async (range) => {
      asked.push(range);
      return bucket;
    });
    const { status, fields, text } = await server.get('bytes=100-125');
    assert.deepEqual([status, fields.location, text], [302, bucket, '']);
    assert.deepEqual([fields['cache-control'], fields['referrer-policy']], ['no-store', 'no-referrer']);
    assert.equal(fields['access-control-allow-origin'], '*');
    assert.deepEqual(asked, [stored]);
    assert.equal((await server.get('bytes=110-119')).status, 302);
    assert.match(await server.metrics(), /^oxbow_storage_direct_bytes_total 36$/m);
  });

  test('is sent from here, as the same range, while there is no address, and when the client says so', async () => {
    await using away = await open(segment);
    const { status, fields, text } = await away.get('bytes=110-112');
    assert.deepEqual([status, fields['content-range'], text], [206, 'bytes 110-112/126', 'klm']);
    assert.equal(fields.etag, '"e1"');
    await using there = await open(segment, async () => bucket);
    assert.equal((await there.get('bytes=100-125', { query: '?a=b&direct=off' })).status, 206);
    assert.deepEqual(there.doubts, [stored]);
    await using broken = await open(segment, () => Promise.reject(new Error('no key')));
    assert.equal((await broken.get('bytes=100-125')).status, 206);
    const { stored: _, ...unknown } = segment;
    await using moved = await open(unknown, async () => bucket);
    assert.equal((await moved.get('bytes=100-125')).status, 206);
  });

  test('of a client that repeats its request is probed there first: it may have had no success', async () => {
    let isUp = true;
    await using server = await open(segment, async () => (isUp ? bucket : undefined));
    assert.equal((await server.get('bytes=100-125')).status, 302);
    assert.equal((await server.get('bytes=101-125')).status, 302, 'another range is no repetition');
    assert.deepEqual(server.doubts, []);
    isUp = false; // as a probe finds
    assert.equal((await server.get('bytes=100-125')).status, 206);
    assert.deepEqual(server.doubts, [stored]);
  });

  test('is refused without its range, and outside of it: the rest of the file is not for this address', async () => {
    await using server = await open(segment, async () => bucket);
    for (const range of [
      undefined,
      'bytes=0-125',
      'bytes=99-120',
      'bytes=126-130',
      'bytes=-126',
      'bytes=0-',
      'x=1-2',
    ]) {
      const { status, fields } = await server.get(range);
      assert.deepEqual([range, status, fields.location], [range, 416, undefined]);
      assert.equal(fields['content-range'], 'bytes */126');
    }
    assert.equal((await server.get('bytes=120-')).status, 206, 'its end in the file is another one');
    assert.equal((await server.get('bytes=120-900')).fields.location, undefined, 'the file has more there');
    assert.equal((await server.get(undefined, { method: 'HEAD' })).status, 200);
  });
});
