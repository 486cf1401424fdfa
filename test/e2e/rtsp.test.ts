/*
 * Cameras over RTSP: GStreamer's server with TCP, UDP, Digest and TLS, and VLC; frames compared by MD5, a
 * server that ends and returns.
 */
import assert from 'node:assert/strict';
import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { ProbeView } from '../../src/api/probe.ts';
import type { StreamView } from '../../src/api/shapes.ts';
import { makeCertificate } from '../fixtures/certificate.ts';
import { pictureHashes } from '../fixtures/ffmpeg.ts';
import { freePort } from '../fixtures/free-port.ts';
import { need } from '../fixtures/need.ts';
import { filmEncoders } from '../fixtures/publishers/films.ts';
import { endRecording, picturesByRun, post, recordedPictures } from '../fixtures/publishers/push-streams.ts';
import {
  h264AacOf,
  h264AlawOf,
  hevcOpusOf,
  makeCameraFilm,
  needGstServer,
  startGstServer,
  startVlcServer,
  transportStreamOf,
} from '../fixtures/rtsp/rtsp-servers.ts';
import { type Folder, openFolder, type Server, startPlainServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { firstOf, fullTest } from '../full.ts';

const adminToken = 'let-me-in-please';
const FILM_SECONDS = 6;

// Each film is served in real time.
suite('pulling over RTSP', { skip: need('ffmpeg') || needGstServer(), concurrency: 4 }, () => {
  const opened = new AsyncDisposableStack();
  let folder: Folder;
  let server: Server;
  let film: string;
  let pictures: readonly string[];

  before(async () => {
    folder = opened.use(await openFolder('rtsp'));
    film = join(folder.path, 'film.mp4');
    await makeCameraFilm(film, FILM_SECONDS, [...filmEncoders.h264, ...filmEncoders.aac]);
    pictures = await pictureHashes(film);
    const pair = await makeCertificate(folder.path, 'camera');
    // What an operator does for a camera with its own certificate.
    process.env.NODE_EXTRA_CA_CERTS = pair.cert;
    server = opened.use(await startPlainServer({ data: join(folder.path, 'data'), adminToken }));
    delete process.env.NODE_EXTRA_CA_CERTS;
  });
  after(() => opened.disposeAsync());

  const addPull = (name: string, url: string) => post(server, '/streams', { name, source: { type: 'pull', url } });

  /** Waits until the film is over; what is recorded is the film, in one run. */
  async function assertRecorded(name: string, served: { readonly ended: Promise<unknown> }, expected = pictures) {
    await server.stream(name, 'live');
    await served.ended;
    const { tracks } = await endRecording(server, name, FILM_SECONDS - 0.2);
    assert.deepEqual(tracks.map(({ kind }) => kind).sort(), ['audio', 'video']);
    assert.deepEqual(await recordedPictures(server, name), expected);
    assert.equal((await server.timeline(name)).runs.length, 1);
  }

  for (const transport of firstOf(1, ['tcp', 'udp'] as const)) {
    test(`H.264 and AAC over ${transport}, the only transport of the server: the recording is the film`, async () => {
      await using camera = await startGstServer({ launch: h264AacOf(film), transport });
      await addPull(`only-${transport}`, `rtsp://127.0.0.1:${camera.port}/cam`);
      await assertRecorded(`only-${transport}`, camera);
      const log = server
        .log()
        .find(({ msg, stream }) => msg === 'the stream receives RTP over RTSP' && stream === `only-${transport}`);
      assert.equal(log?.transport, transport);
    });
  }

  fullTest('with Digest: the recording is the film, and the password appears nowhere', async () => {
    const login = { user: 'viewer', password: 'p@ss/w#rd' };
    await using camera = await startGstServer({ launch: h264AacOf(film), path: '/cam/realmonitor', ...login });
    const url = `rtsp://viewer:p%40ss%2Fw%23rd@127.0.0.1:${camera.port}/cam/realmonitor?channel=1&subtype=0&transport=udp`;
    await addPull('digest', url);
    await assertRecorded('digest', camera);
    const view = JSON.stringify(await server.json('/api/v1/streams/digest'));
    for (const text of [view, server.stderr]) assert.doesNotMatch(text, /p%40ss|p@ss/);
  });

  fullTest('a wrong password is a problem of the stream', async () => {
    const login = { user: 'viewer', password: 'right' };
    await using camera = await startGstServer({ launch: h264AacOf(film), ...login });
    await addPull('wrong', `rtsp://viewer:hidden@127.0.0.1:${camera.port}/cam`);
    const problem = await until('the stream has a problem', async () => {
      const view = await server.json<StreamView>('/api/v1/streams/wrong');
      return view.problem !== '' && view.problem;
    });
    assert.equal(problem, 'the source refuses the user name and password');
    await server.fetch('/api/v1/streams/wrong', { method: 'DELETE' });
  });

  fullTest('over TLS: the recording is the film', { skip: need('openssl') }, async () => {
    const certificate = { cert: join(folder.path, 'camera.crt'), key: join(folder.path, 'camera.key') };
    await using camera = await startGstServer({ launch: h264AacOf(film), certificate });
    await addPull('secure', `rtsps://localhost:${camera.port}/cam`);
    await assertRecorded('secure', camera);
  });

  fullTest('HEVC and Opus: the recording is the film', async () => {
    const file = join(folder.path, 'hevc.mkv');
    await makeCameraFilm(file, FILM_SECONDS, [...filmEncoders.hevc, ...filmEncoders.opus]);
    await using camera = await startGstServer({ launch: hevcOpusOf(file) });
    await addPull('hevc', `rtsp://127.0.0.1:${camera.port}/cam`);
    await assertRecorded('hevc', camera, await pictureHashes(file));
  });

  fullTest('G.711 is converted to AAC; the pictures are those of the film', async () => {
    await using camera = await startGstServer({ launch: h264AlawOf(film, FILM_SECONDS) });
    await addPull('g711', `rtsp://127.0.0.1:${camera.port}/cam`);
    await assertRecorded('g711', camera);
    const { tracks } = await server.json<StreamView>('/api/v1/streams/g711');
    const audio = tracks.find(({ kind }) => kind === 'audio');
    assert.deepEqual([audio?.codecs, audio?.convertedFrom], ['mp4a.40.2', 'pcma']);
  });

  fullTest('MPEG-TS in RTP (RFC 2250): the recording is the film', async () => {
    const file = join(folder.path, 'film.ts');
    await makeCameraFilm(file, FILM_SECONDS, [...filmEncoders.h264, ...filmEncoders.aac]);
    await using camera = await startGstServer({ launch: transportStreamOf(file) });
    await addPull('ts', `rtsp://127.0.0.1:${camera.port}/cam`);
    await assertRecorded('ts', camera, await pictureHashes(file));
  });

  fullTest('a server that ends and returns: two runs with the film, and a gap between them', async () => {
    const port = await freePort();
    const first = await startGstServer({ launch: h264AacOf(film), port });
    await addPull('returning', `rtsp://127.0.0.1:${port}/cam`);
    await server.stream('returning', 'live');
    await first.ended;
    await until('the stream is not live', async () => {
      const { state } = await server.json<StreamView>('/api/v1/streams/returning');
      return state !== 'live';
    });
    await using second = await startGstServer({ launch: h264AacOf(film), port });
    await server.stream('returning', 'live');
    await second.ended;
    await endRecording(server, 'returning', 2 * FILM_SECONDS - 0.4);
    assert.deepEqual(await picturesByRun(server, 'returning', folder.path), [pictures, pictures]);
    const { gaps } = await server.timeline('returning');
    assert.deepEqual([...new Set(gaps.map(({ cause }) => cause))], ['source-down']);
  });

  fullTest('a probe names the tracks', async () => {
    await using camera = await startGstServer({ launch: h264AacOf(film) });
    const found = await post<ProbeView>(server, '/probe', { url: `rtsp://127.0.0.1:${camera.port}/cam` });
    assert.equal(found.protocol, 'rtsp');
    assert.deepEqual(
      found.tracks.map(({ kind, codecs }) => [kind, codecs.slice(0, 4)]),
      [
        ['video', 'avc1'],
        ['audio', 'mp4a'],
      ],
    );
  });

  fullTest('VLC, which serves over UDP alone: pictures of the film in a row', { skip: need('cvlc') }, async () => {
    await chmod(folder.path, 0o777);
    await using camera = await startVlcServer(film, folder.path);
    await addPull('vlc', `rtsp://127.0.0.1:${camera.port}/film`);
    await server.stream('vlc', 'live');
    await camera.ended;
    await endRecording(server, 'vlc', 2);
    const recorded = await recordedPictures(server, 'vlc');
    const from = pictures.indexOf(recorded[0]!);
    assert.ok(recorded.length >= 50, `${recorded.length} pictures`);
    assert.deepEqual(recorded, pictures.slice(from, from + recorded.length));
  });
});
