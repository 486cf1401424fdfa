/**
 * What runs for long continues after an orderly restart and ends once: exports, imports, encoding, and the
 * verification of stored files.
 */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { JobView } from '../../src/api/jobs/job-shapes.ts';
import type { AssetView } from '../../src/api/library/asset-shapes.ts';
import type { UploadView } from '../../src/api/library/upload-shapes.ts';
import type { VerifyState } from '../../src/features/verify/verify-state.ts';
import { makeFilm } from '../fixtures/library/film.ts';
import { need } from '../fixtures/need.ts';
import { openFolder, runOxbow, type Server, smallPicture, startPlainServer, startVerb } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { fullTest, perTier } from '../full.ts';

const ADMIN = 'an-administrator';

const SPANS = perTier({ first: 1, full: 2 });

/** Records files of `cam`, and stops it. */
async function record(server: Server): Promise<void> {
  for (let span = 0; span < SPANS; span++) {
    const sinceMs = Date.now();
    await server.fetch('/api/v1/streams/cam/start', { method: 'POST' });
    await until('two seconds are recorded', async () => {
      const last = (await server.timeline('cam')).spans.at(-1);
      return last && Date.parse(last.to) > Math.max(sinceMs, Date.parse(last.from)) + 2000;
    });
    await server.fetch('/api/v1/streams/cam/stop', { method: 'POST' });
    await server.stream('cam', 'stopped');
  }
}

const isEncoded = (server: Server, asset: string) =>
  until('the asset has all qualities', async () => {
    const { state, renditions } = await server.json<AssetView>(`/api/v1/assets/${asset}`);
    assert.notEqual(state, 'failed');
    return state === 'ready' && renditions.length > 1 && renditions.every((one) => one.state === 'done');
  });

async function addCam(server: Server): Promise<void> {
  const made = await server.fetch('/api/v1/streams', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'cam', source: { type: 'test' } }),
  });
  assert.equal(made.status, 201, await made.text());
}

test('an export, an import and its qualities continue after a restart, and each ends once', {
  skip: need('ffmpeg'),
}, async () => {
  await using folder = await openFolder('restart-jobs');
  const film = join(folder.path, 'film.mp4');
  await makeFilm(film);
  const data = join(folder.path, 'data');
  const options = { data, adminToken: ADMIN, sample: false, args: [...smallPicture, '--hls-segment-duration', '1s'] };
  let asset: string;
  let exported: string;
  const jobsOf = async (server: Server) => (await server.json<{ items: JobView[] }>('/api/v1/jobs')).items;
  {
    await using server = await startPlainServer(options);
    await addCam(server);
    await record(server);
    const body = await readFile(film);
    const upload = await server.fetch('/api/v1/uploads/file?filename=film.mp4', { method: 'PUT', body });
    ({ asset } = (await upload.json()) as UploadView & { asset: string });
    const { from, to } = await server.timeline('cam');
    const job = await server.fetch('/api/v1/exports', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ stream: 'cam', from, to, quality: '120p' }),
    });
    exported = ((await job.json()) as JobView).id;
    await until('a job runs', async () => (await jobsOf(server)).some(({ state }) => state === 'running'));
    const { code } = await server.stop();
    assert.equal(code, 0);
    assert.ok(!server.log('error').length, JSON.stringify(server.log('error')));
  }
  await using server = await startPlainServer(options);
  await isEncoded(server, asset);
  const jobs = await until('all jobs have ended', async () => {
    const found = await jobsOf(server);
    return found.every(({ state }) => state !== 'queued' && state !== 'running') && found;
  });
  for (const { kind, state, error } of jobs) assert.equal(state, 'done', `${kind}: ${JSON.stringify(error)}`);
  const subjects = jobs.map(({ kind, subject, id }) => `${kind} ${subject ?? id}`);
  assert.equal(jobs.filter(({ id }) => id === exported).length, 1, subjects.join(', '));
  assert.equal((await readdir(join(data, 'exports'))).length, 1, 'one file of the export');
  assert.equal((await server.fetch(`/api/v1/exports/${exported}/file`)).status, 200);
  assert.deepEqual(server.log('error'), []);
});

fullTest(
  'a verification continues after a restart; oxbow doctor --verify beside it is interrupted, continues, and begins again',
  {
    skip: need('ffmpeg'),
  },
  async () => {
    await using folder = await openFolder('restart-verify');
    const data = join(folder.path, 'data');
    const film = join(folder.path, 'film.mp4');
    // Its original is read last, and for some seconds.
    await makeFilm(film, { bytes: 16 * 1024 * 1024 });
    const start = (rate: string) =>
      startPlainServer({
        data,
        adminToken: ADMIN,
        sample: false,
        args: [...smallPicture, '--record-verify-every', '1d', '--record-verify-rate', rate],
      });
    const state = async () => JSON.parse(await readFile(join(data, 'verify.json'), 'utf8')) as VerifyState;
    const doctor = (...more: string[]) => ['doctor', '--verify', '--data', data, ...more];
    const verify = async (...more: string[]) => {
      const { code, stdout, stderr } = await runOxbow(doctor('--rate', 'off', '--json', ...more));
      assert.equal(code, 0, stdout + stderr);
      return JSON.parse(stdout) as { readonly continued: boolean; readonly files: number };
    };
    {
      await using server = await start('1M');
      await addCam(server);
      await record(server);
      const upload = await server.fetch('/api/v1/uploads/file?filename=film.mp4', {
        method: 'PUT',
        body: await readFile(film),
      });
      const { asset } = (await upload.json()) as UploadView & { asset: string };
      await isEncoded(server, asset);
    }
    const { files } = await verify();
    assert.ok(files >= 4, `${files} files`);
    // Due now: the start of a folder counts as a verification.
    await writeFile(join(data, 'verify.json'), JSON.stringify({ ...(await state()), startedMs: 1, completedMs: 1 }));
    {
      await using _server = await start('1M');
      await until('a part is verified', async () => (await state()).place !== undefined);
    }
    const stopped = await state();
    assert.ok(stopped.place && stopped.files > 0 && stopped.files < files, JSON.stringify(stopped));
    await using server = await start('1G');
    const line = await until('the pass is complete', () =>
      server.log('info').find(({ msg }) => msg === 'all stored files were verified'),
    );
    assert.deepEqual([line.files, line.damaged], [files, 0], 'each file is counted once');

    // The same by hand, beside the running server.
    const interrupt = async () => {
      const verb = startVerb(doctor('--rate', '20kB'));
      await until('it has saved its place', () => existsSync(join(data, 'verify-doctor.json')));
      const { code, stderr } = await verb.end('SIGINT');
      assert.equal(code, 130, stderr);
      assert.match(stderr, /interrupted; the next run continues here, or with --restart from the beginning/);
    };
    await interrupt();
    const continued = await verify();
    assert.deepEqual([continued.continued, continued.files], [true, files]);
    await interrupt();
    const again = await verify('--restart');
    assert.deepEqual([again.continued, again.files], [false, files]);
    assert.deepEqual(server.log('error'), []);
  },
);
