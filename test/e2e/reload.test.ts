/**
 * Settings that change while a server runs, and what the doctor makes of it. In: a file that the test writes.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import type { SettingView } from '../../src/api/admin-shapes.ts';
import type { StreamView, SystemView } from '../../src/api/shapes.ts';
import { main, openFolder, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';

test('a running server applies a saved file, refuses an invalid one, and reloads at SIGHUP; a bundle has no secrets', async () => {
  await using folder = await openFolder('reload');
  const file = join(folder.path, 'oxbow.yaml');
  const pull = '{ source: { url: "http://127.0.0.1:9/live.m3u8?key=HIDDEN" }, record: false }';
  await writeFile(file, `streams: { one: ${pull} }\n`);
  const data = join(folder.path, 'data');
  const args = ['--config', file, '--admin-token', 'HIDDEN-admin-token'];
  await using server = await startServer({ data, args, adminToken: 'HIDDEN-admin-token' });
  const names = async () =>
    (await server.json<{ items: StreamView[] }>('/api/v1/streams')).items.map(({ name }) => name);
  assert.deepEqual(await names(), ['one']);

  await writeFile(file, `http: 1\nlogLevel: debug\nstreams: { one: ${pull}, two: ${pull} }\n`);
  await until('the second stream', async () => (await names()).includes('two'));
  const waits = () => server.log('warn').find(({ waiting }) => waiting);
  const taken = await until('what was taken', () => server.log('info').find(({ taken }) => taken)?.taken);
  assert.deepEqual(taken, ['logLevel', 'streams.two']);
  assert.equal(waits(), undefined, 'the port was given by a flag, which wins over the file');

  const keep = async () => {
    const { items } = await server.json<{ items: SettingView[] }>('/api/v1/settings');
    const { value, origin } = items.find(({ path }) => path === 'record.keep')!;
    return `${value} ${origin}`;
  };
  const set = (body: object) =>
    server.fetch('/api/v1/settings', { method: 'PATCH', body: JSON.stringify(body), headers });
  const headers = { 'content-type': 'application/json' };
  assert.equal((await set({ 'record.keep': '7d' })).status, 200);
  assert.equal(await keep(), '7d browser');
  await writeFile(file, `logLevel: debug\nrecord: { keep: 3d }\nstreams: { one: ${pull}, two: ${pull} }\n`);
  await until('the file is stronger than the browser', async () => /^3d .*oxbow\.yaml:2$/.test(await keep()));
  assert.match(await (await set({ 'record.keep': '9d' })).text(), /record.keep is set by .*oxbow.yaml:2/);
  await writeFile(file, `logLevel: debug\nstreams: { one: ${pull}, two: ${pull} }\n`);
  await until('what the browser set is back', async () => (await keep()) === '7d browser');

  await writeFile(file, 'logLevle: info\n');
  const refused = () => server.log('error').filter(({ msg }) => msg.startsWith('invalid settings'));
  await until('the refusal', () => refused().length > 0);
  assert.match(refused()[0]!.msg, /oxbow\.yaml:1:1: .*did you mean "logLevel"\?/);
  assert.deepEqual(await names(), ['one', 'two'], 'the running settings stay');

  if (process.platform !== 'win32') {
    process.kill(server.pid, 'SIGHUP');
    await until('another refusal', () => refused().length > 1);
  }

  await writeFile(file, `threads: 1\ntls: { cert: c.pem, key: k.pem }\nstreams: { two: ${pull} }\n`);
  await until('what waits', () => waits() !== undefined);
  assert.deepEqual(waits()!.waiting, ['tls.cert', 'tls.key']);
  const { waitingForRestart } = await server.json<SystemView>('/api/v1/system');
  assert.deepEqual(waitingForRestart, ['tls.cert', 'tls.key']);
  const settings = await server.json<{ items: SettingView[] }>('/api/v1/settings');
  const marked = settings.items.filter(({ waits }) => waits).map(({ path, value }) => [path, value]);
  assert.deepEqual(
    marked,
    [
      ['tls.cert', ''],
      ['tls.key', ''],
    ],
    'marked, with the value in force',
  );
  const one = await server.stream('one', 'stopped');
  assert.equal(one.origin, 'api');

  const bundle = join(folder.path, 'bundle.tar.gz');
  const { port } = new URL(server.url);
  await writeFile(file, `streams: { two: ${pull} }\n`);
  const command = ['doctor', '--json', '--data', data, '--http', port, '--bundle', bundle, ...args];
  const doctor = spawn(process.execPath, [main, ...command], { stdio: ['ignore', 'pipe', 'ignore'] });
  const [said] = await Promise.all([text(doctor.stdout), once(doctor, 'close')]);
  const { checks } = JSON.parse(said) as { checks: { name: string; state: string; text: string }[] };
  const http = checks.find(({ name }) => name === 'http port')!;
  assert.equal(http.state, 'ok');
  assert.match(http.text, /: oxbow \S+ runs there$/);
  const tar = gunzipSync(await readFile(bundle));
  assert.equal(tar.includes('HIDDEN'), false);
  for (const part of ['"startedAt"', 'oxbow_', '"name": "two"', '"path": "record.keep"'])
    assert.ok(tar.includes(part), part);
});
