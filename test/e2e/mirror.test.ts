import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import type { StorageView } from '../../src/api/admin-shapes.ts';
import { openBadNetwork, startS3 } from '../../src/archive/objects/object-servers.fixture.ts';
import type { HealthReport } from '../../src/observe/health.ts';
import { openFolder, type Server, smallPicture, startPlainServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';

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
      return all.filter((key) => key !== 'oxbow/mirror-owner');
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
});
