import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { isWindows } from '../lib/platform.ts';
import { MSN_MARKS_FILE } from './file-names.ts';
import { LOST_MARKS_MSNS, leastMsnAt, MSN_BLOCK, MsnMarks, type MsnMarksOptions, restoreMarks } from './msn-marks.ts';

const { signal } = new AbortController();

class Folder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), 'oxbow-marks-'));
  readonly file = join(this.path, MSN_MARKS_FILE);
  get stored(): { marks: Record<string, number>; others: number } {
    return JSON.parse(readFileSync(this.file, 'utf8'));
  }
  write(marks: Record<string, number>, others = 0): void {
    writeFileSync(this.file, JSON.stringify({ marks, others }));
  }
  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

const openMarks = (folder: Folder, change: Partial<MsnMarksOptions> = {}) =>
  MsnMarks.open({
    folder: folder.path,
    lost: async () => undefined,
    failed: (error) => assert.fail(String(error)),
    ...change,
  });

suite('marks of announced MSNs', () => {
  test('four MSNs for each second since 2020 are the least', () => {
    assert.equal(leastMsnAt(Date.parse('2020-01-01T00:00:10.999Z')), 40);
  });

  test('are on the disk before the first MSN may be used, readable by their owner only', async () => {
    using folder = new Folder();
    await using marks = await openMarks(folder);
    const claim = await marks.claim('door', 1000);
    assert.equal(claim.first, 1000);
    assert.deepEqual(folder.stored.marks, { door: 999 + MSN_BLOCK });
    if (!isWindows) assert.equal(statSync(folder.file).mode & 0o777, 0o600);
  });

  test('begin after the MSNs that a killed process may have announced, for each name', async () => {
    using folder = new Folder();
    folder.write({ door: 50_000 }, 7);
    await using marks = await openMarks(folder);
    assert.equal((await marks.claim('door', 1000)).first, 50_001);
    assert.equal((await marks.claim('gate', 0)).first, 8);
    assert.equal((await marks.claim('yard', 60_000)).first, 60_000);
  });

  test('within a process continue after the last one announced', async () => {
    using folder = new Folder();
    await using marks = await openMarks(folder);
    {
      using claim = await marks.claim('door', 1000);
      claim.announced(1003);
    }
    assert.equal((await marks.claim('door', 1000)).first, 1004);
  });

  test('stay ahead of a source that is faster than the disk, if it waits for ready', async () => {
    using folder = new Folder();
    await using marks = await openMarks(folder);
    const claim = await marks.claim('door', 1000);
    for (let msn = 1000; msn < 1000 + 5 * MSN_BLOCK; msn++) {
      await claim.ready({ signal });
      claim.announced(msn);
      if (msn % 512 === 0) assert.ok(folder.stored.marks.door! >= msn, `${msn} is announced, not stored`);
    }
  });

  test('of many streams are written together', async (t) => {
    using folder = new Folder();
    await using marks = await openMarks(folder);
    const written = t.mock.method(JSON, 'stringify');
    await Promise.all(Array.from({ length: 50 }, (_, i) => marks.claim(`s${i}`, 1000)));
    assert.equal(written.mock.callCount(), 2);
    assert.equal(Object.keys(folder.stored.marks).length, 50);
  });

  test('jump ahead if the file is lost or damaged, but not in a new data folder', async () => {
    for (const content of [undefined, '', '{"marks":', '{"marks":{"door":"x"},"others":0}', 'null']) {
      using folder = new Folder();
      if (content !== undefined) writeFileSync(folder.file, content);
      await using marks = await openMarks(folder, { lost: async () => 70_000 });
      assert.equal((await marks.claim('door', 1000)).first, 70_001 + LOST_MARKS_MSNS);
    }
    using folder = new Folder();
    await using marks = await openMarks(folder);
    assert.equal((await marks.claim('constructor', 1000)).first, 1000);
  });

  test('that cannot be written are reported, do not block, and are written when the disk is back', async () => {
    using folder = new Folder();
    const failures: unknown[] = [];
    await using marks = await openMarks(folder, { failed: (error) => failures.push(error) });
    mkdirSync(`${folder.file}.part`); // no file can be created there
    const claim = await marks.claim('door', 1000);
    await claim.ready({ signal });
    assert.equal(failures.length, 2);
    assert.equal(existsSync(folder.file), false);
    rmSync(`${folder.file}.part`, { recursive: true });
    claim.announced(1000);
    await claim.ready({ signal });
    assert.deepEqual(folder.stored.marks, { door: 1000 + MSN_BLOCK - 1 });
  });

  test('of more than 4,096 unused names share one, and no name loses its own', async () => {
    using folder = new Folder();
    folder.write(Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`old${i}`, 10_000 + i])));
    await using marks = await openMarks(folder);
    await marks.claim('door', 1);
    const { marks: kept, others } = folder.stored;
    assert.equal(Object.keys(kept).length, 4096);
    assert.equal(kept.door, MSN_BLOCK);
    assert.equal(others, 10_000 + 5000 - 4095 - 1);
    assert.equal((await marks.claim('old0', 1)).first, others + 1);
    assert.equal((await marks.claim('old4999', 1)).first, 15_000);
  });

  test('ready ends when it is aborted', async () => {
    using folder = new Folder();
    await using marks = await openMarks(folder);
    const claim = await marks.claim('door', 1);
    const stopped = new AbortController();
    stopped.abort(new Error('stopped'));
    await assert.rejects(claim.ready(stopped), /stopped/);
  });
});

suite('marks of a backup', () => {
  const backup = (marks: Record<string, number>, others = 0) => Buffer.from(JSON.stringify({ marks, others }));

  test('do not lower those of the data folder: the larger one wins', async () => {
    using folder = new Folder();
    folder.write({ door: 500, gate: 100 }, 50);
    await restoreMarks(folder.path, backup({ door: 400, gate: 300, yard: 20, shed: 90 }, 60), 1e9);
    assert.deepEqual(folder.stored, { marks: { door: 500, gate: 300, yard: 50, shed: 90 }, others: 60 });
  });

  test('are raised by 2^24 if the data folder has none', async () => {
    using folder = new Folder();
    await restoreMarks(folder.path, backup({ door: 5e8 }, 10), 1000);
    await using marks = await openMarks(folder);
    assert.equal((await marks.claim('door', 1)).first, 5e8 + LOST_MARKS_MSNS + 1);
    assert.equal((await marks.claim('new', 1)).first, 5e8 + LOST_MARKS_MSNS + 1);
  });

  test('missing in an older backup are computed from the index', async () => {
    using folder = new Folder();
    await restoreMarks(folder.path, undefined, 9000);
    assert.deepEqual(folder.stored, { marks: {}, others: 9000 + LOST_MARKS_MSNS });
  });
});
