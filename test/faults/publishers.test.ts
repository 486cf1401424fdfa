/**
 * Publishers that drop, are killed and return, or change in the middle, over each protocol; and a server that
 * is killed.
 * In: real encoders, and a publisher that follows a script. Out: the recorded pictures, compared with the
 * films.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { FlvMessage } from '@oxbow/media/flv/message';
import type { StreamView } from '../../src/api/shapes.ts';
import { encode, ffmpegArgs, filmArgs, type Sender, startSender } from '../fixtures/encoder.ts';
import { pictureHashes, run } from '../fixtures/ffmpeg.ts';
import { need } from '../fixtures/need.ts';
import { isAudio, isVideo, later, publishScript, readFilm } from '../fixtures/publishers/flv-script.ts';
import {
  createPush,
  endRecording,
  picturesByRun,
  post,
  recordedPictures,
} from '../fixtures/publishers/push-streams.ts';
import { freeUdpPort } from '../fixtures/publishers/udp-sender.ts';
import { type Folder, openFolder, type Server, startPlainServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { firstOf, fullSuite, fullTest } from '../full.ts';

const TOKEN = 'a-token-for-this-test';
const SECONDS = 14;
/** Pictures at the end of a film that libsrt does not send when its program ends. */
const LOST_BY_CLOSE = 15;

/**
 * Two films of different pictures, without B-frames: what was sent of them before a kill ends with a picture
 * that can be shown.
 */
interface Films {
  readonly one: string;
  readonly two: string;
  readonly ones: string[];
  readonly twos: string[];
}

async function makeFilms(folder: string): Promise<Films> {
  const make = async (picture: string) => {
    const path = await encode([...filmArgs(SECONDS, picture), '-bf', '0'], join(folder, `${picture}.ts`));
    return [path, await pictureHashes(path)] as const;
  };
  const [[one, ones], [two, twos]] = [await make('testsrc2'), await make('testsrc')];
  return { one, two, ones, twos };
}

/**
 * The pictures are `before` from its start up to some picture, then `next` from one of its key frames on.
 * Returns both counts.
 */
function assertJoined(ours: readonly string[], before: readonly string[], next: readonly string[]): [number, number] {
  const first = ours.findIndex((hash, i) => hash !== before[i]);
  assert.ok(first > 25, `${first} pictures of the first publisher`);
  const rest = ours.slice(first);
  for (let key = 0; key < next.length; key += 25) {
    if (next[key] !== rest[0]) continue;
    assert.deepEqual(rest, next.slice(key, key + rest.length));
    return [first, rest.length];
  }
  return assert.fail(`picture ${first} is no key frame of the second publisher`);
}

suite('publishers that drop', { skip: need('ffmpeg'), concurrency: true }, () => {
  const opened = new AsyncDisposableStack();
  let folder: Folder;
  let server: Server;
  let films: Films;

  before(async () => {
    folder = opened.use(await openFolder('publishers'));
    films = await makeFilms(folder.path);
    server = opened.use(
      await startPlainServer({ data: join(folder.path, 'data'), adminToken: TOKEN, ingest: ['rtmp', 'srt'] }),
    );
  });
  after(() => opened.disposeAsync());

  const start = (file: string, format: string, url: string): Sender => {
    const sender = startSender('ffmpeg', ffmpegArgs(file, format, url));
    opened.defer(() => void sender.child.kill('SIGKILL'));
    return sender;
  };
  const view = (name: string) => server.json<StreamView>(`/api/v1/streams/${name}`);
  const recorded = (name: string, seconds: number) =>
    until(`${seconds} s of ${name}`, async () => (await view(name)).recorded.seconds >= seconds);
  const kill = async ({ child, ended }: Sender) => {
    child.kill('SIGKILL');
    await ended;
  };

  for (const [protocol, format] of firstOf(1, [
    ['rtmp', 'flv'],
    ['srt', 'mpegts'],
  ] as const)) {
    test(`the standby takes over from a publisher that is killed, over ${protocol}`, async () => {
      const name = `backup-${protocol}`;
      const key = await createPush(server, name, { onSecondPublisher: 'standby' });
      const url =
        protocol === 'rtmp'
          ? `${server.ingest.rtmp}/${name}?key=${key}`
          : `${server.ingest.srt}?streamid=publish:${name}:${key}`;
      const active = start(films.one, format, url);
      await server.stream(name);
      const standby = start(films.two, format, url);
      await until('a standby', async () => (await view(name)).publisher?.standby === 1);
      await recorded(name, 2);
      await kill(active);
      const { code, stderr } = await standby.ended;
      assert.equal(code, 0, stderr);
      await endRecording(server, name, 8);
      const { gaps, runs } = await server.timeline(name);
      assert.deepEqual([gaps, runs.length], [[], 2], 'the standby kept its last GOPs');
      const [, second] = assertJoined(await recordedPictures(server, name), films.ones, films.twos);
      const lost = protocol === 'srt' ? LOST_BY_CLOSE : 0;
      assert.ok(second >= 100 - lost, `${second} pictures of the standby`);
    });
  }

  fullTest('the backup address of a UDP feed delivers when the sender of the first one is killed', async () => {
    const [port, other] = [await freeUdpPort(), await freeUdpPort()];
    const [url, backup] = [`udp://127.0.0.1:${port}`, `udp://127.0.0.1:${other}`];
    await post(server, '/streams', { name: 'feeds', source: { type: 'pull', url, backup } });
    const active = start(films.one, 'mpegts', `${url}?pkt_size=1316`);
    await server.stream('feeds');
    const standby = start(films.two, 'mpegts', `${backup}?pkt_size=1316`);
    await recorded('feeds', 2);
    await kill(active);
    await standby.ended;
    await endRecording(server, 'feeds', 4);
    assertJoined(await recordedPictures(server, 'feeds'), films.ones, films.twos);
    const { gaps } = await server.timeline('feeds');
    assert.deepEqual(
      gaps.filter(({ cause }) => cause !== 'source-down'),
      [],
    );
  });

  fullTest('a UDP sender that is killed and returns is recorded before and after', async () => {
    const port = await freeUdpPort();
    const url = `udp://127.0.0.1:${port}`;
    // Of another port it is another sender, which is taken after 2 s.
    const to = `${url}?pkt_size=1316&localport=${await freeUdpPort()}`;
    await post(server, '/streams', { name: 'udp-again', source: { type: 'pull', url } });
    const first = start(films.one, 'mpegts', to);
    await server.stream('udp-again');
    await recorded('udp-again', 2);
    await kill(first);
    const { code } = await start(films.two, 'mpegts', to).ended;
    assert.equal(code, 0);
    await endRecording(server, 'udp-again', SECONDS + 1.9);
    const ours = await recordedPictures(server, 'udp-again');
    const [, second] = assertJoined(ours, films.ones, films.twos);
    assert.equal(second, films.twos.length, 'every picture of the one that returned');
  });

  fullTest(
    'a listener of srt-live-transmit that is pulled from dies and returns',
    {
      skip: need('srt-live-transmit'),
    },
    async () => {
      const [from, to] = [await freeUdpPort(), await freeUdpPort()];
      const transmit = () => {
        const url = `srt://127.0.0.1:${to}?mode=listener`;
        const child = startSender('srt-live-transmit', ['-q', `udp://127.0.0.1:${from}`, url]);
        opened.defer(() => void child.child.kill('SIGKILL'));
        return child;
      };
      const first = transmit();
      await post(server, '/streams', { name: 'pulled', source: { type: 'pull', url: `srt://127.0.0.1:${to}` } });
      const feed = start(films.one, 'mpegts', `udp://127.0.0.1:${from}?pkt_size=1316`);
      await recorded('pulled', 2);
      await kill(first);
      await until('it is away', async () => (await view('pulled')).state !== 'live');
      await kill(feed);
      transmit();
      // Another film, of which there is enough however long it took to notice that the first listener was
      // gone.
      const again = start(films.two, 'mpegts', `udp://127.0.0.1:${from}?pkt_size=1316`);
      await server.stream('pulled');
      const { seconds } = (await view('pulled')).recorded;
      await recorded('pulled', seconds + 1);
      await again.ended;
      await endRecording(server, 'pulled', 3);
      const ours = await recordedPictures(server, 'pulled');
      const at = films.ones.indexOf(ours[0]!);
      assert.ok(at % 25 === 0, `begins with picture ${at}`);
      assertJoined(ours, films.ones.slice(at), films.twos);
    },
  );

  fullTest(
    'changes of size, frame rate, audio and timestamps on one RTMP connection: each picture is recorded',
    async () => {
      const make = async (name: string, size: string, rate: number) => {
        const path = join(folder.path, `${name}.flv`);
        const { code, stderr } = await run('ffmpeg', [
          ...['-v', 'error', '-f', 'lavfi', '-i', `testsrc2=size=${size}:rate=${rate}:duration=2`],
          ...['-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=48000:duration=2'],
          ...['-c:v', 'libx264', '-preset', 'ultrafast', '-bf', '0', '-g', String(rate), '-pix_fmt', 'yuv420p'],
          ...['-c:a', 'aac', '-y', path],
        ]);
        assert.equal(code, 0, stderr);
        return { messages: await readFilm(path), path };
      };
      const small = await make('small', '320x180', 25);
      const large = await make('large', '640x360', 25);
      const fast = await make('fast', '320x180', 50);
      const [smalls, larges, fasts] = await Promise.all([small, large, fast].map(({ path }) => pictureHashes(path)));
      /** Two frames have one timestamp. */
      const doubled = (messages: readonly FlvMessage[]) => {
        const times = messages.filter(isVideo).map(({ timestampMs }) => timestampMs);
        let picture = 0;
        return messages.map((message) =>
          isVideo(message) ? { ...message, timestampMs: times[2 * Math.floor(picture++ / 2)]! } : message,
        );
      };
      const script = [
        ...small.messages.filter(isVideo),
        ...later(small.messages, 2100),
        ...later(large.messages, 4200),
        ...later(large.messages.filter(isAudio), 6300),
        ...later(fast.messages, 8400),
        ...later(doubled(small.messages), 10_500),
        // The clock of the encoder is set back.
        ...later(large.messages, 8_000),
      ];
      const key = await createPush(server, 'script');
      const other = await createPush(server, 'calm');
      const calm = start(films.one, 'flv', `${server.ingest.rtmp}/calm?key=${other}`);
      await server.stream('calm');
      await publishScript(`${server.ingest.rtmp}/script?key=${key}`, script);
      await endRecording(server, 'script', 12);
      const runs = await picturesByRun(server, 'script', folder.path);
      const expected = [...smalls!, ...smalls!, ...larges!, ...fasts!, ...smalls!, ...larges!];
      assert.deepEqual(runs.flat(), expected);
      assert.ok(runs.length >= 4, `${runs.length} runs`);
      assert.equal((await calm.ended).code, 0);
      await endRecording(server, 'calm', SECONDS - 0.1);
      assert.deepEqual(await recordedPictures(server, 'calm'), films.ones, 'the other publisher lost nothing');
      assert.deepEqual(server.log('error'), []);
    },
  );
});

fullSuite('kill -9 of oxbow in mid-publish', { skip: need('ffmpeg') }, () => {
  test('costs at most the open segment, over RTMP, SRT and UDP', async () => {
    await using folder = await openFolder('publishers-killed');
    const films = await makeFilms(folder.path);
    const data = join(folder.path, 'data');
    const names = ['rtmp', 'srt', 'udp'] as const;
    const server = await startPlainServer({ data, adminToken: TOKEN, ingest: ['rtmp', 'srt'] });
    const [rtmp, srt] = [await createPush(server, 'rtmp'), await createPush(server, 'srt')];
    const port = await freeUdpPort();
    await post(server, '/streams', { name: 'udp', source: { type: 'pull', url: `udp://127.0.0.1:${port}` } });
    const senders = [
      ['flv', `${server.ingest.rtmp}/rtmp?key=${rtmp}`],
      ['mpegts', `${server.ingest.srt}?streamid=publish:srt:${srt}`],
      ['mpegts', `udp://127.0.0.1:${port}?pkt_size=1316`],
    ].map(([format, url]) => startSender('ffmpeg', ffmpegArgs(films.one, format!, url!)));
    const seconds = await until('five seconds of each', async () => {
      const views = await Promise.all(names.map((name) => server.json<StreamView>(`/api/v1/streams/${name}`)));
      const all = views.map(({ recorded }) => recorded.seconds);
      return all.every((each) => each >= 5) && all;
    });
    await server.stop('SIGKILL');
    for (const { child } of senders) child.kill('SIGKILL');
    await Promise.all(senders.map(({ ended }) => ended));
    await using again = await startPlainServer({ data, adminToken: TOKEN, ingest: ['rtmp', 'srt'] });
    for (const [i, name] of names.entries()) {
      const ours = await recordedPictures(again, name);
      assert.ok(ours.length >= seconds[i]! * 25 - 1, `${name}: ${ours.length} of ${seconds[i]} s`);
      assert.deepEqual(ours, films.ones.slice(0, ours.length), name);
    }
  });
});
