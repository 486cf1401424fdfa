import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { Command } from 'commander';
import { addSettingFlags, readAgain } from './setting-flags.ts';

const folder = mkdtempSync(join(tmpdir(), 'oxbow-flags-'));
after(() => rmSync(folder, { recursive: true }));
const file = join(folder, 'secret');
const SECRET = 'a-secret-of-this-test';
const read = (...line: string[]) => readAgain(addSettingFlags(new Command()).parse(line, { from: 'user' }));

suite('secrets of the command line', () => {
  test('are read from the file that a flag names, so that no list of processes has them', async () => {
    writeFileSync(file, `${SECRET}\n`);
    const { config, origins } = await read('--admin-token-file', file, '--edges-token-file', file);
    assert.deepEqual([config.adminToken, config.edges.token], [SECRET, SECRET]);
    assert.equal(origins.get('adminToken'), '--admin-token-file');
  });

  test('are refused if they are given twice, or the file is empty or not there', async () => {
    writeFileSync(file, `${SECRET}\n`);
    await assert.rejects(read('--admin-token-file', file, '--admin-token', SECRET), { code: 'bad-setting' });
    await assert.rejects(read('--admin-token-file', join(folder, 'none')), { code: 'bad-setting' });
    writeFileSync(file, '\n');
    await assert.rejects(read('--admin-token-file', file), { code: 'bad-setting' });
    writeFileSync(file, 'short\n');
    await assert.rejects(read('--admin-token-file', file), { code: 'bad-setting' });
  });
});
