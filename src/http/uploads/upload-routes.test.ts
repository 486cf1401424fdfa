import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readInit } from './upload-routes.ts';

const MIB = 1024 * 1024;

test('the fields of the upload platform are accepted beside ours', () => {
  const platform = { filename: 'a.mp4', file_size: 12 * MIB, total_chunks: 3, mime_type: 'video/mp4', uploader_id: 7 };
  assert.deepEqual(readInit({ ...platform, title: 'A' }), {
    filename: 'a.mp4',
    length: 12 * MIB,
    chunkBytes: 4 * MIB,
    title: 'A',
  });
  assert.deepEqual(readInit({ filename: 'a.mp4', total_size: 3 * MIB, file_size: 3 * MIB }), {
    filename: 'a.mp4',
    length: 3 * MIB,
    chunkBytes: MIB,
  });
  const both = readInit({ filename: 'a.mp4', total_size: 5 * MIB, chunk_size: 2 * MIB, total_chunks: 3 });
  assert.equal(both.chunkBytes, 2 * MIB);
});

test('a number of chunks gives the usual size that has this number, otherwise equal parts', () => {
  for (const [bytes, count, chunk] of [
    [100, 1, MIB],
    [10 * MIB, 10, MIB],
    [10 * MIB + 1, 11, MIB],
    [10 * MIB, 2, 5 * MIB],
    [8 * MIB, 1, 8 * MIB],
    [MIB, 2, 512 * 1024],
    [7 * MIB, 6, Math.ceil((7 * MIB) / 6)],
  ] as const) {
    assert.equal(readInit({ filename: '', file_size: bytes, total_chunks: count }).chunkBytes, chunk);
  }
});

test('sizes that are missing, empty or contradict each other are refused in words', () => {
  for (const [fields, words] of [
    [{}, /`total_size` is missing/],
    [{ total_size: 0 }, /^The file is empty\.$/],
    [{ file_size: 0 }, /^The file is empty\.$/],
    [{ total_size: 100, file_size: 101 }, /`total_size` is 100 and `file_size` is 101/],
    [{ file_size: 100 * MIB, total_chunks: 2 }, /cannot be sent in 2 chunks/],
    [{ file_size: 1000, total_chunks: 500 }, /cannot be sent in 500 chunks/],
    [{ total_size: 10 * MIB, chunk_size: MIB, total_chunks: 9 }, /are not 9 chunks/],
  ] as const) {
    assert.throws(() => readInit({ filename: 'a.mp4', ...fields }), { code: 'bad-request', message: words });
  }
});
