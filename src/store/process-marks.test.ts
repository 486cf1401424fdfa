import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { MSN_MARKS_FILE, PROCESSES } from './file-names.ts';
import { MsnMarks } from './msn-marks.ts';
import { shareMsnMarks } from './process-marks.ts';
import { openTemporaryStore } from './store.fixture.ts';

const NAMES = ['process-1', 'process-2'];

async function temporaryFolder() {
  const path = await mkdtemp(join(tmpdir(), 'oxbow-marks-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}

/** The first MSNs of names in a folder. */
async function firstOf(folder: string, ...names: readonly string[]): Promise<number[]> {
  const failed = (error: unknown) => assert.fail(String(error));
  await using marks = await MsnMarks.open({ folder, lost: async () => undefined, failed });
  const firsts: number[] = [];
  for (const name of names) {
    using claim = await marks.claim(name, 1);
    firsts.push(claim.first);
  }
  return firsts;
}

suite('the marks of several processes', () => {
  test('of a new folder are not lost', async () => {
    await using folder = await temporaryFolder();
    await using store = await openTemporaryStore();
    await shareMsnMarks(store.db, folder.path, NAMES);
    for (const name of NAMES) assert.ok(existsSync(join(folder.path, PROCESSES, name, MSN_MARKS_FILE)));
  });

  test('are the highest of all, whatever process a stream has next, and so is that of a single server', async () => {
    await using folder = await temporaryFolder();
    await using store = await openTemporaryStore();
    const [door] = await firstOf(folder.path, 'door');
    await shareMsnMarks(store.db, folder.path, NAMES);
    const [one, two] = NAMES.map((name) => join(folder.path, PROCESSES, name));
    const [atOne] = await firstOf(one!, 'door');
    assert.ok(atOne! > door!);
    const [gate] = await firstOf(two!, 'gate');
    await shareMsnMarks(store.db, folder.path, NAMES);
    const [atTwo] = await firstOf(two!, 'door');
    assert.ok(atTwo! > atOne!);
    const [gateAtOne] = await firstOf(one!, 'gate');
    assert.ok(gateAtOne! > gate!);
    await shareMsnMarks(store.db, folder.path, undefined);
    assert.ok(!existsSync(join(folder.path, PROCESSES)));
    const [sole, soleGate] = await firstOf(folder.path, 'door', 'gate');
    assert.ok(sole! > atTwo! && soleGate! > gateAtOne!);
  });

  test('of a single server that never had processes are left as they are', async () => {
    await using folder = await temporaryFolder();
    await using store = await openTemporaryStore();
    await shareMsnMarks(store.db, folder.path, undefined);
    assert.ok(!existsSync(join(folder.path, MSN_MARKS_FILE)));
  });
});
