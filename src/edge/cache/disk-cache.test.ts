import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { openFolder } from '../../../test/fixtures/server.ts';
import { bytesOf, type Copy, replyOf } from './copy.ts';
import { DiskCache } from './disk-cache.ts';
import { freshnessOf } from './freshness.ts';

const control = 'public, max-age=31536000, immutable';

function copy(key: string, size = 1000): Copy {
  const fields = { contentType: 'video/iso.segment', cacheControl: control, etag: `tag ${key}`, isText: false };
  const bytes = Buffer.alloc(size, key);
  const freshness = freshnessOf({ 'cache-control': control }, 1_795_000_000_000);
  return { key, name: key.split('/')[2]!, reply: replyOf(fields, bytes), freshness, confirmedMs: 0 };
}

const open = (folder: string, maxBytes = 1_000_000) =>
  DiskCache.open({ folder, maxBytes, failed: (error) => assert.fail(String(error)) });

async function filesIn(folder: string): Promise<string[]> {
  const names = await readdir(folder, { recursive: true });
  return names.filter((name) => /[0-9a-f]{40}$/.test(name)).map((name) => join(folder, name));
}

test('copies survive a restart, with their validator and freshness', async () => {
  await using folder = await openFolder('edge-disk');
  {
    await using cache = await open(folder.path);
    cache.write(copy('/live/door/v0/1.m4s'));
  }
  await using cache = await open(folder.path);
  assert.equal(cache.size, 1);
  const found = await cache.read('/live/door/v0/1.m4s');
  assert.equal(found?.reply.etag, 'tag /live/door/v0/1.m4s');
  assert.equal(found.name, 'door');
  assert.ok(found.freshness.isImmutable);
  assert.deepEqual(bytesOf(found), bytesOf(copy('/live/door/v0/1.m4s')));
});

test('a changed byte and a file that was cut off are as if they had never been there', async () => {
  await using folder = await openFolder('edge-disk');
  {
    await using cache = await open(folder.path);
    cache.write(copy('/live/door/v0/1.m4s'));
    cache.write(copy('/live/door/v0/2.m4s'));
  }
  await using cache = await open(folder.path);
  for (const file of await filesIn(folder.path)) {
    const bytes = await readFile(file);
    const isFirst = bytes.includes('v0/1.m4s');
    if (isFirst) bytes[bytes.length - 1]! ^= 1;
    await writeFile(file, isFirst ? bytes : bytes.subarray(0, -1));
  }
  assert.equal(await cache.read('/live/door/v0/1.m4s'), undefined);
  assert.equal(await cache.read('/live/door/v0/2.m4s'), undefined);
  assert.equal(cache.size, 0);
});

test('drafts of a process that was killed and files that are too short are deleted at the start', async () => {
  await using folder = await openFolder('edge-disk');
  {
    await using cache = await open(folder.path);
    cache.write(copy('/live/door/v0/1.m4s'));
  }
  await writeFile(join(folder.path, 'draft-1-0'), 'half');
  const [file] = await filesIn(folder.path);
  await writeFile(file!, (await readFile(file!)).subarray(0, 500));
  await using cache = await open(folder.path);
  assert.equal(cache.size, 0);
  assert.deepEqual(await filesIn(folder.path), []);
  assert.ok(!(await readdir(folder.path)).includes('draft-1-0'));
});

test('the bytes of the files stay within the bound', async () => {
  await using folder = await openFolder('edge-disk');
  await using cache = await open(folder.path, 20_000);
  for (let i = 0; i < 60; i++) cache.write(copy(`/live/door/v0/${i}.m4s`));
  await cache[Symbol.asyncDispose]();
  assert.ok(cache.bytes <= 20_000 && cache.bytes > 10_000, `${cache.bytes}`);
});

test('a purge deletes the copies that are meant, also those that wait to be written', async () => {
  await using folder = await openFolder('edge-disk');
  await using cache = await open(folder.path);
  cache.write(copy('/live/door/v0/1.m4s'));
  cache.write(copy('/live/yard/v0/1.m4s'));
  await cache[Symbol.asyncDispose]();
  for (let i = 2; i < 12; i++) cache.write(copy(`/live/door/v0/${i}.m4s`));
  await cache.purge(({ name }) => name === 'door');
  await cache[Symbol.asyncDispose]();
  assert.equal(cache.has('/live/yard/v0/1.m4s'), true);
  assert.equal(cache.size, 1);
});
