import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { need } from '../fixtures/need.ts';
import { makeHls, openOrigin } from '../fixtures/origin.ts';
import { type Folder, openFolder, type Server, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';

/** Segments of a second. */
const SEGMENTS = 240;

/** The MSNs that a stream's live lists name, read from the list. */
async function listed(server: Server): Promise<number[]> {
  const index = Buffer.from(await server.bytes('/live/film/index.m3u8')).toString();
  const name = index.split('\n').find((line) => line.endsWith('.m3u8'))!;
  const list = Buffer.from(await server.bytes(`/live/film/${name}`)).toString();
  return [...list.matchAll(/^(\d+)\.m4s$/gm)].map((found) => Number(found[1]));
}

suite('a finished playlist, fetched as fast as it goes', { skip: need('ffmpeg') }, () => {
  let film: Folder;
  before(async () => {
    film = await openFolder('names-film');
    await makeHls({ folder: film.path, seconds: SEGMENTS, size: '128x72' });
  });
  after(() => film?.[Symbol.asyncDispose]());

  for (const record of [true, false]) {
    test(`uses no segment name twice over a kill -9 and a delete, record: ${record}`, async (context) => {
      await using folder = await openFolder('names');
      await using origin = await openOrigin({ folder: film.path });
      const body = JSON.stringify({
        name: 'film',
        source: { type: 'pull', url: `${origin.url}/index.m3u8`, from: '30m' },
        record,
        visibility: 'public',
      });
      const headers = { 'content-type': 'application/json' };
      const options = {
        data: join(folder.path, 'data'),
        adminToken: 'let-me-in-please',
        args: ['--hls-segment-duration', '1s'],
      };
      let highest = 0;
      /** Looks until this many segments are listed. */
      const watch = async (server: Server, most: number) => {
        const seen = new Set<number>();
        await until(`${most} segments are listed`, async () => {
          for (const msn of await listed(server).catch(() => [])) seen.add(msn);
          return seen.size >= most;
        });
        const lowest = Math.min(...seen);
        assert.ok(lowest > highest, `${lowest} was announced before, up to ${highest}`);
        highest = Math.max(...seen);
        context.diagnostic(`${lowest} to ${highest}`);
      };
      {
        await using server = await startServer(options);
        assert.equal((await server.fetch('/api/v1/streams', { method: 'POST', headers, body })).status, 201);
        await watch(server, SEGMENTS / 3);
        await server.stop('SIGKILL');
      }
      await using server = await startServer(options);
      await watch(server, SEGMENTS / 3);
      const removed = await server.fetch('/api/v1/streams/film?recordings=delete', { method: 'DELETE' });
      assert.equal(removed.status, 204);
      assert.equal((await server.fetch('/api/v1/streams', { method: 'POST', headers, body })).status, 201);
      await watch(server, SEGMENTS / 3);
    });
  }
});
