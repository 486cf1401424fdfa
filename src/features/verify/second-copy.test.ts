import assert from 'node:assert/strict';
import { readFile, rm, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { crc32 } from 'node:zlib';
import { startS3 } from '../../archive/objects/object-servers.fixture.ts';
import { uploadObject } from '../../archive/objects/upload-object.ts';
import { listChunks, listRecordings } from '../../archive/recording-locations.ts';
import type { SegmentLocation } from '../../archive/segment-store.ts';
import { loadConfig } from '../../config/load.ts';
import { createSystemClock } from '../../lib/clock.ts';
import { createSilentLog } from '../../observe/log.ts';
import { ChunkTable } from '../../recording/chunks/chunk-table.ts';
import { openStore } from '../../store/db.ts';
import { DATABASE_FILE, openFolderStore } from '../../streams/offline/rebuild.ts';
import { openStreams, temporaryFolder, testSource } from '../../streams/streams.fixture.ts';
import { DamageKeeper } from './damage-keeper.ts';
import { repairFolder } from './repair-folder.ts';
import { VerifiedFiles } from './verified-files.ts';
import { verifyFolder } from './verify-folder.ts';

const { signal } = new AbortController();
const clock = createSystemClock();

test('a damaged file is replaced by its second copy: by a running server, and by doctor --repair; not by a damaged copy', async () => {
  await using server = await startS3();
  await using folder = await temporaryFolder();
  const file = path.join(folder.path, 'oxbow.yaml');
  await writeFile(file, JSON.stringify({ storage: { targets: { bucket: server.target() }, target: 'bucket' } }));
  const { storage } = (await loadConfig({ files: [file] })).config;
  const data = path.join(folder.path, 'data');
  {
    await using rig = await openStreams({ folder: data });
    for (const name of ['door', 'gate']) {
      await rig.api.create(name, testSource);
      rig.source(name).flow(8000);
      await rig.api.stop(name);
    }
  }
  const pathOf = (location: SegmentLocation) => path.join(data, location);
  const files: SegmentLocation[] = [];
  const sums = new Map<SegmentLocation, number>();
  const upload = async () => {
    await using store = await openStore({ file: path.join(data, DATABASE_FILE), log: createSilentLog() });
    await using opened = await openFolderStore(data, store, storage);
    const { index: objects, uploads, targets, store: tiered } = opened.tiered!;
    const client = await targets.client('bucket');
    for (const id of await listRecordings(tiered.local)) {
      for (const { location } of await listChunks(tiered.local, id)) {
        await uploadObject(location, {
          local: tiered.local,
          uploads,
          objects,
          client,
          target: 'bucket',
          prefix: 'oxbow',
          signal,
        });
        files.push(location);
        sums.set(location, crc32(await readFile(pathOf(location))));
      }
    }
  };
  await upload();
  assert.equal(files.length, 2);
  const [door, gate] = files as [SegmentLocation, SegmentLocation];
  const flip = async (location: SegmentLocation) => {
    const bytes = await readFile(pathOf(location));
    bytes[Math.floor(bytes.length / 3)]! ^= 1;
    await writeFile(pathOf(location), bytes);
  };
  const isOriginal = async (location: SegmentLocation) =>
    crc32(await readFile(pathOf(location))) === sums.get(location);

  // A server: one file has a flipped bit, one is gone.
  {
    await using store = await openStore({ file: path.join(data, DATABASE_FILE), log: createSilentLog() });
    await using opened = await openFolderStore(data, store, storage);
    const { store: tiered } = opened.tiered!;
    const repaired: string[] = [];
    const keeper = new DamageKeeper(
      {
        files: new VerifiedFiles(store),
        table: new ChunkTable(store.rows),
        store: tiered.local,
        copies: tiered,
        release: (location) => tiered.local.release(location),
        monotonicMs: () => clock.monotonicMs(),
        report: {
          damaged: ({ detail }) => assert.fail(detail),
          repaired: (name) => repaired.push(name),
          changed: () => {},
          failed: (error) => assert.fail(String(error)),
        },
        signal,
      },
      [],
    );
    await flip(door);
    await rm(pathOf(gate));
    keeper.complain(door);
    keeper.complain(gate);
    await keeper.idle;
    assert.deepEqual(repaired, [door, gate]);
    assert.ok((await isOriginal(door)) && (await isOriginal(gate)));
    assert.deepEqual(keeper.findings, []);
  }
  // No server.
  await flip(door);
  await truncate(pathOf(gate), 5000);
  const request = { storage, dryRun: false, clock, signal };
  const { actions, quarantine } = await repairFolder(data, request);
  assert.deepEqual(
    actions.map(({ file: name, action }) => [name, action]),
    [
      [door, 'restored'],
      [gate, 'restored'],
    ],
  );
  assert.ok((await isOriginal(door)) && (await isOriginal(gate)));
  assert.equal((await readFile(path.join(data, quarantine!, gate))).length, 5000);
  // The copy itself is damaged: it was uploaded so.
  await flip(door);
  await flip(gate);
  {
    await using store = await openStore({ file: path.join(data, DATABASE_FILE), log: createSilentLog() });
    await store.db.deleteFrom('stored_object').execute();
  }
  files.length = 0;
  await upload();
  const again = await repairFolder(data, request);
  assert.deepEqual(
    again.actions.map(({ action }) => action),
    ['rewritten', 'rewritten'],
  );
  const { findings } = await verifyFolder(data, { rate: 0, restart: false, clock, signal });
  assert.deepEqual(findings, []);
});
