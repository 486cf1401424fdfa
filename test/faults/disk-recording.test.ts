import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { SyncPolicy } from '../../src/archive/chunk-writer.ts';
import {
  type Fault,
  type FaultCode,
  type FaultyFiles,
  openFaultyFiles,
} from '../../src/lib/files/faulty-files.fixture.ts';
import { systemFiles } from '../../src/lib/files/files.ts';
import type { Store } from '../../src/store/db.ts';
import { openTemporaryStore } from '../../src/store/store.fixture.ts';
import { type Folder, openFolder } from '../fixtures/server.ts';
import { assertListed, assertNoHole, openDiskRecording, readGroup, recover } from './disk.fixture.ts';

/** Groups that are written while the disk may fail: three files, the last of which begins with a new run. */
const GROUPS = 8;
/** Groups after the disk is well again. */
const MORE = 2;
/** For how many operations the disk fails: one, those of some groups, and until it is healed. */
const TIMES: Readonly<Record<FaultCode, readonly number[]>> = {
  EIO: [1, 12, Number.POSITIVE_INFINITY],
  ENOSPC: [1, Number.POSITIVE_INFINITY],
  EROFS: [1, Number.POSITIVE_INFINITY],
  EMFILE: [1, Number.POSITIVE_INFINITY],
  SHORT: [1, Number.POSITIVE_INFINITY],
};

suite('a disk that fails at operation n of a recording', () => {
  let store: Store & AsyncDisposable;
  let folder: Folder;
  before(async () => {
    store = await openTemporaryStore();
    folder = await openFolder('disk');
  });
  after(async () => {
    await store[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });
  let runs = 0;

  /**
   * Records with one fault, then without, and checks what a viewer gets.
   * @returns the file layer with its counts
   */
  async function record(fault: Fault | undefined, sync: SyncPolicy = 'segment'): Promise<FaultyFiles> {
    const what = `${sync}, ${fault ? `${fault.code} at ${fault.at}, ${fault.times} times` : 'without a failure'}`;
    const streamId = `s${runs++}`;
    const data = join(folder.path, streamId);
    const faulty = openFaultyFiles(systemFiles, fault);
    const options = { files: faulty.files, folder: data, store, streamId, sync };
    let before: ReadonlyMap<number, string>;
    {
      await using recorded = openDiskRecording(options);
      const { listed, recording, segments, reports } = recorded;
      before = listed;
      for (let index = 0; index < GROUPS; index++) {
        await recorded.write(index);
        // A viewer reads the newest one while the disk fails: right, or not at all.
        const newest = recording.open.at(-1);
        const found = newest && (await readGroup(segments, newest));
        assert.ok(found === undefined || found === listed.get(newest!.msn), `${what}: segment ${newest?.msn}`);
      }
      faulty.heal();
      for (let index = GROUPS; index < GROUPS + MORE; index++) await recorded.write(index);
      for (let index = GROUPS; index < GROUPS + MORE; index++) {
        assert.ok(listed.has(100 + index), `${what}: recording has not resumed: ${reports.join(', ')}`);
      }
      await assertListed(recorded, listed, what);
      await recorded.close();
      await assertListed(recorded, listed, `${what}, sealed`);
      await assertNoHole(recording, GROUPS + MORE - 1, what);
      const bugs = reports.filter((report) => report.startsWith('bug'));
      assert.deepEqual(bugs, [], what);
      assert.deepEqual(faulty.wrong, [], what);
      const lost = GROUPS + MORE - listed.size;
      assert.equal(reports.filter((report) => report.startsWith('lost disk')).length, lost, `${what}: ${reports}`);
    }
    // The next start, also one that has lost its database.
    for (const isLost of [false, true]) {
      await using again = openDiskRecording(options);
      if (isLost) await again.table.clear(streamId);
      await recover(again.segments, store, streamId);
      const when = `${what}, after a start ${isLost ? 'without' : 'with'} its database`;
      await assertListed(again, before, when);
      await assertNoHole(again.recording, GROUPS + MORE - 1, when);
    }
    return faulty;
  }

  for (const code of Object.keys(TIMES) as FaultCode[]) {
    test(`${code}: never a crash, nothing listed is lost, the loss is a gap, and recording resumes`, async (context) => {
      const operations = (await record(undefined)).count(code);
      assert.ok(operations > GROUPS, 'each group has operations that can fail');
      for (const times of TIMES[code]) {
        for (let at = 0; at < operations; at++) await record({ code, at, times });
      }
      context.diagnostic(`${operations} operations`);
    });
  }

  for (const sync of ['chunk', 'off'] as const) {
    test(`record.sync ${sync}: the same, for one operation that fails`, async () => {
      const operations = (await record(undefined, sync)).count('EIO');
      for (let at = 0; at < operations; at++) await record({ code: 'EIO', at, times: 1 }, sync);
    });
  }
});
