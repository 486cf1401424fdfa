/**
 * The name of a server for its mirrors.
 */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemFiles } from '../../lib/files/files.ts';
import { MIRROR_SERVER_FILE } from '../../store/file-names.ts';
import { openMirrorServer } from './mirror-server.ts';

const { signal } = new AbortController();

test('processes that start at once have one name, also where one finds the file of another before its content', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'oxbow-mirror-'));
  try {
    const path = join(folder, MIRROR_SERVER_FILE);
    await writeFile(path, '');
    const name = 'n'.repeat(22);
    let reads = 0;
    const files = {
      ...systemFiles,
      readFile: async (file: string) => {
        if (++reads === 2) await writeFile(path, name);
        return systemFiles.readFile(file);
      },
    };
    assert.equal(await openMirrorServer(folder, undefined, { signal, files }), name);
    assert.equal((await readFile(path)).toString(), name);
    const together = await Promise.all([1, 2].map(() => openMirrorServer(folder, undefined, { signal })));
    assert.deepEqual(together, [name, name]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
