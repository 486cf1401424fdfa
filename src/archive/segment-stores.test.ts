import assert from 'node:assert/strict';
import { mkdir, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { suite, test } from 'node:test';
import { openLocalSegmentStore } from './local-segment-store.ts';
import { temporaryFolder } from './media.fixture.ts';
import { MemorySegmentStore } from './memory-segment-store.fixture.ts';
import { segmentStoreContract } from './segment-store.contract.ts';
import { segmentLocation, segmentPrefix } from './segment-store.ts';

segmentStoreContract('files', async () => {
  const closing = new AsyncDisposableStack();
  const folder = closing.use(await temporaryFolder());
  const open = () => closing.use(openLocalSegmentStore({ folder: folder.path }));
  return { store: open(), crash: async () => open(), [Symbol.asyncDispose]: () => closing.disposeAsync() };
});

segmentStoreContract('memory', async () => {
  const store = new MemorySegmentStore();
  return { store, crash: async () => store.crash(), [Symbol.asyncDispose]: () => store[Symbol.asyncDispose]() };
});

test('a crash of the memory engine loses everything that was not synced', async () => {
  const store = new MemorySegmentStore();
  const [a, b, c] = ['r/a', 'r/b', 'r/c'].map(segmentLocation) as [never, never, never];
  const bytes = [Uint8Array.of(1)];
  const writers = [await store.create(a, bytes, { sync: true }), await store.create(b, bytes, { sync: false })];
  await store.create(c, bytes, { sync: false });
  await writers[0]!.sync();
  for (const writer of writers) await writer.append(bytes);
  await writers[1]!.sync();
  await writers[1]!.append(bytes);
  const left = store.crash();
  assert.deepEqual(await Array.fromAsync(left.list(segmentPrefix('r'))), [a, b]);
  assert.deepEqual([await left.size(a), await left.size(b)], [1, 2]);
});

test('a location has no empty, `.` or `..` part, no backslash, and does not end in .part', () => {
  assert.equal(segmentLocation('exports/ab12-34.mp4'), 'exports/ab12-34.mp4');
  for (const bad of [
    '',
    '/',
    '/a',
    'a/',
    'a//b',
    '.',
    '..',
    './a',
    '../a',
    'a/..',
    'a/../b',
    'a\\b',
    'a\0',
    'a.part',
  ]) {
    assert.throws(() => segmentLocation(bad), { name: 'AssertionError' }, bad);
  }
});

suite('a store of files', () => {
  const ONE = { offset: 0, length: 1 };

  test('keeps a bounded number of files open, however many are read at once', async () => {
    await using folder = await temporaryFolder();
    const locations = Array.from({ length: 12 }, (_, i) => segmentLocation(`${i}`));
    await Promise.all(locations.map((location, i) => writeFile(join(folder.path, location), Uint8Array.of(i))));
    const store = openLocalSegmentStore({ folder: folder.path, maxOpen: 4 });
    for (let round = 0; round < 3; round++) {
      const found = await Promise.all(locations.map((location) => store.read(location, ONE)));
      assert.deepEqual(
        found.map((bytes) => bytes[0]),
        locations.map((_, i) => i),
      );
    }
    await store.read(locations[0]!, ONE);
    assert.ok(store.openFiles <= 5, `${store.openFiles} are open`);
    await store[Symbol.asyncDispose]();
    assert.equal(store.openFiles, 0);
    await store[Symbol.asyncDispose]();
  });

  test('opens a file again after it was released, and closes those below a prefix alone', async () => {
    await using folder = await temporaryFolder();
    await using store = openLocalSegmentStore({ folder: folder.path });
    const locations = ['s/2026/a.mp4', 's/b.mp4', 's2/c.mp4'].map(segmentLocation);
    for (const location of locations) {
      await mkdir(dirname(join(folder.path, location)), { recursive: true });
      await writeFile(join(folder.path, location), 'o');
      await store.read(location, ONE);
      await rm(join(folder.path, location));
      await writeFile(join(folder.path, location), 'n');
      assert.equal(String(Buffer.from(await store.read(location, ONE))), 'o');
    }
    store.release(segmentPrefix('s'));
    while (store.openFiles > 1) await new Promise(setImmediate);
    const found = await Promise.all(locations.map((location) => store.read(location, ONE)));
    assert.equal(String(Buffer.concat(found)), 'nno');
  });

  test('removes the folders that a deletion leaves empty, but not the first, and makes them again', async () => {
    await using folder = await temporaryFolder();
    await using store = openLocalSegmentStore({ folder: folder.path });
    const [a, b] = ['r/s/15/a', 'r/s/16/b'].map(segmentLocation) as [never, never];
    for (const location of [a, b]) await store.put(location, Uint8Array.of(1));
    await store.delete(a);
    assert.deepEqual((await readdir(folder.path, { recursive: true })).sort(), ['r', 'r/s', 'r/s/16', 'r/s/16/b']);
    await store.delete(b);
    assert.deepEqual(await readdir(folder.path, { recursive: true }), ['r']);
    // A folder that goes between being made and being used is made again.
    const writers = Array.from({ length: 50 }, async (_, i) => {
      const location = segmentLocation(`r/s/15/${i}`);
      await (await store.create(location, [Uint8Array.of(1)], { sync: false })).finish();
      await store.delete(location);
    });
    await Promise.all(writers);
  });

  test('lists folders that are links, and what an unfinished put left only to sweep it', async () => {
    await using folder = await temporaryFolder();
    await using elsewhere = await temporaryFolder();
    await using store = openLocalSegmentStore({ folder: folder.path });
    await store.put(segmentLocation('r/s/a'), Uint8Array.of(1));
    await writeFile(join(folder.path, 'r/s/b.part'), 'half');
    await writeFile(join(elsewhere.path, 'c'), 'moved');
    await symlink(elsewhere.path, join(folder.path, 'r/s/old'));
    await symlink(join(elsewhere.path, 'away'), join(folder.path, 'r/s/lost'));
    assert.deepEqual(await Array.fromAsync(store.list(segmentPrefix('r'))), ['r/s/a', 'r/s/lost', 'r/s/old/c']);
    assert.deepEqual(await store.folders(segmentPrefix('r/s')), ['old']);
    await store.sweep(segmentPrefix('r/s'));
    assert.deepEqual((await readdir(join(folder.path, 'r/s'))).sort(), ['a', 'lost', 'old']);
  });
});
