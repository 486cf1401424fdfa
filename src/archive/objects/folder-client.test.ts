import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { suite, test } from 'node:test';
import { seeded } from '@oxbow/media/random.fixture';
import { openCrashFiles } from '../../lib/files/crash-files.fixture.ts';
import { systemFiles } from '../../lib/files/files.ts';
import { PAGE_BYTES, pageMemory } from '../../lib/memory/page-memory.ts';
import { temporaryFolder } from '../media.fixture.ts';
import { assertApart, assertFolder, FolderClient, openFolderClient } from './folder-client.ts';
import type { PartialUpload } from './object-client.ts';

const MIB = 1024 * 1024;
const sourceOf = (bytes: Uint8Array) => ({
  size: bytes.length,
  read: async (offset: number, length: number) => bytes.subarray(offset, offset + length),
});

suite('a folder as a bucket', () => {
  async function openFolder() {
    const { path, ...temporary } = await temporaryFolder();
    const folder = join(path, 'copies');
    await mkdir(folder);
    return { above: path, folder, client: await openFolderClient(folder), ...temporary };
  }

  test('a folder that is not there fails every request, and is never made', async () => {
    await using opened = await openFolder();
    const { above, folder, client } = opened;
    await client.put('a/1/x', sourceOf(randomBytes(9)));
    await rename(folder, join(above, 'unmounted'));
    const requests = [
      client.check(),
      client.head('a/1/x'),
      client.read('a/1/x', { offset: 0, length: 1 }),
      client.delete('a/1/x'),
      client.put('a/1/y', sourceOf(randomBytes(9))),
      client.put('a/1/z', sourceOf(randomBytes(9 * MIB))),
      Array.fromAsync(client.list('a/')),
    ];
    const refusal = { name: 'ObjectError', message: /does not exist: its disk may not be mounted/ };
    await Promise.all(requests.map((request) => assert.rejects(request, refusal)));
    assert.deepEqual(await readdir(above), ['unmounted']);
    await rename(join(above, 'unmounted'), folder);
    assert.equal((await client.head('a/1/x'))?.size, 9);
  });

  test('the place where a file system is mounted is refused: without it, it would be an empty folder', async () => {
    await assert.rejects(assertFolder('/proc'), { name: 'ObjectError', message: /make a folder in it/ });
  });

  test('a file system that is mounted there later is refused too, whatever it has', async () => {
    await using opened = await openFolder();
    const { folder } = opened;
    let isMounted = false;
    const files = {
      ...systemFiles,
      async stat(path: string) {
        const stats = await systemFiles.stat(path);
        if (isMounted && path === folder) stats.dev++;
        return stats;
      },
    };
    const client = new FolderClient(folder, files);
    await client.put('a/1/x', sourceOf(randomBytes(9)));
    isMounted = true;
    const refusal = { name: 'ObjectError', message: /make a folder in it/ };
    await assert.rejects(client.put('a/1/y', sourceOf(randomBytes(9))), refusal);
    await assert.rejects(client.put('a/1/z', sourceOf(randomBytes(9 * MIB))), refusal);
    assert.deepEqual(await readdir(join(folder, '.parts')), []);
  });

  test('a file has its name only when it is complete, and one that fails leaves nothing', async () => {
    await using opened = await openFolder();
    const { folder, client } = opened;
    const broken = { size: 9 * MIB, read: () => Promise.reject(new Error('the first disk is broken')) };
    await assert.rejects(client.put('a/1/x', broken), /the first disk is broken/);
    assert.deepEqual(await Array.fromAsync(client.list('')), []);
    // A folder in the place of the file.
    await mkdir(join(folder, 'a/1/full/x'), { recursive: true });
    await assert.rejects(client.put('a/1/full', sourceOf(randomBytes(9))), { name: 'ObjectError' });
    assert.equal((await readdir(join(folder, '.parts'))).length, 1, 'that of the upload in parts, which may continue');
  });

  test('an upload that continues writes again what its file does not have', async () => {
    await using opened = await openFolder();
    const { folder, client } = opened;
    const bytes = randomBytes(17 * MIB);
    let upload: PartialUpload | undefined;
    const stop = new AbortController();
    const saved = async (next: PartialUpload) => {
      upload = { ...next, parts: [...next.parts] };
      if (next.parts.length === 2) stop.abort(new Error('the server stops'));
    };
    await assert.rejects(client.put('a/x', sourceOf(bytes), { saved, signal: stop.signal }), /the server stops/);
    const [name] = await readdir(join(folder, '.parts'));
    const file = await open(join(folder, '.parts', name!), 'r+');
    await file.write(Buffer.from([bytes[9 * MIB]! ^ 1]), 0, 1, 9 * MIB);
    await file.close();
    let sent = 0;
    await client.put('a/x', sourceOf(bytes), { resume: upload, sent: (count) => (sent += count) });
    assert.equal(sent, 9 * MIB, 'the damaged part, and the last one');
    assert.ok((await readFile(join(folder, 'a/x'))).equals(bytes));
  });

  test('an upload that another version began, with another hash, is discarded', async () => {
    await using opened = await openFolder();
    const { folder } = opened;
    const client = new FolderClient(folder, systemFiles);
    const bytes = randomBytes(9 * MIB);
    const begun = { uploadId: await client.begin({}), partBytes: 8 * MIB, hash: 'sha256', parts: [] } as const;
    await client.put('a/x', sourceOf(bytes), { resume: begun });
    assert.deepEqual(await readdir(join(folder, '.parts')), []);
    assert.ok((await readFile(join(folder, 'a/x'))).equals(bytes));
  });

  test('a power failure at any moment leaves the whole file with its name, or none', async () => {
    await using opened = await openFolder();
    const { above, folder } = opened;
    const crash = openCrashFiles(systemFiles, folder);
    const client = new FolderClient(folder, crash.files);
    // Pages past the cache, and a rest.
    const bytes = pageMemory.take(33 * PAGE_BYTES + 7);
    bytes.set(randomBytes(bytes.length));
    const ends: number[] = [];
    for (const key of ['a/1/x', 'a/2/y']) {
      await client.put(key, sourceOf(bytes));
      ends.push(crash.position);
    }
    const random = seeded(7);
    for (let round = 0; round < 60; round++) {
      const at = round % (crash.position + 1);
      const left = join(above, `left-${round}`);
      await crash.rebuild(at, random, left);
      for (const [i, key] of ['a/1/x', 'a/2/y'].entries()) {
        const stored = await readFile(join(left, key)).catch(() => undefined);
        if (stored || at >= ends[i]!) assert.ok(stored?.equals(bytes), `${key} at ${at} of ${ends}`);
      }
      await rm(left, { recursive: true });
    }
  });

  test('a list is of the folder alone, whatever its prefix', async () => {
    await using opened = await openFolder();
    const { above, client } = opened;
    await writeFile(join(above, 'private'), 'x');
    await client.put('a/1/x', sourceOf(randomBytes(9)));
    for (const prefix of ['../', 'a/../../', '/', './', '.parts/', 'a//']) {
      await assert.rejects(Array.fromAsync(client.list(prefix)), /the key is no path below the folder/, prefix);
    }
  });

  test('a list after a key reads no folder that is before it', async () => {
    await using opened = await openFolder();
    const keys = ['a/1/x', 'a/2/x', 'a/2/y', 'a/20', 'b/1/x'];
    for (const key of keys) await opened.client.put(key, sourceOf(randomBytes(9)));
    const read: string[] = [];
    const client = new FolderClient(opened.folder, {
      ...systemFiles,
      readdir: (path) => {
        read.push(relative(opened.folder, path));
        return systemFiles.readdir(path);
      },
    });
    const list = async (after: string) => (await Array.fromAsync(client.list('', { after }))).map(({ key }) => key);
    assert.deepEqual(await list('a/2/x'), keys.slice(2));
    assert.deepEqual(read, ['', 'a', 'a/2', 'b', 'b/1']);
    for (const [i, key] of keys.entries()) assert.deepEqual(await list(key), keys.slice(i + 1), key);
  });

  test('what no upload continues for a week is removed', async () => {
    await using opened = await openFolder();
    const { folder } = opened;
    const [old, young] = ['0'.repeat(32), '1'.repeat(32)];
    await mkdir(join(folder, '.parts'));
    for (const name of [old, young]) await writeFile(join(folder, '.parts', name), 'x');
    await utimes(join(folder, '.parts', old), 0, 0);
    await openFolderClient(folder);
    assert.deepEqual(await readdir(join(folder, '.parts')), [young]);
  });

  test('empty folders go with their last file', async () => {
    await using opened = await openFolder();
    const { folder, client } = opened;
    for (const key of ['a/1/x', 'a/2/y']) await client.put(key, sourceOf(randomBytes(9)));
    await client.delete('a/1/x');
    assert.deepEqual(await readdir(join(folder, 'a')), ['2']);
    await client.delete('a/2/y');
    assert.deepEqual(await readdir(folder), ['.parts']);
  });

  test('no key leads out of the folder', async () => {
    await using opened = await openFolder();
    for (const key of ['../x', 'a/../../x', '/x', 'a//x', '.parts/x', '']) {
      await assert.rejects(opened.client.put(key, sourceOf(randomBytes(1))), { name: 'ObjectError' }, key);
    }
  });

  test('a folder in the data folder, or above it, is refused, also behind a link and before it exists', async () => {
    await using opened = await openFolder();
    const { above, folder } = opened;
    const refused = { code: 'bad-setting', message: /storage\.targets\.second/ };
    await symlink(folder, join(above, 'link'));
    for (const path of [folder, above, join(folder, 'second'), join(above, 'link', 'second')]) {
      await assert.rejects(assertApart('second', path, folder), refused, path);
    }
    await assertApart('second', join(above, 'copies-2'), folder);
    await rm(join(above, 'link'));
  });
});
