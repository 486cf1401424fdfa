import assert from 'node:assert/strict';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { suite, test } from 'node:test';
import { temporaryFolder } from './media.fixture.ts';
import { openRangeReader } from './range-reader.ts';
import { segmentLocation, segmentPrefix } from './segment-store.ts';

const A = segmentLocation('a');

suite('a range reader', () => {
  test('gives exactly the range, and refuses what lies behind the end', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'a');
    await writeFile(
      path,
      Uint8Array.from({ length: 100 }, (_, i) => i),
    );
    await using reader = openRangeReader({ folder: folder.path });
    assert.deepEqual([...(await reader.read(A, 10, 3))], [10, 11, 12]);
    assert.deepEqual([...(await reader.read(A, 99, 1))], [99]);
    await assert.rejects(reader.read(A, 99, 2), { name: 'RangeError' });
    await assert.rejects(reader.read(segmentLocation('none'), 0, 1), { code: 'ENOENT' });
  });

  test('keeps a bounded number of files open, however many are read at once', async () => {
    await using folder = await temporaryFolder();
    const locations = Array.from({ length: 12 }, (_, i) => segmentLocation(`${i}`));
    await Promise.all(locations.map((location, i) => writeFile(join(folder.path, location), Uint8Array.of(i))));
    const reader = openRangeReader({ folder: folder.path, maxOpen: 4 });
    for (let round = 0; round < 3; round++) {
      const found = await Promise.all(locations.map((location) => reader.read(location, 0, 1)));
      assert.deepEqual(
        found.map((bytes) => bytes[0]),
        locations.map((_, i) => i),
      );
    }
    await reader.read(locations[0]!, 0, 1);
    assert.ok(reader.openFiles <= 5, `${reader.openFiles} are open`);
    await reader.close();
    assert.equal(reader.openFiles, 0);
    await reader.close();
    await assert.rejects(reader.read(locations[0]!, 0, 1), { name: 'RangeError' });
  });

  test('a forgotten file is opened anew', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'a');
    await writeFile(path, 'old');
    await using reader = openRangeReader({ folder: folder.path });
    await reader.read(A, 0, 3);
    await rm(path);
    await writeFile(path, 'new');
    assert.equal(Buffer.from(await reader.read(A, 0, 3)).toString(), 'old');
    reader.forget(A);
    assert.equal(Buffer.from(await reader.read(A, 0, 3)).toString(), 'new');
  });

  test('a forgotten folder closes every file below it and drops their blocks, and no others', async () => {
    await using folder = await temporaryFolder();
    const locations = ['s/2026/a.mp4', 's/b.mp4', 's2/c.mp4'].map(segmentLocation);
    await using reader = openRangeReader({ folder: folder.path });
    for (const location of locations) {
      const path = join(folder.path, location);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, 'media');
      await reader.shared(location, 0, 5);
    }
    reader.forget(segmentPrefix('s'));
    while (reader.openFiles > 1) await new Promise(setImmediate);
    assert.equal(reader.blockBytes, 5);
    assert.deepEqual(
      locations.map((location) => reader.peek(location, 0, 5) !== undefined),
      [false, false, true],
    );
  });
});
