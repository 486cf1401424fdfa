/*
 * Publishing over RTSP (ANNOUNCE and RECORD): ffmpeg and GStreamer, over TCP and UDP; frames compared by MD5;
 * refusals.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { StreamView } from '../../src/api/shapes.ts';
import { pictureHashes } from '../fixtures/ffmpeg.ts';
import { need } from '../fixtures/need.ts';
import { filmEncoders } from '../fixtures/publishers/films.ts';
import { type PublishingProcess, startPublisher } from '../fixtures/publishers/publishers.ts';
import { createPush, endRecording, recordedPictures } from '../fixtures/publishers/push-streams.ts';
import { makeCameraFilm, needRtspSink } from '../fixtures/rtsp/rtsp-servers.ts';
import { type Folder, openFolder, type Server, startPlainServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { firstOf, fullTest } from '../full.ts';

const adminToken = 'let-me-in-please';
const FILM_SECONDS = 6;

// Each film is sent in real time.
suite('publishing over RTSP', { skip: need('ffmpeg'), concurrency: true }, () => {
  const opened = new AsyncDisposableStack();
  let server: Server;
  let film: string;
  let pictures: readonly string[];
  let host: string;

  before(async () => {
    const folder: Folder = opened.use(await openFolder('rtsp-publish'));
    film = join(folder.path, 'film.mp4');
    await makeCameraFilm(film, FILM_SECONDS, [...filmEncoders.h264, ...filmEncoders.aac]);
    pictures = await pictureHashes(film);
    server = opened.use(await startPlainServer({ data: join(folder.path, 'data'), adminToken, ingest: ['rtsp'] }));
    host = new URL(server.ingest.rtsp!).host;
  });
  after(() => opened.disposeAsync());

  const publish = (url: string, transport: 'tcp' | 'udp' = 'tcp'): PublishingProcess =>
    startPublisher('ffmpeg', [
      ...['-nostdin', '-hide_banner', '-v', 'error', '-re', '-i', film],
      ...['-c', 'copy', '-f', 'rtsp', '-rtsp_transport', transport, url],
    ]);

  /** What is recorded is the film, in one run, when no more media comes. */
  async function assertRecorded(name: string): Promise<void> {
    const { tracks } = await endRecording(server, name, FILM_SECONDS - 0.2);
    assert.deepEqual(tracks.map(({ kind }) => kind).sort(), ['audio', 'video']);
    assert.deepEqual(await recordedPictures(server, name), pictures);
    assert.equal((await server.timeline(name)).runs.length, 1);
  }

  /** The publisher sends the film, and ends in order. @returns why it left */
  async function assertPublished(name: string, publisher: PublishingProcess): Promise<unknown> {
    const code = await publisher.ended;
    const log = server.log().filter(({ stream }) => stream === name);
    assert.equal(code, 0, [publisher.stderr, ...log.map((line) => JSON.stringify(line))].join('\n'));
    await assertRecorded(name);
    return server.log().find(({ msg, stream }) => msg === 'a publisher left' && stream === name)?.detail;
  }

  test('ffmpeg over TCP, with the key in the query: the recording is the film', async () => {
    const key = await createPush(server, 'tcp');
    await using publisher = publish(`rtsp://${host}/tcp?key=${key}`);
    assert.equal(await assertPublished('tcp', publisher), 'the client ended its session');
  });

  fullTest('ffmpeg over UDP, with the key as password: the recording is the film', async () => {
    const key = await createPush(server, 'udp');
    await using publisher = publish(`rtsp://encoder:${key}@${host}/udp`, 'udp');
    assert.equal(await assertPublished('udp', publisher), 'the client ended its session');
  });

  for (const transport of firstOf(1, ['tcp', 'udp'] as const)) {
    fullTest(`GStreamer over ${transport}: the recording is the film`, { skip: needRtspSink() }, async () => {
      const name = `gst-${transport}`;
      const key = await createPush(server, name);
      await using _publisher = startPublisher('gst-launch-1.0', [
        ...['-q', 'rtspclientsink', 'name=sink', `location=rtsp://${host}/${name}?key=${key}`],
        ...[`protocols=${transport}`, 'latency=200'],
        ...['filesrc', `location=${film}`, '!', 'qtdemux', 'name=demux'],
        ...['demux.video_0', '!', 'queue', '!', 'h264parse', '!', 'sink.'],
        ...['demux.audio_0', '!', 'queue', '!', 'aacparse', '!', 'sink.'],
      ]);
      // Its end is not waited for: on a busy machine rtspclientsink 1.22 has sent all, and waits for ever for
      // its own end of stream.
      await server.stream(name, 'live');
      await assertRecorded(name);
    });
  }

  fullTest('a wrong key, another stream and a second publisher are refused, and the first one continues', async () => {
    const key = await createPush(server, 'busy');
    await using first = publish(`rtsp://${host}/busy?key=${key}`);
    await server.stream('busy', 'live');
    // The second publisher comes first, while the first one is sure to send.
    for (const url of [`rtsp://${host}/busy?key=${key}`, `rtsp://${host}/busy?key=ok_wrong`, `rtsp://${host}/busy`]) {
      await using second = publish(url);
      assert.notEqual(await second.ended, 0, url);
      assert.match(second.stderr, /4XX|40[13]/);
    }
    await assertPublished('busy', first);
    assert.doesNotMatch(server.stderr, new RegExp(key));
  });

  fullTest('a publisher that is killed leaves the stream at once, and may return', async () => {
    const key = await createPush(server, 'lost');
    const url = `rtsp://${host}/lost?key=${key}`;
    const first = publish(url);
    await server.stream('lost', 'live');
    await first.kill();
    await until('the stream is not live', async () => {
      return (await server.json<StreamView>('/api/v1/streams/lost')).state !== 'live';
    });
    await using second = publish(url);
    await server.stream('lost', 'live');
    assert.equal(await second.ended, 0, second.stderr);
  });
});
