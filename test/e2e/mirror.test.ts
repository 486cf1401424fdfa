import assert from 'node:assert/strict';
import { readdir, rename, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { suite, test } from 'node:test';
import type { StorageView } from '../../src/api/admin-shapes.ts';
import { openBadNetwork, startS3 } from '../../src/archive/objects/object-servers.fixture.ts';
import type { HealthReport } from '../../src/observe/health.ts';
import { openFolder, type Server, smallPicture, startPlainServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { fullTest } from '../full.ts';

const mirrorOf = async (server: Server) => (await server.json<StorageView>('/api/v1/storage')).objectStores[0]!.mirror;
const recordedOf = async (server: Server) => (await server.stream('cam')).recorded.seconds;

suite('a mirror in a bucket', () => {
  test('holds nothing up while it is away, is complete after a crash, and loses what is deleted', async () => {
    await using bucket = await startS3();
    await using network = await openBadNetwork(bucket.port);
    await using client = await bucket.client();
    await using folder = await openFolder('mirror-e2e');
    const config = join(folder.path, 'oxbow.yaml');
    const storage = { targets: { bucket: bucket.target(network.port) }, target: 'bucket', mode: 'mirror' };
    await writeFile(config, JSON.stringify({ storage }));
    const data = join(folder.path, 'data');
    const args = ['--config', config, ...smallPicture];
    const start = () => startPlainServer({ data, args, adminToken: 'an-administrator', sample: false });
    const keys = async () => {
      const all = (await Array.fromAsync(client.list(''))).map(({ key }) => key);
      return all.filter((key) => key !== 'oxbow/mirror-owner' && !key.startsWith('oxbow/upload-servers/'));
    };
    const small = async () => (await keys()).filter((key) => key.startsWith('oxbow/mirror/'));
    {
      await using server = await start();
      const body = JSON.stringify({ name: 'cam', source: { type: 'test' } });
      const headers = { 'content-type': 'application/json' };
      const created = await server.fetch('/api/v1/streams', { method: 'POST', body, headers });
      assert.equal(created.status, 201, await created.text());
      await server.stream('cam');
      await until('something is in the bucket', async () => (await small()).length > 1);
      network.cut();
      const before = await recordedOf(server);
      await until('it is late', async () => ((await mirrorOf(server))?.behindSeconds ?? 0) > 15);
      const report = (await (await server.fetch('/health')).json()) as HealthReport;
      const check = report.checks.find(({ name }) => name === 'mirror')!;
      assert.equal(check.status, 'degraded');
      assert.match(check.detail, /bucket is \d+ s behind/);
      assert.ok((await recordedOf(server)) > before + 10, 'recording continues');
      assert.deepEqual(
        (await server.timeline('cam')).gaps.filter(({ cause }) => cause !== 'source-skipped'),
        [],
      );
      await server.stop('SIGKILL');
    }
    network.flow();
    await using server = await start();
    const recovered = await recordedOf(server);
    await until('it records again', async () => (await recordedOf(server)) > recovered + 1);
    await until('it is complete again', async () => {
      const state = await mirrorOf(server);
      return state !== null && state.behindSeconds < 3;
    });
    assert.ok((await server.fetch('/api/v1/streams/cam/stop', { method: 'POST' })).ok);
    await until('all is there as whole files alone', async () => {
      const all = await keys();
      return all.filter((key) => key.endsWith('.mp4')).length >= 2 && (await small()).length === 0;
    });
    assert.ok((await server.fetch('/api/v1/streams/cam/start', { method: 'POST' })).ok);
    await server.stream('cam');
    await until('new small objects are there', async () => (await small()).length > 2);
    assert.ok((await server.fetch('/api/v1/streams/cam?recordings=delete', { method: 'DELETE' })).ok);
    await until('nothing of the stream is left', async () => (await keys()).length === 0);
  });

  fullTest('has complete files as ranges of its objects, which are read, erased and deleted like files', async () => {
    await using bucket = await startS3();
    await using client = await bucket.client();
    await using folder = await openFolder('mirror-log-e2e');
    const config = join(folder.path, 'oxbow.yaml');
    const target = { targets: { bucket: bucket.target() }, target: 'bucket' };
    await writeFile(config, JSON.stringify({ storage: { ...target, mode: 'mirror', mirrorArchive: 'log' } }));
    const data = join(folder.path, 'data');
    await using server = await startPlainServer({
      data,
      args: ['--config', config, ...smallPicture],
      adminToken: 'an-administrator',
      sample: false,
    });
    const send = async (method: string, path: string, body?: object) => {
      const headers = { 'content-type': 'application/json' };
      const answer = await server.fetch(`/api/v1${path}`, {
        method,
        headers,
        ...(body && { body: JSON.stringify(body) }),
      });
      assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${await answer.text()}`);
    };
    const keys = async () => (await Array.fromAsync(client.list('oxbow/'))).map(({ key }) => key);
    const described = async () => (await keys()).filter((key) => key.endsWith('.mp4~.log'));
    const whole = async () => (await keys()).filter((key) => key.endsWith('.mp4'));
    for (const name of ['cam', 'door']) await send('POST', '/streams', { name, source: { type: 'test' } });
    await server.stream('cam');
    await server.stream('door');
    await until('some seconds are recorded', async () => (await recordedOf(server)) > 7);
    for (const name of ['cam', 'door']) await send('POST', `/streams/${name}/stop`);
    await until('both files are described', async () => (await described()).length === 2);
    assert.deepEqual(await whole(), [], 'media is sent once');
    const { spans } = await server.timeline('cam');
    const [fromMs, toMs] = [Date.parse(spans[0]!.from), Date.parse(spans[0]!.to)];
    const clip = () => server.bytes(`/clip/cam/${fromMs}/${toMs}.mp4`);
    const before = Buffer.from(await clip());
    const files = (await readdir(join(data, 'recordings'), { recursive: true })).filter((name) =>
      name.endsWith('.mp4'),
    );
    // Both streams may have begun in one instant: their files have the same name then.
    const moved = files.map(
      (name, i) => [join(data, 'recordings', name), join(folder.path, `${i}-${basename(name)}`)] as const,
    );
    for (const [from, to] of moved) await rename(from, to);
    assert.ok(before.equals(Buffer.from(await clip())), 'the same bytes come from the bucket');
    for (const [from, to] of moved) await rename(to, from);
    // What is written again is sent as a whole, and no byte of before stays in objects that the other stream
    // needs.
    const inLog = async () => {
      const small = (await keys()).filter((key) => key.startsWith('oxbow/mirror/'));
      const read = (key: string) => client.read(key, { offset: 0, length: 1e7 });
      return Buffer.concat(await Promise.all(small.map(async (key) => (await read(key))!)));
    };
    const start = before.indexOf('mdat') + 4;
    const samples = Array.from({ length: 100 }, (_, i) => before.subarray(start + 500 * i, start + 500 * i + 32));
    const log = await inLog();
    // Some bytes are the same in both streams, such as silence.
    const { spans: doorSpans } = await server.timeline('door');
    const [doorFromMs, doorToMs] = [Date.parse(doorSpans[0]!.from), Date.parse(doorSpans[0]!.to)];
    const door = Buffer.from(await server.bytes(`/clip/door/${doorFromMs}/${doorToMs}.mp4`));
    const own = samples.filter((bytes) => log.includes(bytes) && !door.includes(bytes));
    assert.ok(own.length > 20, `${own.length} samples`);
    await send('DELETE', `/streams/cam/recordings?from=${fromMs + 2500}&to=${fromMs + 3500}`);
    await until('the changed file is in the bucket', async () => (await whole()).length === 1);
    await until('its description is gone', async () => (await described()).length === 1);
    const left = await inLog();
    assert.equal(own.filter((bytes) => left.includes(bytes)).length, 0);
    assert.ok(left.length > 0);
    for (const name of ['cam', 'door']) await send('DELETE', `/streams/${name}?recordings=delete`);
    const marks = /^oxbow\/(mirror-|upload-servers\/)/;
    await until('nothing is left', async () => (await keys()).every((key) => marks.test(key)), { withinMs: 200_000 });
  });
});
