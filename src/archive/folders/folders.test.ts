import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { type Fault, openFaultyFiles } from '../../lib/files/faulty-files.fixture.ts';
import { systemFiles } from '../../lib/files/files.ts';
import { openLocalSegmentStore } from '../local-segment-store.ts';
import { temporaryFolder } from '../media.fixture.ts';
import { segmentStoreContract } from '../segment-store.contract.ts';
import { segmentLocation, segmentPrefix } from '../segment-store.ts';
import { bytesOf } from '../segment-stores.fixture.ts';
import type { FoldersSegmentStore } from './folders-segment-store.ts';
import { openFolders } from './open-folders.ts';
import { claimFolders } from './recording-folder.ts';

const text = (value: string): Uint8Array => Buffer.from(value);
const prefix = segmentPrefix('recordings/s');
const A = segmentLocation('recordings/s/2026/11/21/15/a.mp4');
const B = segmentLocation('recordings/s/2026/11/21/15/b.mp4');
const C = segmentLocation('recordings/other/2026/11/21/15/c.mp4');

async function openUnderTest(folderOf: (streamId: string) => string | undefined, leastFree = 0) {
  const closing = new AsyncDisposableStack();
  const folder = closing.use(await temporaryFolder());
  const [data, disk] = [join(folder.path, 'data'), join(folder.path, 'disk')];
  await mkdir(data);
  await mkdir(disk);
  const open = async (): Promise<FoldersSegmentStore> => {
    const main = openLocalSegmentStore({ folder: data });
    const opened = await openFolders({
      main,
      dataFolder: data,
      folders: { disk2: { path: disk } },
      folderOf,
      leastFree: () => leastFree,
    });
    return closing.use(opened!);
  };
  const store = await open();
  return { store, open, data, disk, [Symbol.asyncDispose]: () => closing.disposeAsync() };
}

for (const [name, folderOf] of [
  ['a further folder', () => 'disk2'],
  ['the data folder beside a further one', () => undefined],
] as const) {
  segmentStoreContract(name, async () => {
    const tested = await openUnderTest(folderOf);
    return { ...tested, crash: () => tested.open(), [Symbol.asyncDispose]: () => tested[Symbol.asyncDispose]() };
  });
}

const move = (store: FoldersSegmentStore, location = A) =>
  store.move(location, { signal: new AbortController().signal, moved: async () => {} });

suite('folders of recordings', () => {
  test('new files are in the folder of their stream, old ones are read where they are; a move changes no location', async () => {
    let own: string | undefined;
    await using tested = await openUnderTest((streamId) => (streamId === 's' ? own : undefined));
    const { store, data, disk } = tested;
    await store.put(A, text('old'));
    own = 'disk2';
    await store.put(B, text('new'));
    await store.put(C, text('of another stream'));
    assert.equal(await readFile(join(data, A), 'utf8'), 'old');
    assert.equal(await readFile(join(disk, B), 'utf8'), 'new');
    assert.equal(await readFile(join(data, C), 'utf8'), 'of another stream');
    assert.deepEqual(await Array.fromAsync(store.list(prefix)), [A, B]);
    const signal = new AbortController().signal;
    assert.deepEqual(await Array.fromAsync(store.strays('s', prefix, { signal })), [A]);
    assert.equal(await move(store), 3);
    assert.equal(await readFile(join(disk, A), 'utf8'), 'old');
    await assert.rejects(readFile(join(data, A)), { code: 'ENOENT' });
    assert.equal(Buffer.from(await bytesOf(store, A)).toString(), 'old');
    assert.deepEqual(await Array.fromAsync(store.strays('s', prefix, { signal })), []);
    assert.equal(await move(store), 0, 'again: nothing to do');
  });

  test('a file is readable at every moment of its move, and a move that was interrupted after the copy is ended by the next', async () => {
    let own: string | undefined;
    await using tested = await openUnderTest(() => own);
    const { store, data, disk } = tested;
    const bytes = Buffer.alloc(3 * 1024 * 1024, 'x');
    await store.put(A, bytes);
    own = 'disk2';
    let reads = 0;
    await store.move(A, {
      signal: new AbortController().signal,
      async moved() {
        assert.ok(bytes.equals(await bytesOf(store, A)));
        reads++;
      },
    });
    assert.equal(reads, 3);
    // As if the process had ended before the deletion.
    await mkdir(join(data, 'recordings/s/2026/11/21/15'), { recursive: true });
    await writeFile(join(data, A), bytes);
    assert.equal(await move(store), bytes.length);
    await assert.rejects(readFile(join(data, A)), { code: 'ENOENT' });
    assert.ok(bytes.equals(await readFile(join(disk, A))));
  });

  test('a move that is aborted leaves the old file, and no part of a new one', async () => {
    let own: string | undefined;
    await using tested = await openUnderTest(() => own);
    const { store, disk } = tested;
    await store.put(A, text('old'));
    own = 'disk2';
    const controller = new AbortController();
    const moved = async () => controller.abort(new DOMException('stopped', 'AbortError'));
    await assert.rejects(store.move(A, { signal: controller.signal, moved }), { name: 'AbortError' });
    assert.equal(Buffer.from(await bytesOf(store, A)).toString(), 'old');
    await assert.rejects(readFile(join(disk, A)), { code: 'ENOENT' });
    await assert.rejects(readFile(join(disk, `${A}.part`)), { code: 'ENOENT' });
  });

  test('a folder that is missing: its files are not ready, nothing is written into the empty mount point, other streams continue', async () => {
    await using tested = await openUnderTest((streamId) => (streamId === 's' ? 'disk2' : undefined));
    const { store, disk } = tested;
    await store.put(A, text('old'));
    await store.put(C, text('of another stream'));
    await rename(disk, `${disk}-away`);
    await mkdir(disk); // the mount point
    await assert.rejects(store.read(A, { offset: 0, length: 3 }), { code: 'not-ready' });
    await assert.rejects(store.size(A), { code: 'not-ready' });
    await assert.rejects(store.put(B, text('new')), { code: 'disk-failed' });
    await assert.rejects(store.create(B, [text('new')], { sync: true }), { code: 'disk-failed' });
    await assert.rejects(store.delete(A), { code: 'not-ready' });
    await assert.rejects(store.assertComplete(), { code: 'not-ready' });
    assert.equal(Buffer.from(await bytesOf(store, C)).toString(), 'of another stream');
    await store.delete(C);
    await assert.rejects(readFile(join(disk, B)), { code: 'ENOENT' });
    await rm(disk, { recursive: true });
    await rename(`${disk}-away`, disk);
    assert.equal(await store.parts[0]!.look(), undefined);
    assert.equal(Buffer.from(await bytesOf(store, A)).toString(), 'old');
    await store.put(B, text('new'));
  });

  test('a disk of another data folder is not taken for the own one, at the start neither', async () => {
    await using tested = await openUnderTest(() => 'disk2');
    const { store, disk, open } = tested;
    await store.put(A, text('old'));
    await writeFile(join(disk, 'oxbow-folder.json'), '{"id":"another"}\n');
    const again = await open();
    assert.match(again.parts[0]!.problem ?? '', /another data folder/);
    await assert.rejects(again.put(B, text('new')), { code: 'disk-failed' });
  });

  test('a new folder must exist, and belong to no other data folder', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'disk');
    const main = openLocalSegmentStore({ folder: folder.path });
    const settings = { main, dataFolder: folder.path, folderOf: () => undefined, leastFree: () => 0 };
    await assert.rejects(openFolders({ ...settings, folders: { new: { path } } }), { code: 'bad-setting' });
    await mkdir(path);
    await writeFile(join(path, 'oxbow-folder.json'), '{"id":"another"}\n');
    await assert.rejects(openFolders({ ...settings, folders: { new: { path } } }), { code: 'bad-setting' });
  });

  test('a crash in the middle of its first use leaves a folder that the next start uses', async () => {
    await using folder = await temporaryFolder();
    const claim = async (name: string, fault?: Fault) => {
      const [data, path] = ['data', 'disk'].map((part) => join(folder.path, name, part)) as [string, string];
      for (const each of [data, path]) await mkdir(each, { recursive: true });
      const faulty = openFaultyFiles(systemFiles, fault);
      return { faulty, path, ids: await claimFolders(data, { disk: { path } }, faulty.files) };
    };
    const operations = (await claim('whole')).faulty.count('EIO');
    assert.ok(operations > 6);
    for (let at = 0; at < operations; at++) {
      await claim(`${at}`, { code: 'EIO', at, times: operations }).catch(() => undefined);
      const { path, ids } = await claim(`${at}`);
      assert.match(await readFile(join(path, 'oxbow-folder.json'), 'utf8'), new RegExp(ids.get('disk')!), `${at}`);
      assert.deepEqual((await readdir(path)).sort(), ['oxbow-folder.json', 'recordings'], `${at}`);
    }
  });

  test('below the least free space nothing is created', async () => {
    await using tested = await openUnderTest(() => 'disk2', Number.MAX_SAFE_INTEGER);
    await assert.rejects(tested.store.put(A, text('new')), { code: 'disk-failed', message: /record\.minFree/ });
  });
});
