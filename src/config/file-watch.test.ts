// The reports of the system are real, so a test waits for its own report behind them; the time after a report
// is virtual.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, watch, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openVirtualTime } from '../../test/fixtures/virtual-time.ts';
import { watchFiles } from './file-watch.ts';

const root = mkdtempSync(join(tmpdir(), 'oxbow-watch-'));
after(() => rmSync(root, { recursive: true }));

/** A change counts when no file has been written for this long. */
const REST_MS = 250;

/** A watch that counts, on virtual time. */
async function watched(files: readonly string[]) {
  const time = openVirtualTime();
  const changes = { count: 0 };
  const watching = await watchFiles(files, {
    onChange: () => void changes.count++,
    failed: (error) => assert.fail(String(error)),
  });
  return {
    changes,
    /**
     * Passes `ms` after the watch has received what happened in the folder before: the system reports it in
     * order.
     */
    async pass(folder: string, ms: number): Promise<void> {
      const reports = watch(folder);
      writeFileSync(join(folder, 'marker'), 'x');
      for (let name: unknown; name !== 'marker'; ) [, name] = await once(reports, 'change');
      reports.close();
      await time.runFor(ms);
    },
    async [Symbol.asyncDispose]() {
      await watching[Symbol.asyncDispose]();
      time[Symbol.dispose]();
    },
  };
}

function newFolder(name: string): string {
  const folder = join(root, name);
  mkdirSync(folder);
  return folder;
}

test('a file that is written in several steps, or replaced as editors do, is one change', async () => {
  const folder = newFolder('saved');
  const file = join(folder, 'oxbow.yaml');
  writeFileSync(file, 'a: 1\n');
  await using watching = await watched([file]);
  const { changes, pass } = watching;
  writeFileSync(file, 'a:');
  await pass(folder, REST_MS - 1);
  writeFileSync(file, 'a: 2\n');
  await pass(folder, REST_MS - 1);
  assert.equal(changes.count, 0, 'it may still be written');
  await pass(folder, REST_MS);
  assert.equal(changes.count, 1);
  writeFileSync(join(folder, '.oxbow.yaml.swp'), 'a: 3\n');
  renameSync(join(folder, '.oxbow.yaml.swp'), file);
  await pass(folder, REST_MS);
  assert.equal(changes.count, 2);
});

test('a symbolic link that changes to another folder, as in Kubernetes, is a change', async () => {
  const folder = newFolder('mounted');
  for (const version of ['..1', '..2']) {
    mkdirSync(join(folder, version));
    writeFileSync(join(folder, version, 'oxbow.yaml'), `version: ${version}\n`);
  }
  symlinkSync('..1', join(folder, '..data'));
  symlinkSync(join('..data', 'oxbow.yaml'), join(folder, 'oxbow.yaml'));
  await using watching = await watched([join(folder, 'oxbow.yaml')]);
  symlinkSync('..2', join(folder, '..data_tmp'));
  renameSync(join(folder, '..data_tmp'), join(folder, '..data'));
  rmSync(join(folder, '..1'), { recursive: true });
  await watching.pass(folder, REST_MS);
  assert.equal(watching.changes.count, 1);
});

test('the same content, a truncated file, and other files in the folder are not a change', async () => {
  const folder = newFolder('same');
  const file = join(folder, 'oxbow.yaml');
  const other = join(folder, 'second.yaml');
  writeFileSync(file, 'a: 1\n');
  writeFileSync(other, 'b: 1\n');
  await using watching = await watched([file, other]);
  const { changes, pass } = watching;
  writeFileSync(file, 'a: 1\n');
  writeFileSync(join(folder, 'notes.txt'), 'x');
  writeFileSync(file, '');
  await pass(folder, 60_000);
  assert.equal(changes.count, 0);
  writeFileSync(file, 'a: 1\n');
  await pass(folder, REST_MS);
  assert.equal(changes.count, 0, 'what was there before it was truncated');
  writeFileSync(other, 'b: 2\n');
  await pass(folder, REST_MS);
  assert.equal(changes.count, 1);
});

test('a folder that does not exist is reported, not thrown', async () => {
  const failures: unknown[] = [];
  const watching = await watchFiles([join(root, 'none', 'oxbow.yaml')], {
    onChange: () => assert.fail('nothing changed'),
    failed: (error) => failures.push(error),
  });
  await watching[Symbol.asyncDispose]();
  assert.equal(failures.length, 1);
});
