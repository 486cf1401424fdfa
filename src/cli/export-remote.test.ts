import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '../recording/recording.fixture.ts';
import { writeSidecar } from './export-remote.ts';

test('a file that replaces another one does not keep the evidence of that one', async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'door.ts');
  await writeSidecar(path, undefined);
  await writeFile(`${path}.evidence`, 'of another file');
  await writeSidecar(path, Buffer.from('new'));
  assert.equal(await readFile(`${path}.evidence`, 'utf8'), 'new');
  await writeSidecar(path, undefined);
  assert.equal(existsSync(`${path}.evidence`), false);
});
