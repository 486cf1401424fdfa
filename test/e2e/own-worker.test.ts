import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { JobView } from '../../src/api/jobs/job-shapes.ts';
import type { AssetView } from '../../src/api/library/asset-shapes.ts';
import type { UploadView } from '../../src/api/library/upload-shapes.ts';
import type { WorkerView } from '../../src/api/workers/worker-shapes.ts';
import { makeFilm } from '../fixtures/library/film.ts';
import { need } from '../fixtures/need.ts';
import { openFolder, type Server, startServer, startVerb } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';

const workersOf = async (server: Server): Promise<readonly WorkerView[]> =>
  (await server.json<{ items: WorkerView[] }>('/api/v1/workers')).items;

/** Process id of the own worker, once it is registered and not `except`. */
const pidOf = (server: Server, except?: number) =>
  until('the own worker is online', async () => {
    const own = (await workersOf(server)).find((one) => one.own && one.state === 'online');
    const pid = own?.facts.pid as number | undefined;
    return pid !== except && pid;
  });

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

test('the own worker of a server is started again after a crash, and ends with the server, also if that is killed', async () => {
  await using folder = await openFolder('own-worker');
  const options = {
    data: folder.path,
    adminToken: 'admin-token-of-this-test',
    args: ['--jobs-own-worker', 'always'],
  };
  await using server = await startServer(options);
  const first = await pidOf(server);
  assert.ok(isAlive(first));
  process.kill(first, 'SIGKILL');
  const second = await pidOf(server, first);
  assert.deepEqual((await workersOf(server)).filter(({ own }) => own).length, 1, 'the one that ended is forgotten');
  await server.stop('SIGKILL');
  await until('the worker ends too', () => !isAlive(second));

  await using next = await startServer(options);
  const third = await pidOf(next);
  assert.deepEqual((await workersOf(next)).length, 1);
  const { code } = await next.stop('SIGTERM');
  assert.deepEqual([code, isAlive(third)], [0, false]);
});

test('oxbow worker imports and encodes over HTTP alone; SIGTERM gives its job back, and another worker does it', {
  skip: need('ffmpeg'),
}, async () => {
  await using folder = await openFolder('worker-verb');
  const film = join(folder.path, 'film.mp4');
  await makeFilm(film);
  const args = ['--jobs-own-worker', 'off'];
  const options = { data: join(folder.path, 'data'), adminToken: 'admin-token-here', args };
  await using server = await startServer(options);
  const made = await server.fetch('/api/v1/tokens', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ label: 'encoder', scopes: ['worker'] }),
  });
  const { token } = (await made.json()) as { token: string };
  const work = (mode: string) =>
    startVerb(['worker', '--server', server.url, '--token', token, '--mode', mode, '--name', mode]);
  const jobs = async () => (await server.json<{ items: JobView[] }>('/api/v1/jobs')).items;

  const first = work('push');
  const body = await readFile(film);
  const answer = await server.fetch('/api/v1/uploads/file?filename=film.mp4', { method: 'PUT', body });
  const { asset: id } = (await answer.json()) as UploadView;
  await until('the worker has begun', async () => (await jobs()).some(({ state }) => state !== 'queued'));
  const { code, stderr } = await first.end('SIGTERM');
  assert.equal(code, 0, stderr);
  assert.deepEqual(await workersOf(server), []);
  // It may have finished one just before the signal, and been offered the next.
  for (const { state, tries } of await jobs()) assert.equal(state, tries === 0 ? 'queued' : 'done');
  const second = work('pull');
  await until('all qualities are made', async () => {
    const { state, renditions } = await server.json<AssetView>(`/api/v1/assets/${id}`);
    assert.notEqual(state, 'failed');
    return state === 'ready' && renditions.length > 1 && renditions.every((one) => one.state === 'done');
  });
  assert.equal((await second.end('SIGTERM')).code, 0);
});
