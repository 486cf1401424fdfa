import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { openS3Client } from './s3-client.ts';

/** A page of the answer of S3. */
const pageOf = (uploads: readonly string[], more: string) =>
  `<?xml version="1.0"?><ListMultipartUploadsResult><Bucket>b</Bucket>${more}${uploads
    .map(
      (id) =>
        `<Upload><Key>o/1/${id}</Key><UploadId>${id}</UploadId><Initiated>2026-11-20T08:15:04.000Z</Initiated></Upload>`,
    )
    .join('')}</ListMultipartUploadsResult>`;

test('open uploads of a bucket are read page by page; a server that cannot list them has none', async () => {
  const asked: string[] = [];
  let isAble = true;
  const server = createServer((request, response) => {
    const { searchParams } = new URL(request.url!, 'http://bucket');
    asked.push(
      `${searchParams.get('prefix')} ${searchParams.get('key-marker')} ${searchParams.get('upload-id-marker')}`,
    );
    response.setHeader('content-type', 'application/xml');
    if (!isAble) {
      response.writeHead(501).end('<Error><Code>NotImplemented</Code></Error>');
      return;
    }
    const isFirst = !searchParams.has('key-marker');
    const next =
      '<IsTruncated>true</IsTruncated><NextKeyMarker>o/1/b</NextKeyMarker><NextUploadIdMarker>b</NextUploadIdMarker>';
    response.end(isFirst ? pageOf(['a', 'b'], next) : pageOf(['c'], '<IsTruncated>false</IsTruncated>'));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const client = await openS3Client({
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    region: 'us-east-1',
    bucket: 'b',
    accessKeyId: 'key',
    secretAccessKey: 'secret',
    forcePathStyle: true,
    checksums: 'required',
  });
  try {
    const list = () => Array.fromAsync(client.openUploads!('o'));
    assert.deepEqual(
      (await list()).map(({ key, uploadId, startedMs }) => [key, uploadId, new Date(startedMs).toISOString()]),
      ['a', 'b', 'c'].map((id) => [`o/1/${id}`, id, '2026-11-20T08:15:04.000Z']),
    );
    assert.deepEqual(asked, ['o null null', 'o o/1/b b']);
    isAble = false;
    assert.deepEqual(await list(), []);
  } finally {
    await client[Symbol.asyncDispose]();
    server.close();
  }
});
