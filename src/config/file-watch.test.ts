import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { watchFiles } from './file-watch.ts';

const root = mkdtempSync(join(tmpdir(), 'oxbow-watch-'));
after(() => rmSync(root, { recursive: true }));

/** A watch that counts, with a promise for the next change. */
async function watched(files: readonly string[]) {
  const changes = { count: 0, next: Promise.withResolvers<void>() };
  const watching = await watchFiles(files, {
    onChange() {
      changes.count++;
      changes.next.resolve();
      changes.next = Promise.withResolvers();
    },
    failed: (error) => changes.next.reject(error),
  });
  // What the watch waits with does not keep a process alive: here something else must.
  const alive = setInterval(() => undefined, 1000);
  return {
    changes,
    async [Symbol.asyncDispose]() {
      clearInterval(alive);
      await watching[Symbol.asyncDispose]();
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
  await using watch = await watched([file]);
  const { changes } = watch;
  let next = changes.next.promise;
  writeFileSync(file, 'a:');
  writeFileSync(file, 'a: 2\n');
  await next;
  next = changes.next.promise;
  writeFileSync(join(folder, '.oxbow.yaml.swp'), 'a: 3\n');
  renameSync(join(folder, '.oxbow.yaml.swp'), file);
  await next;
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
  await using watch = await watched([join(folder, 'oxbow.yaml')]);
  const next = watch.changes.next.promise;
  symlinkSync('..2', join(folder, '..data_tmp'));
  renameSync(join(folder, '..data_tmp'), join(folder, '..data'));
  rmSync(join(folder, '..1'), { recursive: true });
  await next;
  assert.equal(watch.changes.count, 1);
});

test('the same content, a truncated file, and other files in the folder are not a change', async () => {
  const folder = newFolder('same');
  const file = join(folder, 'oxbow.yaml');
  const other = join(folder, 'second.yaml');
  writeFileSync(file, 'a: 1\n');
  writeFileSync(other, 'b: 1\n');
  await using watch = await watched([file, other]);
  const { changes } = watch;
  writeFileSync(file, 'a: 1\n');
  writeFileSync(join(folder, 'notes.txt'), 'x');
  writeFileSync(file, '');
  const next = changes.next.promise;
  // Seen after the others: had they counted, there would be two.
  await new Promise((resolve) => setTimeout(resolve, 600));
  writeFileSync(other, 'b: 2\n');
  await next;
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
