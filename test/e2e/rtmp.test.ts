import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { StreamView } from '../../src/api/shapes.ts';
import { makeCertificate } from '../fixtures/certificate.ts';
import { pictureHashes, run } from '../fixtures/ffmpeg.ts';
import { need } from '../fixtures/need.ts';
import {
  makeFilm,
  type PublishingProcess,
  publishByFfmpeg,
  publishByGstreamer,
} from '../fixtures/publishers/publishers.ts';
import { type Folder, openFolder, type Server, startPlainServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { fullSuite, fullTest, isFull } from '../full.ts';

const TOKEN = 'a-token-for-this-test';
const json = { 'content-type': 'application/json' };

/** Creates a push stream and a key. */
async function createStream(server: Server, name: string): Promise<string> {
  const body = JSON.stringify({ name, source: { type: 'push' } });
  assert.equal((await server.fetch('/api/v1/streams', { method: 'POST', headers: json, body })).status, 201);
  const options = { method: 'POST', headers: json, body: '{"label":"test"}' };
  const made = await server.fetch(`/api/v1/streams/${name}/keys`, options);
  return ((await made.json()) as { key: string }).key;
}

const become = (server: Server, name: string, state: StreamView['state']) => server.stream(name, state);

/** Pictures of all that is recorded of a stream, in order. */
async function recordedPictures(server: Server, name: string): Promise<string[]> {
  const { recorded } = await server.json<StreamView>(`/api/v1/streams/${name}`);
  const [from, to] = [Date.parse(recorded.from!), Date.parse(recorded.to!)];
  return pictureHashes(`${server.url}/clip/${name}/${from}/${to}.mp4`);
}

/** Waits until a publisher has ended and this many seconds are recorded. */
async function finish(server: Server, name: string, publisher: PublishingProcess, seconds: number): Promise<void> {
  assert.equal(await publisher.ended, 0, publisher.stderr);
  await become(server, name, 'unpublished');
  const isRecorded = async () => {
    const { recorded } = await server.json<StreamView>(`/api/v1/streams/${name}`);
    return recorded.seconds >= seconds - 0.1;
  };
  await until(`${seconds} recorded seconds of ${name}`, isRecorded, { everyMs: 250 });
}

// Each film is sent in real time.
suite('publishing over RTMP', { skip: need('ffmpeg'), concurrency: true }, () => {
  let folder: Folder;
  let server: Server;
  const film = (name: string) => join(folder.path, `${name}.mp4`);
  let classic: readonly string[];
  let plain: readonly string[];

  before(async () => {
    folder = await openFolder('rtmp');
    await makeFilm(film('classic'), { seconds: 6, bFrames: 3 });
    classic = await pictureHashes(film('classic'));
    if (isFull) {
      await makeFilm(film('plain'), { seconds: 6 });
      plain = await pictureHashes(film('plain'));
    }
    server = await startPlainServer({ data: join(folder.path, 'data'), adminToken: TOKEN, ingest: ['rtmp'] });
  });
  after(async () => {
    await server[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  test('ffmpeg: the live playlist plays in ffmpeg while it publishes, and the recording is the film', async () => {
    const key = await createStream(server, 'classic');
    const url = `${server.ingest.rtmp}/classic?key=${key}`;
    await using publisher = publishByFfmpeg(film('classic'), url);
    await become(server, 'classic', 'live');
    const index = `${server.url}/live/classic/index.m3u8`;
    await until('the playlist', async () => (await server.fetch('/live/classic/index.m3u8')).ok);
    const played = await run('ffmpeg', ['-v', 'error', '-i', index, '-t', '1', '-f', 'null', '-']);
    assert.deepEqual([played.code, played.stderr], [0, '']);
    await finish(server, 'classic', publisher, 6);
    assert.deepEqual(await recordedPictures(server, 'classic'), classic);
    const timeline = await server.timeline('classic');
    assert.equal(timeline.runs.length, 1);
    assert.deepEqual(timeline.gaps, []);
  });

  fullTest(
    'ffmpeg and GStreamer publish at once on one port, with the key alone and with the key in the address',
    {
      skip: need('gst-launch-1.0'),
    },
    async () => {
      const first = await createStream(server, 'first');
      const second = await createStream(server, 'second');
      await using ffmpeg = publishByFfmpeg(film('classic'), `${server.ingest.rtmp}/${first}`);
      await using gstreamer = publishByGstreamer(film('classic'), `${server.ingest.rtmp}/second?key=${second}`);
      await Promise.all([finish(server, 'first', ffmpeg, 6), finish(server, 'second', gstreamer, 6)]);
      assert.deepEqual(await recordedPictures(server, 'first'), classic);
      assert.deepEqual(await recordedPictures(server, 'second'), classic);
    },
  );

  fullTest('a wrong key, a second publisher and a wrong application get the reason as a status', async () => {
    const key = await createStream(server, 'refusing');
    const url = `${server.ingest.rtmp}/refusing?key=${key}`;
    await using wrong = publishByFfmpeg(film('classic'), `${server.ingest.rtmp}/refusing?key=ok_nothing`);
    assert.notEqual(await wrong.ended, 0);
    assert.match(wrong.stderr, /stream key is unknown/);
    await using active = publishByFfmpeg(film('classic'), url);
    await become(server, 'refusing', 'live');
    await using second = publishByFfmpeg(film('classic'), url);
    assert.notEqual(await second.ended, 0);
    assert.match(second.stderr, /another publisher|publishes/i);
    const other = server.ingest.rtmp!.replace(/live$/, 'vod');
    await using application = publishByFfmpeg(film('classic'), `${other}/refusing?key=${key}`);
    assert.notEqual(await application.ended, 0);
    assert.match(application.stderr, /application "vod"/);
    await finish(server, 'refusing', active, 6);
    assert.deepEqual(await recordedPictures(server, 'refusing'), classic);
  });

  fullTest(
    'a publisher that is killed loses nothing that it has sent; the next one continues after a discontinuity',
    async () => {
      const key = await createStream(server, 'killed');
      const url = `${server.ingest.rtmp}/killed?key=${key}`;
      const first = publishByFfmpeg(film('plain'), url);
      await until('three seconds', async () => {
        const { recorded } = await server.json<StreamView>('/api/v1/streams/killed');
        return recorded.seconds >= 3;
      });
      await first.kill();
      await become(server, 'killed', 'unpublished');
      await using again = publishByFfmpeg(film('plain'), url);
      await finish(server, 'killed', again, 9);
      const pictures = await recordedPictures(server, 'killed');
      const before = pictures.length - plain.length;
      assert.ok(before >= 75, `${before} pictures of the killed publisher`);
      assert.deepEqual(pictures.slice(before), plain);
      assert.equal((await server.timeline('killed')).runs.length, 2);
    },
  );

  fullTest('a publisher that returns within 5 s continues in the same run if its timestamps continue', async () => {
    const key = await createStream(server, 'returning');
    const url = `${server.ingest.rtmp}/returning?key=${key}`;
    await using first = publishByFfmpeg(film('plain'), url, { toS: 3 });
    assert.equal(await first.ended, 0, first.stderr);
    await become(server, 'returning', 'unpublished');
    await using again = publishByFfmpeg(film('plain'), url, { fromS: 3 });
    assert.equal(await again.ended, 0, again.stderr);
    const timeline = await until('the end of the run', async () => {
      const { recorded } = await server.json<StreamView>('/api/v1/streams/returning');
      return recorded.seconds >= 5.9 && server.timeline('returning');
    });
    assert.equal(timeline.runs.length, 1, JSON.stringify(timeline));
    assert.deepEqual(await recordedPictures(server, 'returning'), plain);
  });
});

fullSuite('RTMP at the edges', { skip: need('ffmpeg') }, () => {
  let folder: Folder;
  let first: Server;
  const film = () => join(folder.path, 'film.mp4');
  before(async () => {
    folder = await openFolder('rtmp-edges');
    await makeFilm(film(), { seconds: 12 });
    first = await startPlainServer({ data: join(folder.path, 'first'), adminToken: TOKEN, ingest: ['rtmp'] });
  });
  after(async () => {
    await first?.[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  fullTest('RTMPS has the certificate of HTTPS; a port in use is a warning, and everything else runs', async () => {
    const { cert, key: certKey } = await makeCertificate(folder.path, 'localhost');
    const tls = ['--tls-cert', cert, '--tls-key', certKey];
    const port = new URL(first.ingest.rtmp!.replace('rtmp:', 'http:')).port;
    const verify = process.env.NODE_TLS_REJECT_UNAUTHORIZED;
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
    try {
      const args = ['--rtmp', `127.0.0.1:${port}`, '--rtmps', '127.0.0.1:0', ...tls];
      await using server = await startPlainServer({ data: join(folder.path, 'tls'), adminToken: TOKEN, args });
      assert.equal(server.ingest.rtmp, undefined);
      assert.match(
        JSON.stringify(server.log('warn')),
        new RegExp(`RTMP is off: another program uses 127.0.0.1:${port}`),
      );
      const health = await server.json<{ checks: { name: string; status: string }[] }>('/health');
      assert.equal(health.checks.find(({ name }) => name === 'rtmp')?.status, 'degraded');
      const key = await createStream(server, 'studio');
      await using publisher = publishByFfmpeg(film(), `${server.ingest.rtmps}/studio?key=${key}`);
      await become(server, 'studio', 'live');
      await publisher.kill();
    } finally {
      if (verify === undefined) delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
      else process.env.NODE_TLS_REJECT_UNAUTHORIZED = verify;
    }
  });

  fullTest('a publisher is unpublished in order when oxbow ends', async () => {
    const key = await createStream(first, 'studio');
    await using publisher = publishByFfmpeg(film(), `${first.ingest.rtmp}/studio?key=${key}`);
    await become(first, 'studio', 'live');
    const { code, ms } = await first.stop();
    assert.equal(code, 0);
    assert.ok(ms < 9000, `${ms} ms`);
    assert.notEqual(await publisher.ended, 0);
    assert.deepEqual(first.log('error'), []);
  });
});
