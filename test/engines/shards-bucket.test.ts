/**
 * oxbow with two PostgreSQL servers and a bucket: files are uploaded, read, moved with their stream and
 * deleted once, wherever their rows are.
 */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { suite, test } from 'node:test';
import type { StorageView } from '../../src/api/admin-shapes.ts';
import { startS3 } from '../../src/archive/objects/object-servers.fixture.ts';
import { needPostgres } from '../fixtures/engines/postgres.ts';
import { openCountingProxy } from '../fixtures/proxies/counting-proxy.ts';
import { openFolder, runOxbow, type Server, smallPicture, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { objectsIn, openShards } from './shards.fixture.ts';

const adminToken = 'a-token-for-the-tests';

async function send(server: Server, path: string, method: string, body?: object): Promise<void> {
  const headers = { 'content-type': 'application/json' };
  const init = { method, headers, ...(body && { body: JSON.stringify(body) }) };
  const answer = await server.fetch(`/api/v1${path}`, init);
  assert.ok(answer.ok, await answer.clone().text());
}

/** Records a file of a stream, and ends it. */
async function recordFile(server: Server, name: string): Promise<void> {
  const before = (await server.timeline(name)).spans.length;
  await send(server, `/streams/${name}`, 'PATCH', { record: true });
  await until(`${name} is recorded`, async () => (await server.timeline(name)).spans.length > before);
  await send(server, `/streams/${name}`, 'PATCH', { record: false });
}

suite('oxbow with a shard and a bucket', { skip: needPostgres() }, () => {
  test('uploads, reads, moves and deletes the files of both databases, and no other object', async () => {
    await using opened = new AsyncDisposableStack();
    const servers = opened.use(await openShards());
    const bucket = opened.use(await startS3());
    const proxy = opened.use(await openCountingProxy(`http://127.0.0.1:${bucket.port}`));
    const { path: folder } = opened.use(await openFolder('shards-bucket'));
    const { url, shards } = await servers.create();
    const data = `${folder}/data`;
    const file = ['--config', `${folder}/oxbow.yaml`];
    const target = { ...bucket.target(), endpoint: proxy.url };
    const storage = { targets: { bucket: target }, target: 'bucket', mode: 'move', after: '0s' };
    const streams = { near: { record: false }, far: { record: false } };
    const settings = { data, hls: { segmentDuration: '1s' }, store: { url, shards }, storage };
    await writeFile(file[1]!, JSON.stringify(settings));
    const server = opened.use(await startServer({ data, args: [...smallPicture, ...file], adminToken, sample: false }));
    for (const [name, how] of Object.entries(streams)) {
      await send(server, '/streams', 'POST', { name, source: { type: 'test' }, ...how });
      await server.stream(name, 'live');
    }
    for (const name of ['near', 'far']) await recordFile(server, name);
    const stored = async () => {
      const [store] = (await server.json<StorageView>('/api/v1/storage')).objectStores;
      return store!.waiting === 0 ? store!.objects : 0;
    };
    // A file and the identity of each stream.
    await until('both streams are in the bucket', async () => (await stored()) === 4);
    const run = async (...verb: readonly string[]) => {
      const { code, stdout, stderr } = await runOxbow([...verb, ...file, '--json']);
      assert.equal(code, 0, stderr);
      return JSON.parse(stdout);
    };
    const moved = await run('db', 'move-stream', 'far', '--to', 'b');
    assert.equal(moved.rows.stored_object, 2);
    assert.deepEqual([(await objectsIn(url)).length, (await objectsIn(shards.b!)).length], [2, 2]);
    await recordFile(server, 'far');
    await until('the new file has its row on the shard', async () => (await objectsIn(shards.b!)).length === 3);
    await until('all are counted', async () => (await stored()) === 5);
    const [first] = (await server.timeline('far')).spans;
    const from = Math.floor(Date.parse(first!.from) / 1000);
    const clip = await server.bytes(`/clip/far/${from}/${Math.ceil(Date.parse(first!.to) / 1000)}.mp4`);
    assert.ok(clip.length > 1_000, 'the past is read from the bucket');
    const backup = await run('backup', '-o', `${folder}/copy.db`);
    assert.equal(backup.recordings.files, 3);
    const client = await bucket.client();
    const keys = async () => {
      const all = (await Array.fromAsync(client.list(''))).map(({ key }) => key);
      return all.filter((key) => !key.includes('/upload-servers/')); // one an hour of each server
    };
    const before = await keys();
    const doomed = (await objectsIn(shards.b!)).filter((key) => key.endsWith('.mp4'));
    assert.equal(doomed.length, 2);
    const requests = proxy.requests.length;
    const [a, b] = [from - 60, Math.ceil(Date.now() / 1000) + 60];
    await send(server, `/streams/far/recordings?from=${a}&to=${b}`, 'DELETE');
    await until('they are deleted in the bucket', async () => (await keys()).length === before.length - 2);
    const left = await keys();
    assert.deepEqual(before.filter((key) => !left.includes(key)).sort(), doomed.toSorted());
    await until('none waits', async () => (await objectsIn(shards.b!, 'object_deletion')).length === 0);
    // The deletion of the range and the queue may both request it, while it waits.
    const deletions = proxy.requests.slice(requests).filter((line) => line.startsWith('DELETE '));
    const isDoomed = (line: string) => doomed.some((key) => line.includes(`/${key}?`));
    assert.ok(deletions.every(isDoomed), deletions.join('\n'));
    await server.stop();
    const { code, stdout } = await runOxbow(['doctor', '--rebuild', ...file, '--data', data]);
    assert.equal(code, 0, stdout);
    assert.deepEqual([(await objectsIn(url)).length, (await objectsIn(shards.b!)).length], [2, 1]);
  });
});
