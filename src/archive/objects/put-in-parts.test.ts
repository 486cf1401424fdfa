import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type PartHash, type PartialUpload, partBytesOf, putInParts } from './object-client.ts';

test('an upload that was begun with another hash is begun again: its server refuses parts with this one', async () => {
  const bytes = Buffer.alloc(100);
  const source = { size: bytes.length, read: async (at: number, length: number) => bytes.subarray(at, at + length) };
  const partBytes = partBytesOf(bytes.length);
  const uploads: string[] = [];
  const abandoned: string[] = [];
  const put = (hash: PartHash, resume: PartialUpload | undefined, saved?: (upload: PartialUpload) => void) =>
    putInParts(
      source,
      {
        hash,
        isChecked: false,
        begin: async () => 'new',
        send: async (uploadId) => {
          uploads.push(uploadId);
          return 'tag';
        },
        complete: async () => 'done',
        abandon: async ({ uploadId }) => {
          abandoned.push(uploadId);
          throw new Error('the server forgot it');
        },
      },
      { resume, saved: async (upload) => saved?.(upload) },
    );
  // Of a version that did not note the hash, before its first part and after it.
  const old = { uploadId: 'old', partBytes, parts: [] };
  await put('sha256', old);
  await put('md5', old);
  assert.deepEqual(uploads.splice(0), ['new', 'old']);
  assert.deepEqual(abandoned.splice(0), ['old'], 'nothing of it stays in the bucket');
  let upload: PartialUpload | undefined;
  await put('sha256', undefined, (next) => {
    upload = { ...next, uploadId: 'kept', parts: [] };
  });
  uploads.length = 0;
  await put('sha256', upload);
  await put('md5', upload);
  assert.deepEqual(uploads, ['kept', 'new']);
  assert.deepEqual(abandoned, ['kept']);
});
