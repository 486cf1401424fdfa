/**
 * Players over RTMP: what they get is what the encoder sent.
 * In: real encoders and real players. Out: MD5 of pictures.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { StreamView } from '../../src/api/shapes.ts';
import { startSender } from '../fixtures/encoder.ts';
import { pictureHashes } from '../fixtures/ffmpeg.ts';
import { need } from '../fixtures/need.ts';
import { makeFilm, publishByFfmpeg, publishByFfmpeg8 } from '../fixtures/publishers/publishers.ts';
import { type Folder, openFolder, type Server, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';

const TOKEN = 'a-token-for-this-test';
const SECONDS = 8;

suite('playing over RTMP', { skip: need('ffmpeg'), concurrency: 3 }, () => {
  let folder: Folder;
  let server: Server;

  before(async () => {
    folder = await openFolder('rtmp-play');
    const options = { data: join(folder.path, 'data'), adminToken: TOKEN, ingest: ['rtmp'] } as const;
    server = await startServer({ ...options, args: ['--rtmp-play', 'true'] });
  });
  after(async () => {
    await server[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  /** Creates a push stream; returns the address for its publisher. */
  async function create(name: string, more: object = {}): Promise<string> {
    const post = { method: 'POST', headers: { 'content-type': 'application/json' } };
    const body = JSON.stringify({ name, source: { type: 'push' }, ...more });
    assert.equal((await server.fetch('/api/v1/streams', { ...post, body })).status, 201);
    const made = await server.fetch(`/api/v1/streams/${name}/keys`, { ...post, body: '{"label":"test"}' });
    return `${server.ingest.rtmp}/${name}?key=${((await made.json()) as { key: string }).key}`;
  }
  const view = (name: string) => server.json<StreamView>(`/api/v1/streams/${name}`);
  const live = (name: string) => until(`${name} is live`, async () => (await view(name)).state === 'live');

  /** From a key frame on, the pictures are those of the film, up to its end. */
  function assertFilm(ours: readonly string[], pictures: readonly string[]): void {
    const at = pictures.indexOf(ours[0]!);
    assert.ok(at >= 0 && at % 25 === 0 && at <= pictures.length - 50, `begins with picture ${at}, a key frame`);
    assert.deepEqual(ours, pictures.slice(at));
  }

  test('ffmpeg and GStreamer get the film, with B-frames; a player that is stopped costs them nothing', async () => {
    const film = join(folder.path, 'film.mp4');
    await makeFilm(film, { seconds: SECONDS, bFrames: 3 });
    const to = await create('film');
    await using publisher = publishByFfmpeg(film, to);
    await live('film');
    const url = `${server.ingest.rtmp}/film`;
    const [saved, flv] = [join(folder.path, 'film.mkv'), join(folder.path, 'film.flv')];
    const record = (file: string) =>
      startSender('ffmpeg', ['-v', 'error', '-nostdin', '-i', url, '-map', '0', '-c', 'copy', '-y', file]);
    const stopped = record(join(folder.path, 'stopped.mkv'));
    stopped.child.kill('SIGSTOP');
    const player = record(saved);
    const gst = need('gst-launch-1.0') === false;
    const other = gst
      ? startSender('gst-launch-1.0', ['-q', 'rtmp2src', `location=${url}`, '!', 'filesink', `location=${flv}`])
      : undefined;
    assert.equal(await publisher.ended, 0, publisher.stderr);
    const { code, stderr } = await player.ended;
    assert.equal(code, 0, stderr);
    const pictures = await pictureHashes(film);
    assertFilm(await pictureHashes(saved), pictures);
    if (other) {
      await other.ended;
      assertFilm(await pictureHashes(flv), pictures);
    }
    stopped.child.kill('SIGKILL');
    await stopped.ended;
    await until('all players are gone', async () => {
      const text = await (await server.fetch('/metrics')).text();
      return text.includes('oxbow_rtmp_connections{protocol="rtmp",phase="playing"} 0');
    });
  });

  for (const [video, audio] of [
    ['hevc', 'aac'],
    ['av1', 'opus'],
  ] as const) {
    test(`FFmpeg 8 gets ${video} and ${audio} over enhanced RTMP`, async () => {
      const film = join(folder.path, `${video}.mkv`);
      await makeFilm(film, { seconds: SECONDS, video, audio });
      await using publisher = publishByFfmpeg8({ file: film, url: await create(video), format: 'flv' });
      await live(video);
      const saved = join(folder.path, `${video}-played.mkv`);
      const main = join(import.meta.dirname, '../fixtures/publishers/ffmpeg8-recorder-main.ts');
      const player = startSender(process.execPath, [
        '--disable-warning=ExperimentalWarning',
        main,
        `${server.ingest.rtmp}/${video}`,
        saved,
      ]);
      assert.equal(await publisher.ended, 0, publisher.stderr);
      const { code, stderr } = await player.ended;
      assert.equal(code, 0, stderr);
      assertFilm(await pictureHashes(saved), await pictureHashes(film));
    });
  }

  test('a private stream needs a token; a player is disconnected when it is revoked', async () => {
    const film = join(folder.path, 'secret.mp4');
    await makeFilm(film, { seconds: 40 });
    await using publisher = publishByFfmpeg(film, await create('secret', { visibility: 'private' }));
    await live('secret');
    const play = (query: string) =>
      startSender('ffmpeg', [
        ...['-v', 'error', '-nostdin', '-i', `${server.ingest.rtmp}/secret${query}`, '-c', 'copy'],
        ...['-f', 'null', '-'],
      ]).ended;
    const [without, wrong] = await Promise.all([play(''), play('?token=wrong')]);
    assert.ok(without.code !== 0 && wrong.code !== 0);
    assert.match(without.stderr, /no stream|unknown/i);
    assert.match(wrong.stderr, /token/);
    const made = await server.fetch('/api/v1/tokens', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ label: 'player', scopes: ['view'] }),
    });
    const { id, token } = (await made.json()) as { id: string; token: string };
    const playing = play(`?token=${token}`);
    await until('it plays', async () => {
      const text = await (await server.fetch('/metrics')).text();
      return /oxbow_rtmp_sent_bytes_total\{protocol="rtmp"\} [1-9]/.test(text) && text.includes('phase="playing"} 1');
    });
    await server.fetch(`/api/v1/tokens/${id}`, { method: 'DELETE' });
    await playing;
    assert.equal(publisher.child.exitCode, null, 'the publisher still sends');
    assert.ok(!server.stderr.includes(token), 'tokens are not logged');
  });
});
