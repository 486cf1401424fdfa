import assert from 'node:assert/strict';
import { test } from 'node:test';
import { segmentLocation } from '../../archive/segment-store.ts';
import type { Reply } from '../../delivery/reply.ts';
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
