import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { readIdentities, writeIdentity } from './identity.ts';
import { temporaryFolder } from './recording.fixture.ts';

const door = { id: 'abc', name: 'door', createdUs: 1_795_000_000_000_000 };

test('an identity is found again beside its files, and nothing half-written lies there', async () => {
  await using folder = await temporaryFolder();
  await writeIdentity(folder.path, door);
  await writeIdentity(folder.path, { ...door, id: 'xyz', name: 'studio' });
  assert.deepEqual(await readIdentities(folder.path), {
    known: [door, { ...door, id: 'xyz', name: 'studio' }],
    unknown: [],
  });
  assert.deepEqual(await readdir(path.join(folder.path, 'recordings', 'abc')), ['stream.json']);
});

test('an identity that stands there is not written again, one that differs replaces it', async () => {
  await using folder = await temporaryFolder();
  const file = path.join(folder.path, 'recordings', 'abc', 'stream.json');
  await writeIdentity(folder.path, door);
  const { ino } = await stat(file);
  await writeIdentity(folder.path, door);
  assert.equal((await stat(file)).ino, ino);
  await writeIdentity(folder.path, { ...door, name: 'gate' });
  assert.equal((JSON.parse(await readFile(file, 'utf8')) as typeof door).name, 'gate');
});

test('folders without a readable identity, and files that lie about, are named and do no harm', async () => {
  await using folder = await temporaryFolder();
  const root = path.join(folder.path, 'recordings');
  assert.deepEqual(await readIdentities(folder.path), { known: [], unknown: [] });
  await writeIdentity(folder.path, door);
  for (const [name, text] of [
    ['cut', '{"id":"cut"'],
    ['moved', JSON.stringify(door)],
    ['odd', '{"id":"odd","name":5}'],
  ] as const) {
    await mkdir(path.join(root, name));
    await writeFile(path.join(root, name, 'stream.json'), text);
  }
  await mkdir(path.join(root, 'empty'));
  await writeFile(path.join(root, 'notes.txt'), 'mine');
  const { known, unknown } = await readIdentities(folder.path);
  assert.deepEqual(known, [door]);
  assert.deepEqual(unknown, ['cut', 'empty', 'moved', 'notes.txt', 'odd']);
});

test('an identity that cannot be written leaves the old one', async () => {
  await using folder = await temporaryFolder();
  await writeFile(path.join(folder.path, 'recordings'), '');
  await assert.rejects(writeIdentity(folder.path, door), { code: /ENOTDIR|EEXIST/ });
});
