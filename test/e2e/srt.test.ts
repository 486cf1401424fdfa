import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { StreamView } from '../../src/api/shapes.ts';
import { encode, ffmpegArgs, filmArgs, saveRecording, send, startSender } from '../fixtures/encoder.ts';
import { type FilmHashes, filmHashes, pictureHashes } from '../fixtures/ffmpeg.ts';
import { openLossyRelay } from '../fixtures/lossy-relay.ts';
import { need } from '../fixtures/need.ts';
import { createPush, post } from '../fixtures/publishers/push-streams.ts';
import { freeUdpPort } from '../fixtures/publishers/udp-sender.ts';
import { type Folder, openFolder, type Server, startPlainServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { firstOf, fullTest, isFull } from '../full.ts';

const SECONDS = 6;
const TOKEN = 'a-token-for-this-test';
const PASSPHRASE = 'correct horse battery';
/** Latency of all connections: a busy machine repairs late what a full receive buffer loses. */
const LATENCY_MS = 5000;
/**
 * libsrt drops what is not sent yet when its program closes the connection: up to this many pictures at the
 * end of a film.
 */
const LOST_BY_CLOSE = 15;

/** Seven null packets (ISO 13818-1 2.4.3.3). */
const nullPackets = Buffer.concat(Array(7).fill(Buffer.alloc(188, 0xff).fill(Buffer.of(0x47, 0x1f, 0xff, 0x10), 0, 4)));

/** All pictures of the film are there, from `first` on, but for the end that the sender did not send. */
function assertFilm(ours: readonly string[], pictures: readonly string[], first = 0): void {
  const sure = pictures.length - LOST_BY_CLOSE;
  const where = ours.length === 0 ? '' : `${pictures.indexOf(ours[0]!)} to ${pictures.indexOf(ours.at(-1)!)}`;
  assert.ok(ours.length >= sure - first, `${ours.length} pictures, from ${where}`);
  assert.deepEqual(ours.slice(0, sure - first), pictures.slice(first, sure));
  assert.ok(ours.every((hash) => pictures.includes(hash)));
}

suite('SRT', { skip: need('ffmpeg'), concurrency: true }, () => {
  const opened = new AsyncDisposableStack();
  let folder: Folder;
  let server: Server;
  let port: number;
  let film: string;
  let pictures: readonly string[];
  let sound: readonly string[];

  before(async () => {
    folder = opened.use(await openFolder('srt'));
    film = await encode(filmArgs(SECONDS), join(folder.path, 'film.ts'));
    [{ pictures, sound }] = (await filmHashes([film], { aac: true })) as [FilmHashes];
    port = await freeUdpPort();
    const args = ['--srt', `127.0.0.1:${port}`, '--srt-latency', `${LATENCY_MS}ms`];
    server = opened.use(await startPlainServer({ data: join(folder.path, 'data'), adminToken: TOKEN, args }));
  });
  after(() => opened.disposeAsync());

  /** Creates a push stream; returns its key. */
  const create = (name: string, source: object = {}) => createPush(server, name, source);
  const urlOf = (streamId: string, more = '') => `srt://127.0.0.1:${port}?streamid=${streamId}${more}`;
  /** The same for ffmpeg that publishes: it waits for its last packets before it closes the connection. */
  const publishTo = (streamId: string) => urlOf(`publish:${streamId}`, '&linger=10&connect_timeout=30000');
  const recorded = (name: string) => saveRecording(server, name, join(folder.path, `${name}-recorded.ts`));
  const view = (name: string) => server.json<StreamView>(`/api/v1/streams/${name}`);
  const live = (name: string) =>
    until(`${name} is live`, async () => {
      const now = await view(name);
      return now.state === 'live' && now;
    });
  /** Bytes that the publisher of a stream has sent so far. */
  const bytesFrom = async (name: string) => {
    const metrics = Buffer.from(await server.bytes('/metrics')).toString();
    const found = new RegExp(`^oxbow_publish_bytes_total\\{stream="${name}"\\} (\\d+)`, 'm').exec(metrics);
    return Number(found?.[1] ?? 0);
  };
  /** Codes with which callers were rejected. */
  const rejections = () =>
    server
      .log('info')
      .flatMap(({ msg, mode, code }) => (msg === 'an SRT caller was rejected' ? [`${mode} ${code}`] : []));

  test('two publishers at once on one port, ffmpeg and GStreamer: each picture and its sound are recorded', async () => {
    const [one, two] = [await create('one'), await create('two')];
    const first = send('ffmpeg', ffmpegArgs(film, 'mpegts', publishTo(`one:${one}`)));
    const hasGst = isFull && need('gst-launch-1.0') === false;
    const second = hasGst
      ? send('gst-launch-1.0', [
          ...[
            '-q',
            'filesrc',
            `location=${film}`,
            '!',
            'tsparse',
            'set-timestamps=true',
            'alignment=7',
            '!',
            'srtsink',
          ],
          ...[`uri=srt://127.0.0.1:${port}`, 'mode=caller', `streamid=#!::r=two,m=publish,s=${two}`, 'sync=true'],
          'wait-for-connection=true',
        ])
      : undefined;
    const [{ publisher }] = await Promise.all([live('one'), hasGst && live('two')]);
    assert.equal(publisher?.protocol, 'srt');
    await Promise.all([first, second]);
    const [made] = await filmHashes([await recorded('one')], { aac: true });
    assertFilm(made!.pictures, pictures);
    const ours = made!.sound;
    const at = sound.indexOf(ours[0]!);
    assert.ok(at >= 0 && at <= 4, `sound begins with frame ${at} of the film`);
    const sure = sound.length - at - 40; // the end was not sent, and is silence where there is a picture
    assert.deepEqual(ours.slice(0, sure), sound.slice(at, at + sure));
    if (hasGst) assertFilm(await pictureHashes(await recorded('two')), pictures);
    assert.equal((await server.timeline('one')).runs.length, 1);
  });

  fullTest('an encrypted stream takes its passphrase alone', { skip: need('srt-live-transmit') }, async () => {
    const key = await create('safe', { passphrase: PASSPHRASE, latency: `${LATENCY_MS}ms` });
    const id = `publish:safe:${key}`;
    for (const more of ['', '&passphrase=another%20passphrase']) {
      const { code } = await startSender('ffmpeg', ffmpegArgs(film, 'mpegts', urlOf(id, more))).ended;
      assert.notEqual(code, 0);
    }
    const more = `&passphrase=${PASSPHRASE}&pbkeylen=32&latency=${LATENCY_MS}&mode=caller`;
    const { child, ended } = startSender('srt-live-transmit', ['-q', '-a:no', 'file://con', urlOf(id, more)]);
    const bytes = await readFile(film);
    // It loses what it reads before it is connected, and sends a packet when some more have come.
    let sent = bytes.length;
    const sendNull = () => {
      sent += nullPackets.length;
      child.stdin!.write(nullPackets);
    };
    await until(
      'it is connected',
      async () => {
        sendNull();
        return (await bytesFrom('safe')) > 0;
      },
      { everyMs: 100 },
    );
    const sure = sent;
    const startMs = performance.now();
    for (let at = 0; at < bytes.length; at += 1316) {
      const waitMs = startMs + (at / bytes.length) * SECONDS * 1000 - performance.now();
      if (waitMs > 1) await sleep(waitMs);
      child.stdin!.write(bytes.subarray(at, at + 1316));
    }
    for (let i = 0; i < 120; i++) sendNull();
    await until('all of it is there', async () => (await bytesFrom('safe')) >= sure);
    child.kill('SIGKILL'); // at the end of its input it waits for more
    await ended;
    assertFilm(await pictureHashes(await recorded('safe')), pictures);
  });

  test('callers are rejected with the codes of libsrt', async () => {
    const key = await create('shut');
    await post(server, '/streams', { name: 'sample', source: { type: 'pull', url: 'http://127.0.0.1:9/none.m3u8' } });
    const wrong = firstOf(2, [
      ['publish:shut', 'publish:shut 1401'],
      ['publish:shut:ok_thiskeyisunknown0000000', 'publish:shut 1403'],
      [`publish:sample:${key}`, 'publish:sample 1403'],
      ['request:nothing', 'request:nothing 1404'],
      ['shut', 'unknown 1400'],
      ['#!::r=shut,m=bidirectional', 'unknown 1405'],
    ] as const);
    for (const [streamId] of wrong) {
      const args = [
        ...ffmpegArgs(film, 'mpegts', '').slice(0, -1),
        '-srt_streamid',
        streamId,
        `srt://127.0.0.1:${port}`,
      ];
      const { code } = await startSender('ffmpeg', args).ended;
      assert.notEqual(code, 0, streamId);
    }
    // Again and again, until the test ends it.
    const args = ['-stream_loop', '-1', ...ffmpegArgs(film, 'mpegts', urlOf(`publish:shut:${key}`))];
    const sending = startSender('ffmpeg', args);
    await live('shut');
    const { code } = await startSender('ffmpeg', ffmpegArgs(film, 'mpegts', urlOf(`publish:shut:${key}`))).ended;
    assert.notEqual(code, 0, 'a second publisher');
    sending.child.kill();
    await sending.ended;
    for (const expected of [...wrong.map(([, line]) => line), 'publish:shut 1409']) {
      // The log may come after the caller has ended.
      await until(expected, () => rejections().includes(expected) || assert.fail(rejections().join(', ')));
    }
    const text = server.stderr;
    assert.ok(!text.includes(key) && !text.includes('thiskeyisunknown'), 'keys are not logged');
  });

  fullTest('a publisher that drops and returns is recorded before and after', async () => {
    const key = await create('back');
    const args = ffmpegArgs(film, 'mpegts', publishTo(`back:${key}`));
    const first = startSender('ffmpeg', args);
    await until('a segment is recorded', async () => (await view('back')).recorded.seconds >= 2);
    first.child.kill('SIGKILL');
    await first.ended;
    // The connection ends after five seconds of silence; until then, the name is in use.
    await until('the name is free', async () => (await view('back')).publisher === null);
    await send('ffmpeg', args);
    const ours = await pictureHashes(await recorded('back'));
    const again = ours.lastIndexOf(pictures[0]!);
    assert.ok(again >= 50, `${again} pictures before the drop`);
    assertFilm(ours.slice(again), pictures);
    const sure = again - 5; // the last ones in decode order
    assert.deepEqual(ours.slice(0, sure), pictures.slice(0, sure));
    assert.equal((await server.timeline('back')).runs.length, 2);
  });

  fullTest('over a link that loses every twentieth datagram, each picture is recorded', async () => {
    const key = await create('lossy');
    const relay = opened.use(await openLossyRelay({ to: port, seed: 7, drop: 0.05, delayMs: 20, jitterMs: 10 }));
    const to = `srt://127.0.0.1:${relay.port}?streamid=publish:lossy:${key}&linger=10&connect_timeout=30000`;
    await send('ffmpeg', ffmpegArgs(film, 'mpegts', to));
    assertFilm(await pictureHashes(await recorded('lossy')), pictures);
    const { forward } = await relay.counters();
    assert.ok(forward.dropped > 5, `${forward.dropped} of ${forward.received} datagrams were lost`);
  });

  fullTest('oxbow pulls from a listener', async () => {
    const from = await freeUdpPort();
    const listener = startSender(
      'ffmpeg',
      ffmpegArgs(film, 'mpegts', `srt://127.0.0.1:${from}?mode=listener&linger=10`),
    );
    const url = `srt://127.0.0.1:${from}?mode=caller&latency=${LATENCY_MS}`;
    await post(server, '/streams', { name: 'pulled', source: { type: 'pull', url } });
    await live('pulled');
    await listener.ended;
    const ours = await pictureHashes(await recorded('pulled'));
    assertFilm(ours, pictures, pictures.indexOf(ours[0]!));
  });
});
