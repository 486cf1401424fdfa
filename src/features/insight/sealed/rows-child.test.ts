import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { RowsChild } from './rows-child.ts';

test('text that the child prints and that is no reply does not end this process', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'oxbow-rows-'));
  const library = join(folder, 'node_modules/@duckdb/node-api');
  await mkdir(library, { recursive: true });
  await writeFile(
    join(library, 'index.js'),
    "process.stdout.write('a warning\\n[1,\\n7\\n'); throw new Error('broken');",
  );
  try {
    await using child = new RowsChild({ folder, duckdb: folder, memoryMb: 64, threads: 1, mostRows: 10 });
    const { signal } = new AbortController();
    assert.deepEqual(await child.run({ order: 'engine' }, { signal }), { duckdb: null, reason: 'broken' });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
