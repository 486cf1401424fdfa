import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { checkDataFolder, checkDiskSpeed, checkHosts, checkNode, checkPort, measureDisk } from './host-checks.ts';

const folder = mkdtempSync(join(tmpdir(), 'oxbow-doctor-'));
after(() => rmSync(folder, { recursive: true }));

test('a Node older than 24 fails and the hint has a download address', () => {
  assert.equal(checkNode('24.0.0').state, 'ok');
  const { state, hint } = checkNode('22.9.0');
  assert.equal(state, 'failed');
  assert.match(hint, /nodejs\.org/);
});

test('the check leaves the data folder unchanged; a missing one is not created', () => {
  assert.notEqual(checkDataFolder(folder).state, 'failed');
  const { state, text } = checkDataFolder(join(folder, 'a', 'b'));
  assert.notEqual(state, 'failed');
  assert.match(text, /will be created/);
  assert.deepEqual(readdirSync(folder), []);
});

test('a data folder that is a file fails, and the hint has --data', () => {
  const file = join(folder, 'file');
  writeFileSync(file, '');
  const { state, hint } = checkDataFolder(join(file, 'below'));
  assert.equal(state, 'failed');
  assert.match(hint, /--data/);
  rmSync(file);
});

test('the finding has the free space below which nothing is recorded', () => {
  assert.match(checkDataFolder(folder).text, /nothing is recorded below (1|0\.\d+|\d+) [GM]iB \(record\.minFree\)$/);
  const { state, text } = checkDataFolder(folder, 2 ** 50);
  assert.deepEqual([state, text.endsWith('nothing is recorded below 1 PiB (record.minFree)')], ['warning', true]);
});

test('an address of another computer fails, and the hint has the flags', async () => {
  const { state, hint } = await checkPort('http', { address: '192.0.2.1', port: 0 });
  assert.equal(state, 'failed');
  assert.match(hint, /--listen/);
});

test('a port of another program fails with a command to find it; a port of oxbow is ok', async () => {
  await using server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const taken = await checkPort('http', { address: '127.0.0.1', port });
  assert.equal(taken.state, 'failed');
  assert.match(taken.hint, new RegExp(`:${port}.*--http`));
  const ours = await checkPort('http', { address: '127.0.0.1', port }, async () => '1.2.3');
  assert.deepEqual([ours.state, ours.text], ['ok', `127.0.0.1:${port}: oxbow 1.2.3 runs there`]);
});

test('the finding lists the accepted names on a loopback address and the flag that adds others', () => {
  const local = {
    http: { address: '127.0.0.1', port: 8080 },
    publicUrl: 'https://tv.example',
    hosts: ['desk', 'tv.example'],
  };
  assert.deepEqual(checkHosts(local), {
    name: 'host names',
    state: 'ok',
    text: 'accepted on 127.0.0.1: localhost, loopback addresses, desk, tv.example; others get 421, --hosts adds names',
    hint: '',
  });
  const open = checkHosts({ ...local, http: { address: '0.0.0.0', port: 8080 } });
  assert.match(open.text, /^every name/);
});

test('the disk check writes to the disk and deletes its files', async () => {
  const { bytesPerS, syncMs } = await measureDisk(join(folder, 'not-made'));
  assert.ok(bytesPerS > 0 && syncMs >= 0);
  assert.deepEqual(readdirSync(folder), []);
});

test('a slow disk is a warning with a hint', async () => {
  assert.equal((await checkDiskSpeed(async () => ({ bytesPerS: 200e6, syncMs: 5 }))).state, 'ok');
  const slow = await checkDiskSpeed(async () => ({ bytesPerS: 5e6, syncMs: 5 }));
  assert.deepEqual([slow.state, slow.text], ['warning', '5 MB/s, a sync takes 5.0 ms']);
  const lazy = await checkDiskSpeed(async () => ({ bytesPerS: 200e6, syncMs: 900 }));
  assert.match(lazy.hint, /--record-sync chunk/);
  assert.equal((await checkDiskSpeed(async () => assert.fail('read-only'))).state, 'warning');
});
