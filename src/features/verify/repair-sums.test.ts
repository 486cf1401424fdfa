import assert from 'node:assert/strict';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { createSystemClock } from '../../lib/clock.ts';
import { checkSums } from '../../streams/offline/rebuild.ts';
import { openStreams, temporaryFolder, testSource } from '../../streams/streams.fixture.ts';
import { repairFolder } from './repair-folder.ts';

test('a repair makes sums again that are not those of the index; a dry run only counts them', async () => {
  await using folder = await temporaryFolder();
  {
    await using rig = await openStreams({ folder: folder.path });
    for (const name of ['door', 'gate']) {
      await rig.api.create(name, testSource);
      rig.source(name).flow(80_000);
      await rig.settle();
    }
  }
  {
    using db = new DatabaseSync(path.join(folder.path, 'oxbow.db'));
    db.exec('DELETE FROM recorded_quarter');
  }
  const { signal } = new AbortController();
  const repair = async (dryRun: boolean) =>
    (await repairFolder(folder.path, { dryRun, clock: createSystemClock(), signal })).sums;
  assert.deepEqual([await repair(true), await checkSums(folder.path, {})], [2, 2]);
  assert.deepEqual([await repair(false), await checkSums(folder.path, {})], [2, 0]);
  assert.equal(await repair(false), 0);
});
