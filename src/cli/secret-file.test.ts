import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, test } from 'node:test';
import { secretOf } from './secret-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'oxbow-secret-'));
after(() => rmSync(folder, { recursive: true }));
const VARIABLE = 'OXBOW_WORKER_TOKEN';
afterEach(() => {
  for (const name of [VARIABLE, `${VARIABLE}_FILE`]) delete process.env[name];
});

/** Writes a file and names it in the variable. */
function inFile(content: string): void {
  const file = join(folder, 'secret');
  writeFileSync(file, content);
  process.env[`${VARIABLE}_FILE`] = file;
}

test('a flag wins over a variable; an empty one is none', () => {
  assert.equal(secretOf(undefined, VARIABLE), undefined);
  process.env[VARIABLE] = 'from the variable';
  assert.equal(secretOf('from the flag', VARIABLE), 'from the flag');
  assert.equal(secretOf('', VARIABLE), 'from the variable');
});

test('a secret is read from a file without the newline at its end', () => {
  inFile(' two words \n');
  assert.equal(secretOf(undefined, VARIABLE), ' two words ');
});

test('an empty file, a missing one, and a secret that is given twice are refused', () => {
  inFile('\n');
  assert.throws(() => secretOf(undefined, VARIABLE), /OXBOW_WORKER_TOKEN_FILE: .* is empty/);
  inFile('secret');
  assert.throws(() => secretOf('another', VARIABLE), /set, and the secret itself too/);
  process.env[`${VARIABLE}_FILE`] = join(folder, 'none');
  assert.throws(() => secretOf(undefined, VARIABLE), /cannot be read/);
});
