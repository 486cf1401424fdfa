/**
 * The codec configuration of a stream changes while PostgreSQL is away, with recordings in a bucket: what is
 * recorded with it can be read afterwards, also when the disk of oxbow is lost.
 */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import type { StorageView } from '../../src/api/admin-shapes.ts';
import { startS3 } from '../../src/archive/objects/object-servers.fixture.ts';
import { needPostgres, type PostgresServer, startPostgres } from '../fixtures/engines/postgres.ts';
import { pictureHashes, run } from '../fixtures/ffmpeg.ts';
import { need } from '../fixtures/need.ts';
import { isVideo, later, publishScript, readFilm } from '../fixtures/publishers/flv-script.ts';
import { createPush, endRecording, picturesByRun } from '../fixtures/publishers/push-streams.ts';
import { type Folder, openFolder, type Server, startPlainServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';

const TOKEN = 'token-of-the-configuration-test';
const RATE = 25;
/** Length of each film, seconds. */
const SECONDS = 5;

interface Film {
  readonly path: string;
  readonly pictures: readonly string[];
}

async function makeFilm({ path: folder }: Folder, size: string): Promise<Film> {
  const path = join(folder, `${size}.flv`);
  const { code, stderr } = await run('ffmpeg', [
    ...['-v', 'error', '-f', 'lavfi', '-i', `testsrc2=size=${size}:rate=${RATE}:duration=${SECONDS}`],
    ...['-c:v', 'libx264', '-preset', 'ultrafast', '-bf', '0', '-g', String(RATE), '-pix_fmt', 'yuv420p', '-y', path],
  ]);
  assert.equal(code, 0, stderr);
  return { path, pictures: await pictureHashes(path) };
}

interface Rig extends AsyncDisposable {
  readonly folder: Folder;
  readonly postgres: PostgresServer;
  readonly films: readonly [Film, Film];
  /** Starts oxbow with a folder of data. */
  start(data: string): Promise<Server>;
}

async function openRig(): Promise<Rig> {
  const opened = new AsyncDisposableStack();
  const folder = opened.use(await openFolder('configurations'));
  const postgres = opened.use(await startPostgres());
  const bucket = opened.use(await startS3());
  const config = join(folder.path, 'oxbow.yaml');
  const storage = { targets: { far: bucket.target() }, target: 'far', mode: 'mirror' };
  await writeFile(config, JSON.stringify({ storage, hls: { segmentDuration: '1s' } }));
  const url = postgres.url(await postgres.create());
  return {
    folder,
    postgres,
    films: [await makeFilm(folder, '320x180'), await makeFilm(folder, '640x360')],
    start: (data) =>
      startPlainServer({
        data: join(folder.path, data),
        args: ['--config', config, '--store-url', url],
        adminToken: TOKEN,
        ingest: ['rtmp'],
        sample: false,
      }),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

/** Publishes both films on one connection; `away` is called while the first one is recorded. */
async function publish(server: Server, { films, folder }: Rig, away: () => unknown): Promise<void> {
  const key = await createPush(server, 'door');
  const [first, second] = await Promise.all(films.map(({ path }) => readFilm(path)));
  const script = [...first!, ...later(second!, 1000 * SECONDS + 100)].filter(isVideo);
  const published = publishScript(`${server.ingest.rtmp}/door?key=${key}`, script);
  await server.stream('door');
  await until(
    'a segment is recorded',
    async () => (await picturesByRun(server, 'door', folder.path)).flat().length > 0,
  );
  await away();
  await published;
}

suite('a codec configuration that changes while PostgreSQL is away', { skip: needPostgres() || need('ffmpeg') }, () => {
  test('all pictures are there, also after the disk is lost', async () => {
    await using rig = await openRig();
    const wanted = rig.films.map(({ pictures }) => pictures);
    {
      await using server = await rig.start('first');
      await publish(server, rig, () => rig.postgres.kill());
      await rig.postgres.start();
      await endRecording(server, 'door', 2 * SECONDS - 0.1);
      assert.deepEqual(await picturesByRun(server, 'door', rig.folder.path), wanted);
      await until('all files are in the bucket', async () => {
        const { objectStores } = await server.json<StorageView>('/api/v1/storage');
        return objectStores[0]!.waiting === 0;
      });
      await server.stop('SIGKILL');
    }
    await using server = await rig.start('second');
    assert.deepEqual(await picturesByRun(server, 'door', rig.folder.path), wanted);
  });
});
