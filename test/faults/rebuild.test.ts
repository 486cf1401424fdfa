import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { copyFile, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import type { TimelineView } from '../../src/api/shapes.ts';
import { need } from '../fixtures/need.ts';
import { makeHls, openOrigin } from '../fixtures/origin.ts';
import { readMedia, resolvePath } from '../fixtures/playlists.ts';
import { openFolder, runOxbow, type Server, startPlainServer } from '../fixtures/server.ts';
import { perRequest, putSlidingList } from '../fixtures/sliding-list.ts';
import { assertCovered } from '../fixtures/timeline.ts';
import { until } from '../fixtures/wait.ts';
import { isFull } from '../full.ts';

const ADMIN = 'a-token-for-tests';

/** All that a server says of a stream's past; bytes as SHA-256. */
interface Past {
  readonly timeline: TimelineView;
  readonly gaps: unknown;
  readonly lists: Record<string, string>;
  readonly media: Record<string, string>;
}

async function readPast(server: Server, name: string, range: string): Promise<Past> {
  const timeline = await server.timeline(name, range);
  const lists: Record<string, string> = {};
  const media: Record<string, string> = {};
  const hash = async (path: string) => {
    media[path] ??= createHash('sha256')
      .update(await server.bytes(path))
      .digest('hex');
  };
  for (const { from, to, rev } of timeline.windows) {
    for (const path of [`/vod/${name}/${from}/${to}`, `/vod/${name}/${from}/${to}/v${rev}`]) {
      for (const file of ['index', 'av0', 'v0', 'a0']) {
        const list = `${path}/${file}.m3u8`;
        // A rebuilt index does not know that the video has no captions; the playlist of a closed window says
        // so where that is known.
        lists[list] = Buffer.from(await server.bytes(list))
          .toString()
          .replace(',CLOSED-CAPTIONS=NONE', '');
        if (file === 'index') continue;
        const { segments } = (await readMedia(server, list)).list;
        for (const { uri, map } of segments)
          await Promise.all([hash(resolvePath(uri, list)), hash(resolvePath(map!.uri, list))]);
      }
    }
  }
  for (const { from, to } of timeline.spans)
    await hash(`/clip/${name}/${Date.parse(from)}/${Date.parse(to)}.mp4?evidence=no`);
  const gaps = await server.json(`/api/v1/streams/${name}/gaps${range}`);
  return { timeline, gaps, lists, media };
}

async function databaseFiles(folder: string): Promise<string[]> {
  const files = (await readdir(folder)).filter((name) => name.startsWith('oxbow.db'));
  assert.ok(files.length > 0, 'there is a database');
  return files;
}

async function deleteDatabase(data: string): Promise<void> {
  for (const name of await databaseFiles(data)) await rm(join(data, name));
}

async function copyDatabase(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  for (const name of await databaseFiles(from)) await copyFile(join(from, name), join(to, name));
}

/**
 * Counts the windows of the past that have closed: at their end, or a minute later where media could still
 * arrive.
 */
function closings(): number {
  return Math.floor(Date.now() / 600_000) + Math.floor((Date.now() - 60_000) / 600_000);
}

suite('the database is an index of the files', { skip: need('ffmpeg') }, () => {
  test('without it, a rebuild and a normal start give the same responses', async () => {
    await using folder = await openFolder('rebuild');
    const media = join(folder.path, 'media');
    await makeHls({ folder: media, seconds: 12, size: '128x72' });
    await using origin = await openOrigin({ folder: media });
    const released = perRequest({ first: 4, step: 2 });
    const url = await putSlidingList(origin, { folder: media, window: 4, released });
    // A hole with its own cause in the middle.
    origin.fault('seg5.ts', { kind: 'status', status: 404 });
    const config = join(folder.path, 'oxbow.yaml');
    const picture = 'testPicture: { width: 320, height: 180 }\n';
    await writeFile(config, `${picture}streams:\n  made: { source: { type: test } }\n`);
    const data = join(folder.path, 'data');
    const sinceMs = Date.now() - 60_000;
    const names = ['made', 'pulled'];

    // A first life that is killed, a second that ends in order.
    for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
      await using server = await startPlainServer({ data, args: ['--config', config, `pulled=${url}`] });
      // First: why nothing follows in it is in the database a moment later, and no file knows that.
      await server.stream('pulled', 'over');
      const had = (await server.json<{ recorded: { seconds: number } }>('/api/v1/streams/made')).recorded.seconds;
      await until(
        'three more seconds are recorded',
        async () => (await server.stream('made')).recorded.seconds >= had + 3,
      );
      await server.stop(signal);
    }
    const range = `?from=${sinceMs}&to=${Date.now()}`;

    const read = async (): Promise<Record<string, Past>> => {
      await using server = await startPlainServer({ data, adminToken: ADMIN });
      const pasts = await Promise.all(names.map((name) => readPast(server, name, range)));
      assert.deepEqual(server.log('error'), []);
      return Object.fromEntries(names.map((name, i) => [name, pasts[i]!]));
    };
    const indexes = join(folder.path, 'indexes');
    await copyDatabase(data, indexes);
    // A window that closes between two readings ends its playlists: then all readings are repeated.
    let closed: number;
    let before: Record<string, Past>;
    let after: Record<string, Record<string, Past>>;
    do {
      closed = closings();
      await deleteDatabase(data);
      await copyDatabase(indexes, data);
      before = await read();
      await deleteDatabase(data);
      const rebuilt = await runOxbow(['doctor', '--rebuild', '--data', data, '--http', '0']);
      assert.equal(rebuilt.code, 0, rebuilt.stdout + rebuilt.stderr);
      after = { 'doctor --rebuild': await read() };
      if (!isFull) continue;
      await deleteDatabase(data);
      after['a plain start'] = await read();
      const again = await runOxbow(['doctor', '--rebuild', '--json', '--data', data, '--http', '0']);
      assert.equal(again.code, 0, again.stderr);
      assert.doesNotThrow(() => JSON.parse(again.stdout));
      after['a rebuild of what is whole'] = await read();
    } while (closings() !== closed);

    const causes = (name: string) => [...new Set(before[name]!.timeline.gaps.map(({ cause }) => cause))];
    // A loaded machine may hold the test picture up: what it then leaves out is rightly listed.
    assert.deepEqual(
      causes('made').filter((cause) => cause !== 'source-skipped'),
      ['crash'],
    );
    assert.ok(causes('pulled').includes('source-skipped'), causes('pulled').join());
    for (const name of names) {
      assertCovered(before[name]!.timeline);
      assert.ok(
        Object.keys(before[name]!.media).length > 8,
        `${name}: ${Object.keys(before[name]!.media).length} media`,
      );
    }

    for (const [what, past] of Object.entries(after)) assert.deepEqual(past, before, `after ${what}`);
  });
});
