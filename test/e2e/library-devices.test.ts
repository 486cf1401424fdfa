import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { JobView } from '../../src/api/jobs/job-shapes.ts';
import type { AssetView } from '../../src/api/library/asset-shapes.ts';
import type { UploadView } from '../../src/api/library/upload-shapes.ts';
import type { WorkerView } from '../../src/api/workers/worker-shapes.ts';
import { createEmulatedDevices, type EmulatedDevices } from '../../src/ffmpeg/encoders/emulated.fixture.ts';
import { run } from '../fixtures/ffmpeg.ts';
import { makeFilm } from '../fixtures/library/film.ts';
import { need } from '../fixtures/need.ts';
import { readMedia, readMultivariant, resolvePath } from '../fixtures/playlists.ts';
import { type Folder, openFolder, type Server, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';

const TOKEN = 'admin-token-of-this-test';
const DEVICE = `library-e2e-${process.pid}`;
/** Two pieces. */
const SECONDS = 70;

suite('a film that devices encode', { skip: need('ffmpeg') }, () => {
  const opened = new AsyncDisposableStack();
  let folder: Folder;
  let server: Server;
  let devices: EmulatedDevices;
  let film: Uint8Array<ArrayBuffer>;

  before(async () => {
    folder = opened.use(await openFolder('library-devices'));
    devices = opened.use(await createEmulatedDevices({ [DEVICE]: { sessions: 1 } }));
    const path = join(folder.path, 'film.mp4');
    await makeFilm(path, { seconds: SECONDS });
    film = new Uint8Array(await readFile(path));
    const args = ['--library-ladder-rungs', '144', '--transcode-sessions', '1', '--transcode-live-sessions', '0'];
    server = opened.use(
      await startServer({ args, data: join(folder.path, 'data'), adminToken: TOKEN, env: devices.env }),
    );
  });
  after(() => opened.disposeAsync());

  async function upload(): Promise<string> {
    const answer = await server.fetch('/api/v1/uploads/file?filename=film.mp4', { method: 'PUT', body: film });
    return ((await answer.json()) as UploadView).asset;
  }

  const encodes = async (asset: string) => {
    const { items } = await server.json<{ items: JobView[] }>('/api/v1/jobs?limit=100');
    return items.filter(({ kind, subject }) => kind === 'encode' && subject === asset);
  };

  /** Whether a job has made a piece of video. */
  const isMadePiece = ({ result }: JobView) =>
    (result?.renditions as string[] | undefined)?.includes('v0-144') === true;

  const ready = (asset: string) =>
    until('all qualities are made', async () => {
      const { state, renditions } = await server.json<AssetView>(`/api/v1/assets/${asset}`);
      assert.notEqual(state, 'failed');
      return state === 'ready' && renditions.length > 1 && renditions.every((one) => one.state === 'done');
    });

  /** The encoders that failed, of the jobs of the pieces of video. */
  async function fallbacks(asset: string): Promise<string[]> {
    const pieces = (await encodes(asset)).filter(isMadePiece);
    return pieces.map(({ result }) => (result!.fallbacks as string[]).join()).sort();
  }

  /** Pictures that a player decodes of the quality, and the inits that it loads. */
  async function play(asset: string): Promise<{ readonly pictures: number; readonly inits: number }> {
    const index = `/assets/${asset}/index.m3u8`;
    const { variants } = await readMultivariant(server, index);
    const path = resolvePath(variants.find(({ resolution }) => resolution?.height === 144)!.uri, index);
    const { list } = await readMedia(server, path);
    assert.ok(list.segments.every(({ gap }) => !gap));
    const { stdout, stderr } = await run('ffprobe', [
      ...['-v', 'error', '-headers', `Authorization: Bearer ${TOKEN}\r\n`, '-count_frames', '-select_streams', 'v:0'],
      ...['-show_entries', 'stream=nb_read_frames', '-of', 'csv=p=0', `${server.url}${path}`],
    ]);
    assert.equal(stderr, '');
    const pictures = Number(stdout.toString().trim().split('\n')[0]);
    return { pictures, inits: new Set(list.segments.map(({ map }) => map!.uri)).size };
  }

  test('plays as one when a device is lost after its first piece: then software makes all pieces', async () => {
    // Slow enough that the second piece is still encoded when the first one is noticed.
    await devices.behave(DEVICE, { sessions: 1, delayMs: 6 });
    const asset = await upload();
    await until('a piece is made', async () => (await encodes(asset)).some(isMadePiece));
    await devices.behave(DEVICE, { failAfter: 0 });
    await ready(asset);
    assert.deepEqual(await play(asset), { pictures: SECONDS * 25, inits: 1 });
    assert.deepEqual(await fallbacks(asset), ['', ''], 'no device was tried');
    assert.equal(devices.wasRefused(DEVICE), false);
    await devices.behave(DEVICE, { sessions: 1 });
  });

  test('is made when its worker is killed in the middle, whose place on the device is free again', async () => {
    const own = async () =>
      (await server.json<{ items: WorkerView[] }>('/api/v1/workers')).items.find((one) => one.own);
    await until('the device works again', async () => (await own())?.encoders[0]?.state === 'ready');
    await devices.behave(DEVICE, { sessions: 1, delayMs: 10 });
    const asset = await upload();
    const busy = await until('the device encodes', async () => {
      const worker = await own();
      const isBusy =
        worker?.encoders[0]?.used === 1 &&
        worker.jobs.some(({ kind, progress }) => kind === 'encode' && progress > 0.1);
      return isBusy && worker;
    });
    process.kill(busy.facts.pid as number, 'SIGKILL');
    // The encoder of the killed worker ends a moment after it: until then two sessions may be open.
    await devices.behave(DEVICE, { sessions: 2 });
    await ready(asset);
    assert.ok(
      (await encodes(asset)).some(({ tries }) => tries > 1),
      'a job was run again',
    );
    assert.deepEqual(await fallbacks(asset), ['', '']);
    assert.equal((await play(asset)).pictures, SECONDS * 25);
    assert.equal(devices.wasRefused(DEVICE), false);
  });
});
