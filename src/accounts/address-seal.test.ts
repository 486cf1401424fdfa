import assert from 'node:assert/strict';
import { mkdtempDisposable, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openAddressSeal, readBox } from './address-seal.ts';

test('a command opens what the server has sealed, and makes no secret that would be the file of another user', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'oxbow-address-seal-'));
  assert.equal(await readBox([folder.path, undefined]), undefined);
  assert.deepEqual(await readdir(folder.path), []);
  const sealed = (await openAddressSeal(folder.path, undefined)).seal('rtsp://u:p@cam.example/');
  assert.equal((await readBox([folder.path, undefined]))?.open(sealed), 'rtsp://u:p@cam.example/');
  const joined = await readBox([folder.path, undefined, 'the secret of a cluster']);
  assert.equal(joined?.open(sealed), 'rtsp://u:p@cam.example/');
  assert.equal((await readBox([folder.path, undefined], 'cameras'))?.open(sealed), undefined);
});
