import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SecretBox } from '../../accounts/secret-box.ts';
import { createSilentLog } from '../../observe/log.ts';
import { openStore } from '../../store/db.ts';
import { temporaryFolder } from '../../streams/streams.fixture.ts';
import { CameraTable, type StoredCamera } from './camera-table.ts';

const camera: StoredCamera = {
  streamId: 'gone',
  address: 'http://192.0.2.1/onvif/device_service',
  login: { user: 'admin', password: 'secret' },
  profile: 'main',
  sources: [],
  maker: '',
  model: '',
  events: { kinds: [] },
  move: '',
  owner: 'admin',
  createdUs: 0,
};

test('a password does not outlive its stream, although the stream was deleted to its last row meanwhile', async () => {
  await using folder = await temporaryFolder();
  await using store = await openStore({ file: `${folder.path}/oxbow.db`, log: createSilentLog() });
  const box = { seal: (text: string) => text, open: (text: string) => text } as unknown as SecretBox;
  const table = new CameraTable(store.db, box);
  await table.put(camera);
  await table.addMade('gone', 'marker', 'm1', 1);
  await table.removeLeft();
  assert.deepEqual(await table.all(), []);
  assert.deepEqual(await table.madeBeyond('gone', 'marker', 0), []);
});
