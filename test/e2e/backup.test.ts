import assert from 'node:assert/strict';
import { cp, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { suite, test } from 'node:test';
import { runCommandLines } from '../fixtures/cli/command-lines.ts';
import { chunkFiles } from '../fixtures/recordings.ts';
import { openFolder, runOxbow, type Server, smallPicture, startPlainServer } from '../fixtures/server.ts';
import { assertCovered } from '../fixtures/timeline.ts';
import { until } from '../fixtures/wait.ts';
import { fullTest } from '../full.ts';

const ADMIN = 'a-token-for-tests';
const STREAM = '/api/v1/streams/demo';
const icon = join(import.meta.dirname, '..', '..', 'web', 'public', 'icon-512.png');

async function make<T>(server: Server, path: string, body: unknown): Promise<T> {
  const headers = { 'content-type': 'application/json' };
  const response = await server.fetch(path, { method: 'POST', headers, body: JSON.stringify(body) });
  assert.equal(response.status, 201, await response.clone().text());
  return (await response.json()) as T;
}

const seconds = async (server: Server) => (await server.stream('demo')).recorded.seconds;

/** First MSNs of the files of the stream, in order of time. */
async function firstMsns(data: string): Promise<number[]> {
  const files = (await chunkFiles(data)).get('demo') ?? [];
  return files.map((path) => Number(/-(\d+)\.mp4$/.exec(basename(path))![1]));
}

suite('oxbow backup', () => {
  test('a backup of a recording server restores everything into a new folder, and later recordings are indexed', async () => {
    await using folder = await openFolder('backup');
    const [data, other] = ['data', 'other'].map((name) => join(folder.path, name)) as [string, string];
    const copy = join(folder.path, 'copy.db');
    const sinceMs = Date.now() - 60_000;
    let token: string;
    {
      await using server = await startPlainServer({ data, adminToken: ADMIN, args: smallPicture });
      const span = await until('a second is recorded', async () => {
        const { spans } = await server.timeline('demo', `?from=${sinceMs}&to=${Date.now()}`);
        return spans.find(({ from, to }) => Date.parse(to) - Date.parse(from) >= 1000);
      });
      const at = span.to;
      await make(server, `${STREAM}/markers`, { at, text: 'the parcel' });
      await make(server, `${STREAM}/pins`, { ...span, text: 'keep this' });
      const headers = { 'content-type': 'image/png' };
      const set = await server.fetch(`${STREAM}/picture`, { method: 'PUT', headers, body: await readFile(icon) });
      assert.equal(set.status, 204, await set.text());
      ({ token } = await make<{ token: string }>(server, '/api/v1/tokens', { label: 'deploy', scopes: ['admin'] }));

      const restore = ['backup', '--restore', copy, '--data', data];
      const [inUse, said, refused] = await runCommandLines([
        restore,
        ['backup', '-o', copy, '--data', data, '--json'],
        restore,
      ]);
      assert.deepEqual([inUse!.code, inUse!.stdout], [1, ''], 'there is nothing to put back yet');
      assert.equal(said!.code, 0, said!.stderr);
      const { counts, files } = JSON.parse(said!.stdout) as { counts: unknown; files: unknown };
      assert.deepEqual(counts, { streams: 1, markers: 1, pins: 1, clips: 0, tokens: 1, webhooks: 0, assets: 0 });
      assert.deepEqual(files, ['watch-secret', 'sample-stream.txt', 'msn-marks.json', 'evidence-keys.json']);
      assert.equal(refused!.code, 1);
      assert.match(refused!.stderr, /^oxbow: Another oxbow runs on .*\n {2}Stop the other oxbow/);

      const had = await seconds(server);
      await until('two more seconds are recorded', async () => (await seconds(server)) >= had + 2);
      await make(server, `${STREAM}/markers`, { at, text: 'after the backup' });
      assert.deepEqual(server.log('error'), []);
    }
    const before = await firstMsns(data);

    const restored = await runOxbow(['backup', '--restore', copy, '--data', other]);
    assert.equal(restored.code, 0, restored.stderr);
    assert.match(restored.stdout, /1 stream, 1 marker, 1 pin, 0 clips, 1 token, 0 webhooks, 0 videos\n/);
    assert.deepEqual(await readFile(join(other, 'watch-secret')), await readFile(join(data, 'watch-secret')));
    // In this order the index of the restore knows nothing: the start finds all.
    await cp(join(data, 'recordings'), join(other, 'recordings'), { recursive: true });

    await using server = await startPlainServer({ data: other, adminToken: ADMIN, args: smallPicture });
    const texts = async (what: string) =>
      (await server.json<{ items: { text: string }[] }>(`${STREAM}/${what}`)).items.map(({ text }) => text);
    assert.deepEqual([await texts('markers'), await texts('pins')], [['the parcel'], ['keep this']]);
    const picture = await server.fetch(`${STREAM}/picture`);
    assert.deepEqual(Buffer.from(await picture.arrayBuffer()), await readFile(icon));
    const asToken = await server.fetch('/api/v1/tokens', { headers: { authorization: `Bearer ${token}` } });
    assert.equal(asToken.status, 200);
    const had = await seconds(server);
    assert.ok(had >= 3, `${had} s are recorded`);
    await until('a new file has begun', async () => (await firstMsns(other)).length > before.length);
    const after = await firstMsns(other);
    assert.deepEqual(after.slice(0, before.length), before);
    assert.ok(
      after.at(-1)! > Math.max(...before) + 2 ** 24,
      'the new names are above all that may have been announced',
    );
    const timeline = await server.timeline('demo', `?from=${sinceMs}&to=${Date.now()}`);
    assertCovered(timeline);
    assert.deepEqual(
      timeline.gaps.filter(({ cause }) => cause === 'crash'),
      [],
      'a server that ended in order did not crash, whatever it did when it was copied',
    );
    assert.deepEqual(server.log('error'), []);
  });

  fullTest('neither -o nor --restore, and both, are wrong usage; a folder without a database fails', async () => {
    await using folder = await openFolder('backup');
    const copy = join(folder.path, 'copy.db');
    const backup = (...args: string[]) => ['backup', ...args, '--data', folder.path];
    const [neither, both, unmounted, none] = await runCommandLines([
      backup(),
      backup('-o', copy, '--restore', copy),
      backup('-o', join(folder.path, 'none/')),
      backup('-o', copy),
    ]);
    assert.deepEqual([neither!.code, both!.code], [2, 2]);
    assert.match(unmounted!.stderr, /^oxbow: There is no folder .*none\.\n/);
    assert.deepEqual([none!.code, none!.stdout], [1, '']);
    assert.match(none!.stderr, /^oxbow: There is no database .*oxbow\.db\.\n {2}Name the data folder with --data\.\n$/);
  });
});
