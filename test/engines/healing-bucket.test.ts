/**
 * Healing with PostgreSQL and a bucket: what was found is in both, and is there after a restart with an empty
 * disk.
 */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import type { StorageView } from '../../src/api/admin-shapes.ts';
import type { EvidenceCheck } from '../../src/api/evidence/evidence-shapes.ts';
import { startS3 } from '../../src/archive/objects/object-servers.fixture.ts';
import { needPostgres, openDatabases } from '../fixtures/engines/postgres.ts';
import { need } from '../fixtures/need.ts';
import { makeHls, openOrigin } from '../fixtures/origin.ts';
import { openFolder, type Server, startPlainServer } from '../fixtures/server.ts';
import { perSecond, readListed, slidingList } from '../fixtures/sliding-list.ts';
import { until } from '../fixtures/wait.ts';

/** Length of the source, seconds: a segment each. */
const SECONDS = 120;
/** Segments that the source lists as missing at first. */
const MISSING = { from: 5, to: 9 } as const;
const TOKEN = 'token-of-the-healing-test';

suite('healing with PostgreSQL and a bucket', { skip: needPostgres() || need('ffmpeg') }, () => {
  test('what was found is uploaded like the recording, and stays when the disk is lost', async () => {
    await using opened = new AsyncDisposableStack();
    const folder = opened.use(await openFolder('healing-bucket'));
    const bucket = opened.use(await startS3());
    const databases = opened.use(await openDatabases());
    await makeHls({ folder: join(folder.path, 'source'), seconds: SECONDS, size: '128x72' });
    const origin = opened.use(await openOrigin({ folder: join(folder.path, 'source') }));
    const segments = await readListed(join(folder.path, 'source'));
    const released = perSecond({ first: 3, seconds: 1, waits: true });
    let isMissing = true;
    let print: (() => string) | undefined;
    origin.put('/live.m3u8', () => {
      print ??= slidingList({ segments, window: SECONDS, released, startMs: Date.now() - 3000, ends: true });
      const lines = print().split('\n');
      const isGap = (line: string) => {
        const number = Number(/^seg(\d+)\.ts$/.exec(line)?.[1] ?? -1);
        return isMissing && number >= MISSING.from && number < MISSING.to;
      };
      return lines.map((line) => (isGap(line) ? `#EXT-X-GAP\n${line}` : line)).join('\n');
    });
    const config = join(folder.path, 'oxbow.yaml');
    const storage = { targets: { far: bucket.target() }, target: 'far', mode: 'mirror' };
    await writeFile(config, JSON.stringify({ storage }));
    const url = databases.url(await databases.create());
    const start = (data: string) =>
      startPlainServer({
        data: join(folder.path, data),
        args: ['--config', config, '--store-url', url, `door=${origin.url}/live.m3u8`],
        adminToken: TOKEN,
        sample: false,
      });
    let healed: string;
    const check = async (server: Server) => {
      const [piece] = (await server.timeline('door')).healed;
      const query = `from=${Date.parse(piece!.from) - 1000}&to=${Date.parse(piece!.to)}`;
      const {
        findings,
        gaps,
        healed: filled,
      } = await server.json<EvidenceCheck>(`/api/v1/streams/door/evidence/check?${query}`);
      assert.deepEqual([findings, gaps], [[], []]);
      assert.ok(filled > 0);
    };
    {
      await using server = await start('first');
      await server.stream('door');
      await until('the gap is listed', async () => (await server.timeline('door')).gaps.length === 1);
      isMissing = false;
      const timeline = await until(
        'the gap is filled',
        async () => {
          const found = await server.timeline('door');
          assert.equal(found.gaps.length, 0, JSON.stringify(found.gaps));
          return found;
        },
        { withinMs: 60_000 },
      );
      healed = JSON.stringify(timeline.healed);
      const days = `from=${timeline.from.slice(0, 10)}&to=${timeline.to.slice(0, 10)}&zone=UTC`;
      // The file with the gap is finished about a minute after it began.
      await until(
        'all files are in the bucket, and the day is complete',
        async () => {
          const { objectStores } = await server.json<StorageView>('/api/v1/storage');
          const { days: found } = await server.json<{ days: { files: number; incomplete: number }[] }>(
            `/api/v1/streams/door/days?${days}`,
          );
          const files = found.reduce((sum, { files: count }) => sum + count, 0);
          assert.ok(files >= 2 && objectStores[0]!.waiting === 0, JSON.stringify(found));
          assert.deepEqual(
            found.map(({ incomplete }) => incomplete),
            found.map(() => 0),
          );
          return true;
        },
        { withinMs: 120_000 },
      );
      // A check signs what waits for its block: a crash loses that, and the disk with the media is lost here.
      await check(server);
      await server.stop('SIGKILL');
    }
    await using server = await start('second');
    const again = await server.timeline('door');
    assert.equal(JSON.stringify(again.healed), healed);
    const [piece] = again.healed;
    const range = `${Date.parse(piece!.from) - 1000}/${Date.parse(piece!.to) + 1000}`;
    assert.ok((await server.bytes(`/clip/door/${range}.mp4`)).length > 10_000);
    await check(server);
  });
});
