import assert from 'node:assert/strict';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { suite, test } from 'node:test';
import { temporaryFolder } from './media.fixture.ts';
import { openRangeReader } from './range-reader.ts';

suite('a range reader', () => {
  test('gives exactly the range, and refuses what lies behind the end', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'a');
    await writeFile(
      path,
      Uint8Array.from({ length: 100 }, (_, i) => i),
    );
    await using reader = openRangeReader();
    assert.deepEqual([...(await reader.read(path, 10, 3))], [10, 11, 12]);
    assert.deepEqual([...(await reader.read(path, 99, 1))], [99]);
    await assert.rejects(reader.read(path, 99, 2), { name: 'RangeError' });
    await assert.rejects(reader.read(join(folder.path, 'none'), 0, 1), { code: 'ENOENT' });
  });

  test('keeps a bounded number of files open, however many are read at once', async () => {
    await using folder = await temporaryFolder();
    const paths = Array.from({ length: 12 }, (_, i) => join(folder.path, `${i}`));
    await Promise.all(paths.map((path, i) => writeFile(path, Uint8Array.of(i))));
    const reader = openRangeReader({ maxOpen: 4 });
    for (let round = 0; round < 3; round++) {
      const found = await Promise.all(paths.map((path) => reader.read(path, 0, 1)));
      assert.deepEqual(
        found.map((bytes) => bytes[0]),
        paths.map((_, i) => i),
      );
    }
    await reader.read(paths[0]!, 0, 1);
    assert.ok(reader.openFiles <= 5, `${reader.openFiles} are open`);
    await reader.close();
    assert.equal(reader.openFiles, 0);
    await reader.close();
    await assert.rejects(reader.read(paths[0]!, 0, 1), { name: 'RangeError' });
  });

  test('a forgotten file is opened anew', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'a');
    await writeFile(path, 'old');
    await using reader = openRangeReader();
    await reader.read(path, 0, 3);
    await rm(path);
    await writeFile(path, 'new');
    assert.equal(Buffer.from(await reader.read(path, 0, 3)).toString(), 'old');
    reader.forget(path);
    assert.equal(Buffer.from(await reader.read(path, 0, 3)).toString(), 'new');
  });

  test('a forgotten folder closes every file below it and drops their blocks, and no others', async () => {
    await using folder = await temporaryFolder();
    const paths = ['s/2026/a.mp4', 's/b.mp4', 's2/c.mp4'].map((name) => join(folder.path, name));
    await using reader = openRangeReader();
    for (const path of paths) {
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, 'media');
      await reader.shared(path, 0, 5);
    }
    reader.forget(join(folder.path, 's'));
    while (reader.openFiles > 1) await new Promise(setImmediate);
    assert.equal(reader.blockBytes, 5);
    assert.deepEqual(
      paths.map((path) => reader.peek(path, 0, 5) !== undefined),
      [false, false, true],
    );
  });
});
