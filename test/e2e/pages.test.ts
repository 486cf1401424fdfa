import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { ProbeView } from '../../src/api/probe.ts';
import type { ProblemView, StreamView } from '../../src/api/shapes.ts';
import { run } from '../fixtures/ffmpeg.ts';
import { need } from '../fixtures/need.ts';
import { type Origin, openLiveHls, openOrigin } from '../fixtures/origin.ts';
import { type Folder, openFolder, runOxbow, type Server, startPlainServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { livePage, type StandIn, writeStandIn } from '../fixtures/yt-dlp.ts';
import { fullTest, isFull } from '../full.ts';

const adminToken = 'let-me-in-please';

suite('pages', { skip: need('ffmpeg') }, () => {
  const opened = new AsyncDisposableStack();
  let folder: Folder;
  let origin: Origin;
  let standIn: StandIn;
  let server: Server;

  before(async () => {
    folder = opened.use(await openFolder('pages'));
    const hls = join(folder.path, 'hls');
    opened.use(await openLiveHls({ folder: hls, seconds: 600, size: '192x108', live: { window: 30 } }));
    origin = opened.use(await openOrigin({ folder: hls }));
    standIn = await writeStandIn(folder.path);
    server = opened.use(
      await startPlainServer({
        data: join(folder.path, 'data'),
        adminToken,
        args: ['--net-allow', '127.0.0.1', '--pages-yt-dlp', standIn.path, '--probe-depth', '2s'],
      }),
    );
    await until('the source is there', () => fetch(`${origin.url}/index.m3u8`).then(({ ok }) => ok));
    for (const path of ['/page', '/film', '/private', '/inside', '/wrong']) {
      origin.put(path, '<!doctype html><title>x</title>');
    }
  });
  after(() => opened.disposeAsync());

  const post = (path: string, body: object) =>
    server.fetch(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
  const problemOf = async (path: string): Promise<ProblemView> => {
    const response = await post('/api/v1/probe', { url: `${origin.url}${path}` });
    assert.ok(response.status >= 400, await response.clone().text());
    return (await response.json()) as ProblemView;
  };
  const record = async (name: string, path: string): Promise<void> => {
    const made = await post('/api/v1/streams', { name, source: { type: 'pull', url: `${origin.url}${path}` } });
    assert.equal(made.status, 201, await made.text());
  };

  test('a page is recorded with yt-dlp, resolved again when its addresses expire, and has a title', async () => {
    const master = '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=400000,RESOLUTION=192x108\n/index.m3u8\n';
    origin.put('/1/master.m3u8', master);
    origin.put('/2/master.m3u8', master);
    const answer = (version: number) => ({
      json: livePage('A harbour', `${origin.url}/${version}/master.m3u8?secret=s3cr3t`),
    });
    await standIn.answer(`${origin.url}/page`, answer(1), answer(2));
    await record('harbour', '/page');
    const view = await server.stream('harbour');
    assert.deepEqual([view.facts!.protocol, view.facts!.container], ['page', 'mpegts']);
    assert.equal(view.facts!.title, 'A harbour');
    const shown = JSON.stringify(view);
    assert.doesNotMatch(shown, /s3cr3t|127\.0\.0\.1/);

    origin.fault('/1/', { kind: 'status', status: 403 });
    origin.fault('/index.m3u8', { kind: 'status', status: 403 }, 12);
    await origin.asked('/2/master.m3u8');
    const asked = (await standIn.questions()).filter(({ args }) => args.at(-1) === `${origin.url}/page`);
    assert.equal(asked.length, 2);
    origin.heal('/index.m3u8');
    await server.stream('harbour', 'live');
  });

  fullTest('a video file of a page is pulled as a file, and its rate is measured', async () => {
    const film = join(folder.path, 'hls', 'film.mp4');
    const picture = ['-f', 'lavfi', '-i', 'testsrc2=size=192x108:rate=25:duration=20'];
    const sound = ['-f', 'lavfi', '-i', 'sine=duration=20'];
    const codecs = ['-c:v', 'libx264', '-preset', 'ultrafast', '-g', '25', '-pix_fmt', 'yuv420p', '-c:a', 'aac'];
    const { code, stderr } = await run('ffmpeg', [
      '-y',
      ...picture,
      ...sound,
      ...codecs,
      '-movflags',
      '+faststart',
      film,
    ]);
    assert.equal(code, 0, stderr);
    const format = { format_id: 'sd', url: `${origin.url}/film.mp4`, protocol: 'https', ext: 'mp4', height: 108 };
    await standIn.answer(`${origin.url}/film`, { json: { title: 'A film', duration: 20, formats: [format] } });
    await record('film', '/film');
    await server.stream('film');
    const view = await until('it is measured', async () => {
      const now = await server.json<StreamView>('/api/v1/streams/film');
      return now.media?.gopS ? now : undefined;
    });
    assert.deepEqual([view.media!.frameRate, view.media!.gopS], [25, 1]);
    assert.deepEqual([view.facts!.protocol, view.facts!.title, view.facts!.live], ['page', 'A film', false]);
    assert.ok(Math.abs(view.facts!.durationS! - 20) < 0.2);
  });

  fullTest('a probe describes a page before it is recorded', async () => {
    const response = await post('/api/v1/probe', { url: `${origin.url}/index.m3u8#t=5` });
    assert.equal(response.status, 200, await response.clone().text());
    const found = (await response.json()) as ProbeView;
    assert.deepEqual([found.protocol, found.container, found.live], ['hls', 'mpegts', true]);
    assert.deepEqual([found.media!.frameRate, found.media!.gopS], [25, 1]);
    assert.match(found.picture!, /^data:image\/jpeg;base64,/);
    assert.deepEqual(
      found.tracks.map(({ kind }) => kind),
      ['video', 'audio'],
    );
  });

  fullTest('addresses from yt-dlp may not be in a private network, for any user', async () => {
    await using strict = await startPlainServer({
      data: join(folder.path, 'strict'),
      adminToken,
      args: ['--pages-yt-dlp', standIn.path],
    });
    await standIn.answer(`${origin.url}/inside`, { json: livePage('x', `${origin.url}/found.m3u8`) });
    const typed = await strict.fetch('/api/v1/probe', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ url: `${origin.url}/index.m3u8` }),
    });
    assert.equal(typed.status, 200, "the address itself is an administrator's");
    const page = await strict.fetch('/api/v1/probe', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ url: `${origin.url}/inside` }),
    });
    assert.equal(((await page.json()) as ProblemView).code, 'address-refused');
    const made = await strict.fetch('/api/v1/streams', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'inside', source: { type: 'pull', url: `${origin.url}/inside` } }),
    });
    assert.equal(made.status, 201);
    const { problem } = await until('it is refused', async () => {
      const view = await strict.json<StreamView>('/api/v1/streams/inside');
      return view.problem === '' ? undefined : view;
    });
    assert.match(problem, /not a public address/);
    assert.deepEqual(
      origin.requests.filter((path) => /found/.test(path)),
      [],
    );
  });

  test('failures have messages', async () => {
    await standIn.answer(`${origin.url}/private`, { stderr: 'ERROR: [x] y: Private video' });
    const locked = await problemOf('/private');
    assert.deepEqual([locked.status, locked.code], [502, 'page-failed']);
    assert.match(locked.detail, /the video is private/);
    assert.match(locked.hint!, /not signed in/);
    assert.equal((await problemOf('/wrong')).code, 'page-failed');
    if (!isFull) return;
    const args = ['probe', `${origin.url}/page`, '--net-allow', '127.0.0.1'];
    const missing = await runOxbow([...args, '--pages-yt-dlp', join(folder.path, 'nothing')]);
    assert.equal(missing.code, 1);
    assert.match(missing.stderr, /^oxbow: .*nothing is not installed/);
    assert.match(missing.stderr, /pipx install yt-dlp/);
  });
});
