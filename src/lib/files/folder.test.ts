import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { makeFolder } from './folder.ts';

const root = mkdtempSync(join(tmpdir(), 'oxbow-folder-'));
after(() => rmSync(root, { recursive: true, force: true }));

test('parent folders are created too, and an existing one is not changed', () => {
  const deep = join(root, 'a', 'b', 'c');
  makeFolder(deep);
  makeFolder(deep);
  assert.ok(existsSync(deep));
});

test('a file in place of the folder or a parent is an error', () => {
  const file = join(root, 'file');
  writeFileSync(file, '');
  assert.throws(() => makeFolder(file), { code: 'EEXIST' });
  assert.throws(() => makeFolder(join(file, 'below')), { code: 'ENOTDIR' });
});

test('a folder that the system cannot create is an error, without an endless loop', {
  skip: process.platform === 'linux' ? false : 'there is no /proc here',
}, () => {
  assert.throws(() => makeFolder('/proc/oxbow/below'), { code: 'ENOENT' });
});
