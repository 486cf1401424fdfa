import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { stateFolder, UploadMemory } from './upload-state.ts';

const key = { server: 'http://127.0.0.1:8080', path: '/films/a.mp4', bytes: 12, changedMs: 1_795_160_123_000 };

suite('interrupted uploads', () => {
  let root: string;
  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'oxbow-upload-state-'));
  });
  after(() => rm(root, { recursive: true, force: true }));

  test('an upload is found by the same file, not changed, and the same server', async () => {
    const memory = new UploadMemory(join(root, 'a', 'uploads'));
    assert.equal(await memory.find(key), undefined);
    await memory.keep(key, 'u1');
    assert.equal(await new UploadMemory(join(root, 'a', 'uploads')).find({ ...key }), 'u1');
    for (const other of [
      { bytes: 13 },
      { changedMs: 1 },
      { server: 'http://127.0.0.1:81' },
      { path: '/films/b.mp4' },
    ]) {
      assert.equal(await memory.find({ ...key, ...other }), undefined, JSON.stringify(other));
    }
    await memory.forget(key);
    await memory.forget(key);
    assert.equal(await memory.find(key), undefined);
  });

  test('a file that cannot be read means that there is none, and old ones are removed', async () => {
    const folder = join(root, 'b');
    const memory = new UploadMemory(folder);
    await memory.keep(key, 'u1');
    const [name] = await readdir(folder);
    await writeFile(join(folder, name!), '{');
    assert.equal(await memory.find(key), undefined);
    await utimes(join(folder, name!), 1, 1);
    await memory.keep({ ...key, bytes: 13 }, 'u2');
    assert.equal((await readdir(folder)).length, 1);
  });

  test('state is in the folder that the system names', () => {
    assert.equal(stateFolder({ XDG_STATE_HOME: '/state' }), join('/state', 'oxbow', 'uploads'));
  });
});
