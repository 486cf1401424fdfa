import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { isLinux, ownUid } from '../../lib/platform.ts';
import { loadConfig } from '../load.ts';
import { findPathProblems } from './machine-paths.ts';

const folder = mkdtempSync(join(tmpdir(), 'oxbow-paths-'));
after(() => rmSync(folder, { recursive: true }));

const program = join(folder, 'program');
const text = join(folder, 'text');
writeFileSync(program, '#!/bin/sh\n');
chmodSync(program, 0o755);
writeFileSync(text, 'x');

/** @param flags by path of the setting */
async function problems(flags: Readonly<Record<string, string>>): Promise<readonly string[]> {
  const raw = Object.entries(flags).map(([path, value]) => ({ path, value, origin: `--${path}` }));
  const { config } = await loadConfig({ flags: raw });
  return (await findPathProblems(config)).map(({ path, message }) => `${path}: ${message}`);
}

test('without settings every machine fits, also one without yt-dlp', async () => {
  assert.deepEqual(await problems({}), []);
});

test('programs and a folder that are there are no problem', async () => {
  const children = Object.fromEntries(['prlimit', 'setpriv', 'unshare'].map((name) => [`children.${name}`, program]));
  assert.deepEqual(await problems({ ...children, 'pages.ytDlp': program, temporaryFolder: folder }), []);
  assert.deepEqual(await problems({ 'pages.ytDlp': 'sh' }), [], 'a name is looked up in PATH');
});

test('a program that is missing, or is not executable, is a problem that names the setting and the path', {
  skip: !isLinux && 'limits are those of Linux',
}, async () => {
  const nothing = join(folder, 'nothing');
  assert.deepEqual(await problems({ 'children.prlimit': nothing, 'children.setpriv': text, 'pages.ytDlp': nothing }), [
    `children.prlimit: "${nothing}" does not exist; name a program, or leave the setting out`,
    `children.setpriv: "${text}" is not executable; name a program, or leave the setting out`,
    `pages.ytDlp: "${nothing}" does not exist; name a program, or leave the setting out`,
  ]);
  assert.match((await problems({ 'children.unshare': folder }))[0]!, /is not executable/, 'a folder is no program');
});

test('a temporary folder that is missing, is a file, or cannot be written is a problem', async () => {
  const advice = 'name a folder that oxbow may write';
  const nothing = join(folder, 'no', 'folder');
  assert.deepEqual(await problems({ temporaryFolder: nothing }), [
    `temporaryFolder: "${nothing}" does not exist; ${advice}`,
  ]);
  assert.deepEqual(await problems({ temporaryFolder: text }), [
    `temporaryFolder: "${text}" is not a folder; ${advice}`,
  ]);
  const closed = join(folder, 'closed');
  mkdirSync(closed, { mode: 0o500 });
  const expected = ownUid === 0 ? [] : [`temporaryFolder: "${closed}" is not writable (EACCES); ${advice}`];
  assert.deepEqual(await problems({ temporaryFolder: closed }), expected);
});
