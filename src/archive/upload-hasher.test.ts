import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { isLinux } from '../lib/platform.ts';
import { UploadHasher } from './upload-hasher.ts';

const folder = mkdtempSync(join(tmpdir(), 'oxbow-hasher-'));
after(() => rmSync(folder, { recursive: true }));

/** The threads of hashes, by the names that Linux has of them. */
const threads = (): number =>
  readdirSync('/proc/self/task').filter(
    (id) => readFileSync(`/proc/self/task/${id}/comm`, 'utf8').trim() === 'oxbow-hash',
  ).length;

test('several files are hashed in at most as many threads as are set, and each gets its own hash', async () => {
  const files = Array.from({ length: 5 }, (_, index) => ({
    path: join(folder, String(index)),
    bytes: Buffer.alloc(700_000 + index, index),
  }));
  for (const { path, bytes } of files) writeFileSync(path, bytes);
  for (const most of [1, 3]) {
    await using hasher = new UploadHasher(most);
    const digests = files.map(({ path }) => hasher.open([`${path}.part`, path]));
    const hashes = await Promise.all(digests.map((digest, index) => digest.result(files[index]!.bytes.length)));
    const expected = files.map(({ bytes }) => createHash('sha256').update(bytes).digest('hex'));
    assert.deepEqual(hashes, expected);
    if (isLinux) assert.equal(threads(), most);
    for (const digest of digests) digest[Symbol.dispose]();
  }
});
