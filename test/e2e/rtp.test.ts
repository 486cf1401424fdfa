/*
 * RTP from real senders: sessions from an SDP, and the fixed ports of an SDP file. Frames are compared with
 * the film by MD5.
 */
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { RtpSessionView } from '../../src/api/realtime/rtp-shapes.ts';
import type { StreamView } from '../../src/api/shapes.ts';
import { type FilmHashes, filmHashes, packetTimes, run } from '../fixtures/ffmpeg.ts';
import { openLossyRelay } from '../fixtures/lossy-relay.ts';
import { need } from '../fixtures/need.ts';
import { type Codecs, type Film, makeFilms, pairName } from '../fixtures/publishers/films.ts';
import { endRecording, picturesByRun, post } from '../fixtures/publishers/push-streams.ts';
import { freeUdpPort } from '../fixtures/publishers/udp-sender.ts';
import {
  type RtpPorts,
  sdpOf,
  sendByFfmpeg,
  sendByFfmpeg8,
  sendByGstreamer,
  sendTsByFfmpeg,
  sendTsByGstreamer,
} from '../fixtures/realtime/rtp-senders.ts';
import { type Folder, openFolder, type Server, startPlainServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { firstOf, fullTest, perTier } from '../full.ts';

const SECONDS = 4;
/**
 * Packets of sound that may be missing: before the first picture, and the last ones, which ffmpeg does not
 * send of AAC.
 */
const MISSING_SOUND = 14;

/** Of a sender whose datagrams the system drops. */
const MOST_ATTEMPTS = 5;

/** Datagrams that the system has dropped at open UDP ports, because the buffers of sockets were full. */
async function droppedAt(ports: readonly number[]): Promise<number> {
  if (process.platform !== 'linux') return 0;
  const lines = (await readFile('/proc/net/udp', 'utf8')).trim().split('\n').slice(1);
  const sockets = lines.map((line) => line.trim().split(/\s+/));
  const portOf = (address: string) => Number.parseInt(address.split(':')[1]!, 16);
  return sockets
    .filter((columns) => ports.includes(portOf(columns[1]!)))
    .reduce((sum, columns) => sum + Number(columns.at(-1)), 0);
}

const h264Opus: Codecs = ['h264', 'opus'];
const h264Aac: Codecs = ['h264', 'aac'];
const hevcAac: Codecs = ['hevc', 'aac'];
const vp9Opus: Codecs = ['vp9', 'opus'];
const av1Opus: Codecs = ['av1', 'opus'];

suite('publishing over RTP', { skip: need('ffmpeg') || need('gst-launch-1.0'), concurrency: 5 }, () => {
  const opened = new AsyncDisposableStack();
  let folder: Folder;
  let server: Server;
  let films: ReadonlyMap<string, Film>;
  const filmOf = (codecs: Codecs) => films.get(pairName(codecs))!;
  const fixed = { video: 0, videoReports: 0, audio: 0, audioReports: 0 };

  before(async () => {
    folder = opened.use(await openFolder('rtp'));
    const used = perTier({ first: [h264Opus, vp9Opus], full: [h264Opus, h264Aac, hevcAac, vp9Opus, av1Opus] });
    films = await makeFilms(folder.path, used, { seconds: SECONDS });
    for (const name of Object.keys(fixed)) fixed[name as keyof typeof fixed] = await freeUdpPort();
    const path = join(folder.path, 'fixed.sdp');
    const sdp = await sdpOf(filmOf(vp9Opus).file, folder.path, { ports: fixed });
    // Free ports are seldom next to each other.
    const reports = (text: string, type: number, port: number) =>
      text.replace(`a=rtpmap:${type}`, `a=rtcp:${port}\r\na=rtpmap:${type}`);
    await writeFile(path, reports(reports(sdp, 96, fixed.videoReports), 97, fixed.audioReports));
    server = opened.use(
      await startPlainServer({
        data: join(folder.path, 'data'),
        adminToken: 'let-me-in-please',
        args: ['--rtp', '127.0.0.1:0', `fixed=sdp://${path}?sender=127.0.0.1`],
      }),
    );
  });
  after(() => opened.disposeAsync());

  const sessionsOf = async (name: string) =>
    (await server.json<{ items: RtpSessionView[] }>(`/api/v1/streams/${name}/rtp`)).items;
  const portOf = ({ media }: RtpSessionView, kind: string) => media.find((each) => each.kind === kind)!;
  const portsOf = (session: RtpSessionView): RtpPorts => ({
    video: portOf(session, 'video').rtpPort,
    audio: portOf(session, 'audio').rtpPort,
  });

  /** Creates a push stream and opens a session. */
  async function openSession(name: string, sdp: string, more: object = {}): Promise<RtpSessionView> {
    await post(server, '/streams', { name, source: { type: 'push' } });
    return post<RtpSessionView>(server, `/streams/${name}/rtp`, { sdp, ...more });
  }

  /** Waits until a sender has sent everything; GStreamer does not always end. */
  async function sent(name: string): Promise<void> {
    await server.stream(name);
    let before = -1;
    let looks = 0;
    await until(
      `the packets of ${name} have come`,
      async () => {
        const { packets } = (await sessionsOf(name))[0]!;
        looks = packets === before ? looks + 1 : 0;
        before = packets;
        return looks >= 5;
      },
      { everyMs: 200 },
    );
  }

  const end = async (name: string, { id }: RtpSessionView) =>
    (await server.fetch(`/api/v1/streams/${name}/rtp/${id}`, { method: 'DELETE' })).status;

  /**
   * Sends with a new stream until the system has dropped no datagram: on a busy machine the buffer of a
   * socket is full before its process gets the CPU. What is tested is what oxbow does with those that arrive.
   *
   * @returns the name of the stream that has them all
   */
  async function sendWhole(
    name: string,
    open: (name: string) => Promise<RtpSessionView>,
    send: (session: RtpSessionView, name: string) => Promise<void>,
  ): Promise<string> {
    for (let attempt = 1; ; attempt++) {
      const stream = attempt === 1 ? name : `${name}-${attempt}`;
      const session = await open(stream);
      await send(session, stream);
      const dropped = await droppedAt(session.media.map(({ rtpPort }) => rtpPort));
      assert.equal(await end(stream, session), 204);
      if (dropped === 0 || attempt === MOST_ATTEMPTS) return stream;
    }
  }

  async function clipOf(name: string): Promise<string> {
    const { recorded } = await endRecording(server, name, SECONDS - 0.5);
    return `${server.url}/clip/${name}/${Date.parse(recorded.from!)}/${Date.parse(recorded.to!)}.mp4`;
  }

  /** What is recorded of a stream is the film. Silence is filled in where sound is missing. */
  async function assertFilm(name: string, film: FilmHashes): Promise<void> {
    const [recorded] = await filmHashes([await clipOf(name)]);
    assert.deepEqual(recorded!.pictures, film.pictures);
    assertSound(recorded!, film);
  }

  function assertSound(recorded: FilmHashes, film: FilmHashes): void {
    const known = recorded.sound.map((hash) => film.sound.indexOf(hash)).filter((index) => index >= 0);
    assert.ok(
      known.every((index, i) => i === 0 || index > known[i - 1]!),
      `packets of sound: ${known}`,
    );
    const missing = film.sound.flatMap((_, index) => (known.includes(index) ? [] : [index]));
    assert.ok(
      missing.length <= MISSING_SOUND,
      `of ${film.sound.length} packets of sound these are missing: ${missing}`,
    );
  }

  async function assertRuns(name: string, most: number): Promise<void> {
    const { runs, gaps } = await server.timeline(name);
    assert.ok(runs.length <= most, `${runs.length} runs`);
    assert.deepEqual(gaps, []);
  }

  for (const codecs of firstOf(1, [h264Opus, hevcAac, vp9Opus])) {
    test(`ffmpeg with ${codecs.join(' and ')}: the recording is the film`, async () => {
      const { file, hashes } = filmOf(codecs);
      const sdp = await sdpOf(file, folder.path);
      const open = (stream: string) => openSession(stream, sdp);
      const name = await sendWhole(`ffmpeg-${pairName(codecs)}`, open, async (session, stream) => {
        await using sender = sendByFfmpeg(file, portsOf(session));
        await sent(stream);
        assert.equal(await sender.ended, 0, sender.stderr);
      });
      await assertFilm(name, hashes);
      await assertRuns(name, 1);
    });
  }

  for (const [codecs, latm] of firstOf(1, [
    [h264Opus, false],
    [hevcAac, false],
    [vp9Opus, false],
    [h264Aac, true],
  ] as const)) {
    fullTest(`GStreamer with ${codecs.join(' and ')}${latm ? ' (LATM)' : ''}: the recording is the film`, async () => {
      const { file, hashes } = filmOf(codecs);
      const sdp = await sdpOf(file, folder.path, { latm });
      const open = (stream: string) => openSession(stream, sdp);
      const name = await sendWhole(`gst-${pairName(codecs)}`, open, async (session, stream) => {
        await using _sender = sendByGstreamer(file, codecs, portsOf(session), { latm });
        await sent(stream);
      });
      await assertFilm(name, hashes);
      // Its first report comes after seconds, and may correct the first offset.
      await assertRuns(name, 2);
    });
  }

  fullTest('FFmpeg 8 with AV1 and Opus: the recording is the film', async () => {
    const { file, hashes } = filmOf(av1Opus);
    const sdp = (await sdpOf(filmOf(vp9Opus).file, folder.path)).replace(/VP9/g, 'AV1');
    const open = (stream: string) => openSession(stream, sdp);
    const name = await sendWhole('av1', open, async (session, stream) => {
      const { video, audio } = portsOf(session);
      await using sender = sendByFfmpeg8(
        { file, track: 0, url: `rtp://127.0.0.1:${video}` },
        { file, track: 1, url: `rtp://127.0.0.1:${audio}` },
      );
      await sent(stream);
      assert.equal(await sender.ended, 0, sender.stderr);
    });
    await assertFilm(name, hashes);
  });

  for (const program of firstOf(1, ['ffmpeg', 'GStreamer'] as const)) {
    fullTest(`MPEG-TS from ${program}: the recording is the film`, async () => {
      const { file, hashes } = filmOf(h264Aac);
      const ts = join(folder.path, `${program}.ts`);
      const copied = await run('ffmpeg', ['-v', 'error', '-i', file, '-c', 'copy', '-f', 'mpegts', ts]);
      assert.equal(copied.code, 0, copied.stderr);
      const sdp = 'v=0\no=- 0 0 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 33\n';
      const open = (stream: string) => openSession(stream, sdp);
      const name = await sendWhole(`ts-${program.toLowerCase()}`, open, async (session, stream) => {
        const { rtpPort } = portOf(session, 'video');
        await using _sender = program === 'ffmpeg' ? sendTsByFfmpeg(ts, rtpPort) : sendTsByGstreamer(ts, rtpPort);
        await sent(stream);
      });
      const [recorded] = await filmHashes([await clipOf(name)]);
      // ffmpeg and GStreamer do not send the last packets.
      assert.ok(recorded!.pictures.length >= hashes.pictures.length - 12, `${recorded!.pictures.length} pictures`);
      assert.deepEqual(recorded!.pictures, hashes.pictures.slice(0, recorded!.pictures.length));
      await assertRuns(name, 1);
    });
  }

  fullTest(
    'sound that arrives 400 ms late is in time with the picture: sender reports say when it was recorded',
    async () => {
      const { file, hashes } = filmOf(vp9Opus);
      const session = await openSession('late', await sdpOf(file, folder.path));
      const audio = portOf(session, 'audio');
      await using relay = await openLossyRelay({ to: audio.rtpPort, seed: 1, delayMs: 400 });
      const ports = { video: portsOf(session).video, audio: `${relay.port}?rtcpport=${audio.rtcpPort}` };
      await using sender = sendByFfmpeg(file, ports);
      await sent('late');
      assert.equal(await sender.ended, 0, sender.stderr);
      assert.equal(await end('late', session), 204);
      const clip = await clipOf('late');
      const [recorded] = await filmHashes([clip]);
      assert.deepEqual(recorded!.pictures, hashes.pictures);
      assertSound(recorded!, hashes);
      // Both tracks of the film begin at 0: a packet of sound each 20 ms.
      const [[picture], sound] = [await packetTimes(clip, 'v:0'), await packetTimes(clip, 'a:0')];
      const first = recorded!.sound.findIndex((hash) => hashes.sound.includes(hash));
      const offset = sound[first]! - hashes.sound.indexOf(recorded!.sound[first]!) * 0.02 - picture!;
      assert.ok(Math.abs(offset) <= 0.04, `the sound is ${Math.round(offset * 1000)} ms after the picture`);
      await assertRuns('late', 1);
    },
  );

  fullTest(
    '10 % loss with 100 ms jitter: pictures of the film alone are recorded, and the loss is counted',
    async () => {
      const { file, hashes } = filmOf(vp9Opus);
      const session = await openSession('lossy', await sdpOf(file, folder.path));
      const video = portOf(session, 'video');
      await using relay = await openLossyRelay({ to: video.rtpPort, seed: 5, drop: 0.1, delayMs: 20, jitterMs: 100 });
      const ports = { video: `${relay.port}?rtcpport=${video.rtcpPort}`, audio: portsOf(session).audio };
      // As often as needed: which key frames come as a whole is a matter of luck.
      await using sender = sendByFfmpeg(file, ports, { loops: 100 });
      const view = () => server.json<StreamView>('/api/v1/streams/lossy');
      await until('enough is recorded', async () => (await view()).recorded.seconds >= SECONDS);
      assert.ok((await sessionsOf('lossy'))[0]!.lost > 0);
      await sender.kill();
      assert.equal(await end('lossy', session), 204);
      await endRecording(server, 'lossy');
      const pictures = (await picturesByRun(server, 'lossy', folder.path)).flat();
      assert.ok(pictures.length > 10, `${pictures.length} pictures`);
      assert.ok(
        pictures.every((hash) => hashes.pictures.includes(hash)),
        'no other picture',
      );
    },
  );

  fullTest(
    'a sender that is killed and started again is taken after 2 s; strangers are not; the session ends after 10 s',
    async () => {
      const { file } = filmOf(vp9Opus);
      const session = await openSession('again', await sdpOf(file, folder.path), { sender: '127.0.0.1' });
      const ports = portsOf(session);
      const stranger = createSocket('udp4').bind(0, '127.0.0.2');
      opened.defer(() => void stranger.close());
      // Payload type 96, another source.
      const packet = Uint8Array.from([0x80, 96, 0, 1, 0, 0, 0, 1, 0, 0, 0, 7, ...new Array(50).fill(1)]);
      await until('a stranger is ignored', async () => {
        stranger.send(packet, Number(ports.video), '127.0.0.1');
        return (await sessionsOf('again'))[0]!.ignored > 0;
      });
      assert.equal((await sessionsOf('again'))[0]!.sender, null);
      const recordedSince = async (ms: number) =>
        (await server.timeline('again')).spans.some(({ from }) => Date.parse(from) >= ms);
      {
        await using first = sendByFfmpeg(file, ports, { loops: 5 });
        const live = await server.stream('again');
        assert.equal(live.publisher?.protocol, 'rtp');
        assert.equal((await sessionsOf('again'))[0]!.sender, '127.0.0.1');
        await until('it is recorded', () => recordedSince(0));
        await first.kill();
      }
      {
        // Not the number of runs: sound that begins late starts another one.
        const startedMs = Date.now();
        await using second = sendByFfmpeg(file, ports, { loops: 5 });
        await until('the second sender is recorded', () => recordedSince(startedMs));
        await second.kill();
      }
      await until('the session is over', async () => (await sessionsOf('again')).length === 0);
      const left = server.log().find(({ msg, stream }) => msg === 'a publisher left' && stream === 'again');
      assert.equal(left?.detail, 'no RTP packets came for 10 s');
    },
  );

  fullTest('the ports of an SDP file: a sender needs no API call, and may come again after a pause', async () => {
    const { file, hashes } = filmOf(vp9Opus);
    const ports = {
      video: `${fixed.video}?rtcpport=${fixed.videoReports}`,
      audio: `${fixed.audio}?rtcpport=${fixed.audioReports}`,
    };
    const view = () => server.json<StreamView>('/api/v1/streams/fixed');
    for (const films of [1, 2]) {
      await using sender = sendByFfmpeg(file, ports);
      const { facts } = await server.stream('fixed');
      assert.equal(facts?.protocol, 'rtp');
      assert.equal(await sender.ended, 0, sender.stderr);
      await until('the sender is silent', async () => (await view()).problem.includes('no RTP packets'));
      assert.equal((await server.timeline('fixed')).runs.length, films);
    }
    const { recorded } = await endRecording(server, 'fixed', 2 * SECONDS - 0.5);
    const clip = `${server.url}/clip/fixed/${Date.parse(recorded.from!)}/${Date.parse(recorded.to!)}.mp4`;
    const [found] = await filmHashes([clip]);
    assert.deepEqual(found!.pictures, [...hashes.pictures, ...hashes.pictures]);
    const { gaps } = await server.timeline('fixed');
    assert.deepEqual([...new Set(gaps.map(({ cause }) => cause))], ['source-down']);
  });

  test('what is no usable SDP is refused with the reason', async () => {
    await post(server, '/streams', { name: 'refusing', source: { type: 'push' } });
    const head = 'v=0\no=- 0 0 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\n';
    const video = (encoding: string) => `${head}m=video 5004 RTP/AVP 96\na=rtpmap:96 ${encoding}/90000\n`;
    const open = async (body: object, name = 'refusing') => {
      const headers = { 'content-type': 'application/json' };
      const path = `/api/v1/streams/${name}/rtp`;
      const response = await server.fetch(path, { method: 'POST', headers, body: JSON.stringify(body) });
      const { code, detail } = (await response.json()) as { code?: string; detail?: string };
      return { status: response.status, code, detail: detail ?? '' };
    };
    const xs = await open({ sdp: video('jxsv') });
    assert.deepEqual([xs.status, xs.code], [422, 'offer-refused']);
    assert.match(xs.detail, /oxbow does not support JPEG XS video/);
    assert.deepEqual((await open({ sdp: 'v=1' })).code, 'bad-offer');
    assert.deepEqual((await open({ sdp: head })).code, 'bad-offer');
    const group = await open({ sdp: video('H264').replace('c=IN IP4 127.0.0.1', 'c=IN IP4 239.1.1.1/32') });
    assert.match(group.detail, /multicast group 239.1.1.1/);
    assert.deepEqual((await open({ sdp: video('H264'), sender: 'camera' })).code, 'bad-request');
    assert.deepEqual((await open({ sdp: video('H264') }, 'nowhere')).code, 'stream-unknown');
    assert.deepEqual((await open({ sdp: video('H264') })).status, 201);
    assert.deepEqual((await open({ sdp: video('H264') })).code, 'publisher-active');
    const [session] = await sessionsOf('refusing');
    assert.match(session!.sdp, new RegExp(`^m=video ${session!.media[0]!.rtpPort} RTP/AVP 96\\r$`, 'm'));
    assert.equal(await end('refusing', session!), 204);
    assert.equal(await end('refusing', session!), 404);
    assert.deepEqual(await sessionsOf('refusing'), []);
  });
});
