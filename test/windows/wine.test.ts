/**
 * Modules whose behaviour depends on the file system run their own tests on Windows' Node under Wine: paths,
 * locks, renames.
 * In: Debian's wine and wine64, Windows' Node from the npm registry. Out: assertions.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { need } from '../fixtures/need.ts';
import { openWindowsNode } from './windows-node.ts';

const LIMIT_MS = 500_000;

/** Files that run there. Others start programs of Linux, as ffmpeg and `sh`, or do not touch the disk. */
const files = [
  'src/lib/files/folder.test.ts',
  'src/lib/files/write-all.test.ts',
  'src/store/running.test.ts',
  'src/store/data-folder-lease.test.ts',
  'src/archive/chunk-writer.test.ts',
  'src/archive/sync-queue.test.ts',
  'src/config/file-watch.test.ts',
] as const;

/** Tests of these files that are left out: a part of their title, and why. */
const leftOut: readonly (readonly [title: string, why: string])[] = [
  ['a file in place of the folder or a parent', 'Windows reports a file in the path as ENOENT, Linux as ENOTDIR'],
  ['a symbolic link that changes to another folder', 'Wine creates no symbolic links'],
];

test('paths, locks and renames are right on Windows', { skip: need('wine') || need('tar') }, async (t) => {
  for (const [title, why] of leftOut) t.diagnostic(`left out: ${title}: ${why}`);
  await using windows = await openWindowsNode();
  const skipped = leftOut.map(([title]) => `--test-skip-pattern=${title}`);
  const options = ['--disable-warning=ExperimentalWarning', '--import', './test/windows/workspaces.mjs', '--test'];
  const reports = ['--test-isolation=none', '--test-reporter=tap'];
  const { code, text } = await windows.run([...options, ...reports, ...skipped, ...files], LIMIT_MS);
  assert.equal(code, 0, text);
  assert.ok(Number(/^# pass (\d+)$/m.exec(text)?.[1]) > files.length, text);
});
