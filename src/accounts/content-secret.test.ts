import assert from 'node:assert/strict';
import { mkdtempDisposable, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { OxbowError } from '../lib/errors.ts';
import { openContentSecret } from './content-secret.ts';
import { openWatchSecret, WATCH_SECRET_FILE } from './watch-secret.ts';

test('the secret of content keys follows from that of playback tokens, on every start and node, unless it is set', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'oxbow-content-secret-'));
  const first = await openContentSecret(undefined, folder.path, undefined);
  assert.deepEqual(await openContentSecret(undefined, folder.path, undefined), first);
  assert.deepEqual(await readdir(folder.path), [WATCH_SECRET_FILE], 'nothing more to back up');
  assert.notDeepEqual(await openWatchSecret(folder.path, undefined), first);
  const nodes = ['cluster of two nodes', 'cluster of two nodes', 'another cluster of nodes'];
  const [one, other, foreign] = await Promise.all(
    nodes.map((secret) => openContentSecret(undefined, folder.path, undefined, secret)),
  );
  assert.deepEqual(one, other);
  assert.notDeepEqual(one, foreign);
  const set = await openContentSecret('a secret of content keys', folder.path, undefined);
  assert.deepEqual(await openContentSecret('a secret of content keys', folder.path, 'any other secret'), set);
  assert.notDeepEqual(set, first);
});

test('a secret that is too short is refused with its name', async () => {
  const isRefused = (error: unknown) =>
    error instanceof OxbowError && error.code === 'bad-setting' && error.message.startsWith('encryption.secret');
  await assert.rejects(openContentSecret('short', tmpdir(), undefined), isRefused);
});
