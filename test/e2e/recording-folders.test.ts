import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { chunkFiles } from '../fixtures/recordings.ts';
import { openFolder, type Server, smallPicture, startServer } from '../fixtures/server.ts';
import { assertCovered } from '../fixtures/timeline.ts';
import { until } from '../fixtures/wait.ts';

const token = 'a-token-for-this-test';

/** The segments of all that is recorded of a stream, as addresses. */
async function segmentsOf(server: Server, name: string): Promise<string[]> {
  const { from, to } = await server.timeline(name);
  const seconds = [Math.floor(Date.parse(from) / 1000), Math.ceil(Date.parse(to) / 1000)];
  const list = async (path: string) => {
    const text = Buffer.from(await server.bytes(path)).toString();
    const uris = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    return uris.map((uri) => new URL(uri, `http://oxbow${path}`).pathname);
  };
  const [media] = await list(`/vod/${name}/${seconds.join('/')}/index.m3u8`);
  return list(media!);
}

const hashOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const hashesOf = (server: Server, paths: readonly string[]) =>
  Promise.all(paths.map(async (path) => hashOf(await server.bytes(path))));
const filesIn = async (folder: string) =>
  (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.mp4'));

test('recordings in two folders: one is moved while it is watched, and one is missing for a while', async () => {
  await using folder = await openFolder('folders');
  const [data, disk, settings] = ['data', 'disk', 'oxbow.yaml'].map((name) => join(folder.path, name)) as [
    string,
    string,
    string,
  ];
  await mkdir(disk);
  const start = async (streams: string, moves: boolean) => {
    const source = '{ source: { type: test } }';
    const folders = `{ disk2: { path: ${JSON.stringify(disk)}, streams: "${streams}" } }`;
    await writeFile(
      settings,
      `streams: { cam: ${source}, other: ${source} }\nstorage: { folders: ${folders}, moveToFolders: ${moves} }\n`,
    );
    return startServer({ data, adminToken: token, args: [...smallPicture, '--config', settings] });
  };
  const recorded = async (server: Server, name: string, ms: number) => {
    const fromMs = Date.now();
    await until(`${name} is recorded`, async () => {
      const { spans } = await server.timeline(name);
      return Date.parse(spans.at(-1)?.to ?? '') > fromMs + ms;
    });
  };

  let segments: string[];
  let hashes: string[];
  {
    await using server = await start('', false);
    await Promise.all(['cam', 'other'].map((name) => recorded(server, name, 3000)));
    segments = await segmentsOf(server, 'cam');
    assert.ok(segments.length >= 2);
    hashes = await hashesOf(server, segments);
  }
  const old = (await chunkFiles(data)).get('cam')!;
  assert.ok(old.length > 0);
  assert.deepEqual(await filesIn(disk), [], 'no stream has that folder');
  {
    await using server = await start('cam', true);
    // A viewer, throughout.
    await until('its recordings are in the other folder', async () => {
      assert.deepEqual(await hashesOf(server, segments), hashes);
      return (await chunkFiles(data)).get('cam')!.length === 0;
    });
    assert.deepEqual(await hashesOf(server, segments), hashes);
    await recorded(server, 'cam', 2000);
    assert.ok((await filesIn(disk)).length > old.length, 'new recordings are there too');
    assert.ok((await chunkFiles(data)).get('other')!.length > 0, 'those of the other stream are not');
    const { folders } = await server.json<{ folders: { name: string; problem: string | null; free: number }[] }>(
      '/api/v1/storage',
    );
    assert.deepEqual([folders[0]!.name, folders[0]!.problem], ['disk2', null]);
    assert.ok(folders[0]!.free > 0);
  }
  // The disk is not mounted at the next start.
  await rename(disk, `${disk}-away`);
  await mkdir(disk);
  {
    await using server = await start('cam', true);
    await Promise.all([recorded(server, 'other', 2000), server.stream('cam')]);
    const { problem } = await server.stream('cam');
    assert.match(problem ?? '', /the folder disk2 is missing/);
    const answer = await server.fetch(segments[0]!);
    assert.equal(answer.status, 503, await answer.text());
    assert.equal((await server.fetch('/ready')).status, 200, 'live viewers are served');
    const health = await (await server.fetch('/health')).text();
    assert.match(health, /not mounted/);
    assert.deepEqual(await readdir(disk), [], 'nothing is written into the empty mount point');
    // It comes back by itself.
    await rm(disk, { recursive: true });
    await rename(`${disk}-away`, disk);
    await until('it is ready', async () => (await server.fetch(segments[0]!)).status === 200);
    assert.deepEqual(await hashesOf(server, segments), hashes);
    await recorded(server, 'cam', 1000);
    const timeline = await server.timeline('cam');
    assertCovered(timeline);
    const gap = timeline.gaps.find(({ cause }) => cause === 'disk');
    assert.match(gap?.detail ?? '', /disk2 is missing/);
    const others = (await server.timeline('other')).gaps;
    assert.deepEqual(
      others.filter(({ cause }) => cause === 'disk'),
      [],
      'the other stream notices nothing',
    );
  }
});
