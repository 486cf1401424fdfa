import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { lockDataFolder } from './lock.ts';
import { announceRunning, findRunning, takeLeft } from './running.ts';

const root = mkdtempSync(join(tmpdir(), 'oxbow-running-'));
after(() => rmSync(root, { recursive: true, force: true }));

const instance = {
  pid: process.pid,
  startedAt: '2026-11-20T00:00:00.000Z',
  http: 'http://127.0.0.1:22100',
  publicUrl: 'https://tv.example',
};

test('the server that holds a data folder is found with its addresses, and no longer after it has ended', async () => {
  const folder = join(root, 'ended');
  {
    using _lock = lockDataFolder(folder);
    await using _announced = await announceRunning(folder, instance);
    assert.deepEqual(findRunning(folder), instance);
    assert.throws(() => lockDataFolder(folder), { code: 'data-in-use' }, 'checking does not free the lock');
    if (process.platform !== 'win32') assert.equal(statSync(join(folder, 'running.json')).mode & 0o777, 0o600);
  }
  assert.equal(findRunning(folder), undefined);
  assert.deepEqual(readdirSync(folder), ['lock.db']);
});

test('the file of a killed server is ignored, and kept for a report when the next one takes the lock', async () => {
  const folder = join(root, 'killed');
  lockDataFolder(folder)[Symbol.dispose]();
  await announceRunning(folder, instance);
  assert.equal(findRunning(folder), undefined);
  using _lock = lockDataFolder(folder);
  assert.equal(findRunning(folder), undefined);
  assert.deepEqual(readdirSync(folder).sort(), ['left.json', 'lock.db']);
  assert.equal(takeLeft(folder)?.pid, process.pid, 'the next start reports it, once');
  assert.equal(takeLeft(folder), undefined);
});

test('looking for a server creates neither folder nor file', () => {
  const folder = join(root, 'none');
  assert.equal(findRunning(folder), undefined);
  assert.ok(!existsSync(folder));
  writeFileSync(join(root, 'running.json'), JSON.stringify(instance));
  assert.equal(findRunning(root), undefined);
  assert.ok(!existsSync(join(root, 'lock.db')));
});
