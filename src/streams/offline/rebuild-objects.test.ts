import assert from 'node:assert/strict';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { startS3 } from '../../archive/objects/object-servers.fixture.ts';
import { uploadObject } from '../../archive/objects/upload-object.ts';
import { listChunks, listRecordings } from '../../archive/recording-locations.ts';
import { segmentPrefix } from '../../archive/segment-store.ts';
import { bytesOf } from '../../archive/segment-stores.fixture.ts';
import { loadConfig } from '../../config/load.ts';
import { createSilentLog } from '../../observe/log.ts';
import { openStore } from '../../store/db.ts';
import { openStreams, temporaryFolder, testSource } from '../streams.fixture.ts';
import { checkIndex, DATABASE_FILE, openFolderStore, rebuildIndex } from './rebuild.ts';
import { openOfflineRecordings } from './recordings.ts';

const { signal } = new AbortController();

test('a bucket alone gives back all recordings with the names of their streams', async () => {
  await using server = await startS3();
  await using folder = await temporaryFolder();
  const file = path.join(folder.path, 'oxbow.yaml');
  const settings = async (text: string) => {
    await writeFile(file, text);
    return (await loadConfig({ files: [file] })).config.storage;
  };
  const storage = await settings(
    JSON.stringify({ storage: { targets: { bucket: server.target() }, target: 'bucket' } }),
  );
  const data = path.join(folder.path, 'data');
  {
    await using rig = await openStreams({ folder: data });
    for (const name of ['door', 'gate']) {
      await rig.api.create(name, testSource);
      rig.source(name).flow(8000);
      await rig.api.stop(name);
    }
  }
  const moved = new Map<string, Uint8Array>();
  {
    await using store = await openStore({ file: path.join(data, DATABASE_FILE), log: createSilentLog() });
    await using opened = await openFolderStore(data, store, storage);
    const { index: objects, uploads, targets, store: tiered } = opened.tiered!;
    const client = await targets.client('bucket');
    for (const location of await Array.fromAsync(tiered.local.list(segmentPrefix('recordings')))) {
      moved.set(location, await bytesOf(tiered.local, location));
      const how = { local: tiered.local, uploads, objects, client, target: 'bucket', prefix: 'oxbow', signal };
      assert.equal(await uploadObject(location, how), 'stored');
      await tiered.dropFile(location, () => {});
    }
  }
  assert.deepEqual((await checkIndex(data, { signal })).problems, [], 'files in the bucket are not missing');
  const without = rebuildIndex(data, { signal });
  await assert.rejects(without, { code: 'storage-failed' }, 'the index is not cleared without the settings');
  await rm(data, { recursive: true });
  await mkdir(data);
  const rebuilt = await rebuildIndex(data, { signal, storage });
  assert.deepEqual({ ...rebuilt, segments: 0 }, { streams: 2, files: 2, segments: 0, repaired: 0, unusable: [] });
  {
    await using recordings = await openOfflineRecordings(data, { signal, storage });
    const listed = await recordings.list();
    assert.deepEqual(
      listed.map(({ name }) => name),
      ['door', 'gate'],
    );
    assert.ok(listed.every(({ recorded }) => recorded.seconds > 7));
  }
  await using store = await openStore({ file: path.join(data, DATABASE_FILE), log: createSilentLog() });
  await using opened = await openFolderStore(data, store, storage);
  for (const id of await listRecordings(opened.segments)) {
    for (const { location } of await listChunks(opened.segments, id)) {
      assert.deepEqual(Buffer.from(await bytesOf(opened.segments, location)), Buffer.from(moved.get(location)!));
    }
  }
});
