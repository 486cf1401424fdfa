import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CreatedPublishKey } from '../../src/api/publish-shapes.ts';
import type { StreamView } from '../../src/api/shapes.ts';
import { encode, ffmpegArgs, filmArgs, saveRecording, send, startSender } from '../fixtures/encoder.ts';
import { packetHashes, pictureHashes } from '../fixtures/ffmpeg.ts';
import { openLossyRelay } from '../fixtures/lossy-relay.ts';
import { need } from '../fixtures/need.ts';
import { type Folder, openFolder, type Server, startServer } from '../fixtures/server.ts';
import { freeUdpPort } from '../fixtures/udp-sender.ts';
import { until } from '../fixtures/wait.ts';

const SECONDS = 8;
const TOKEN = 'a-token-for-this-test';
const PASSPHRASE = 'correct horse battery';
/** libsrt drops what is not sent yet when its program closes the connection: up to so many pictures at the end of a film. */
const LOST_BY_CLOSE = 15;

/** All pictures of the film are there, from `first` on, but for the end that the sender did not send. */
function assertFilm(ours: readonly string[], pictures: readonly string[], first = 0): void {
  const sure = pictures.length - LOST_BY_CLOSE;
  assert.ok(ours.length >= sure - first, `${ours.length} pictures`);
  assert.deepEqual(ours.slice(0, sure - first), pictures.slice(first, sure));
  assert.ok(ours.every((hash) => pictures.includes(hash)));
}

suite('SRT', { skip: need('ffmpeg'), concurrency: true }, () => {
  const opened = new AsyncDisposableStack();
  let folder: Folder;
  let server: Server;
  let port: number;
  let film: string;
  let pictures: string[];

  before(async () => {
    folder = opened.use(await openFolder('srt'));
    film = await encode(filmArgs(SECONDS), join(folder.path, 'film.ts'));
    pictures = await pictureHashes(film);
    port = await freeUdpPort();
    const args = ['--srt', `127.0.0.1:${port}`, '--rtmp', 'off'];
    server = opened.use(await startServer({ data: join(folder.path, 'data'), adminToken: TOKEN, args }));
  });
  after(() => opened.disposeAsync());

  const post = async <T>(path: string, body: object): Promise<T> => {
    const response = await server.fetch(`/api/v1${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    assert.ok(response.ok, `${path}: ${response.status} ${await response.clone().text()}`);
    return (await response.json()) as T;
  };
  /** Creates a push stream; returns its key. */
  const create = async (name: string, source: object = {}): Promise<string> => {
    await post('/streams', { name, source: { type: 'push', ...source } });
    return (await post<CreatedPublishKey>(`/streams/${name}/keys`, { label: 'test' })).key;
  };
  const urlOf = (streamId: string, more = '') => `srt://127.0.0.1:${port}?streamid=${streamId}${more}`;
  const recorded = (name: string) => saveRecording(server, name, join(folder.path, `${name}-recorded.ts`));
  const view = (name: string) => server.json<StreamView>(`/api/v1/streams/${name}`);
  const live = (name: string) => until(`${name} is live`, async () => (await view(name)).state === 'live');
  /** Codes with which callers were rejected. */
  const rejections = () =>
    server
      .log('info')
      .flatMap(({ msg, mode, code }) => (msg === 'an SRT caller was rejected' ? [`${mode} ${code}`] : []));

  test('two publishers at once on one port, ffmpeg and GStreamer: each picture and its sound are recorded', async () => {
    const [one, two] = [await create('one'), await create('two')];
    const first = send('ffmpeg', ffmpegArgs(film, 'mpegts', urlOf(`publish:one:${one}`)));
    const hasGst = need('gst-launch-1.0') === false;
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
    await Promise.all([live('one'), hasGst && live('two')]);
    const { publisher } = await view('one');
    assert.equal(publisher?.protocol, 'srt');
    await Promise.all([first, second]);
    const path = await recorded('one');
    assertFilm(await pictureHashes(path), pictures);
    const [ours, source] = [await packetHashes(path, 'a:0'), await packetHashes(film, 'a:0')];
    const at = source.indexOf(ours[0]!);
    assert.ok(at >= 0 && at <= 4, `sound begins with frame ${at} of the film`);
    const sure = source.length - at - 40; // the end was not sent, and is silence where there is a picture
    assert.deepEqual(ours.slice(0, sure), source.slice(at, at + sure));
    if (hasGst) assertFilm(await pictureHashes(await recorded('two')), pictures);
    assert.equal((await server.timeline('one')).runs.length, 1);
  });

  test('an encrypted stream takes its passphrase alone', { skip: need('srt-live-transmit') }, async () => {
    const key = await create('safe', { passphrase: PASSPHRASE, latency: '200ms' });
    const id = `publish:safe:${key}`;
    for (const more of ['', '&passphrase=another%20passphrase']) {
      const { code } = await startSender('ffmpeg', ffmpegArgs(film, 'mpegts', urlOf(id, more))).ended;
      assert.notEqual(code, 0);
    }
    const more = `&passphrase=${PASSPHRASE}&pbkeylen=32&latency=200&mode=caller`;
    const { child, ended } = startSender('srt-live-transmit', ['-q', '-a:no', 'file://con', urlOf(id, more)]);
    const bytes = await readFile(film);
    const startMs = performance.now();
    for (let at = 0; at < bytes.length; at += 1316) {
      const waitMs = startMs + (at / bytes.length) * SECONDS * 1000 - performance.now();
      if (waitMs > 1) await sleep(waitMs);
      child.stdin!.write(bytes.subarray(at, at + 1316));
    }
    await sleep(500);
    child.kill('SIGKILL'); // at the end of its input it waits for more
    await ended;
    assertFilm(await pictureHashes(await recorded('safe')), pictures);
  });

  test('callers are rejected with the codes of libsrt', async () => {
    const key = await create('shut');
    await post('/streams', { name: 'sample', source: { type: 'test' } });
    const wrong = [
      ['publish:shut', 'publish:shut 1401'],
      ['publish:shut:ok_thiskeyisunknown0000000', 'publish:shut 1403'],
      [`publish:sample:${key}`, 'publish:sample 1403'],
      ['request:nothing', 'request:nothing 1404'],
      ['shut', 'unknown 1400'],
      ['#!::r=shut,m=bidirectional', 'unknown 1405'],
    ] as const;
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
    const sending = startSender('ffmpeg', ffmpegArgs(film, 'mpegts', urlOf(`publish:shut:${key}`)));
    await live('shut');
    const { code } = await startSender('ffmpeg', ffmpegArgs(film, 'mpegts', urlOf(`publish:shut:${key}`))).ended;
    assert.notEqual(code, 0, 'a second publisher');
    sending.child.kill();
    await sending.ended;
    for (const expected of [...wrong.map(([, line]) => line), 'publish:shut 1409']) {
      assert.ok(rejections().includes(expected), `${expected} of ${rejections().join(', ')}`);
    }
    const text = server.stderr;
    assert.ok(!text.includes(key) && !text.includes('thiskeyisunknown'), 'keys are not logged');
  });

  test('a publisher that drops and returns is recorded before and after', async () => {
    const key = await create('back');
    const args = ffmpegArgs(film, 'mpegts', urlOf(`publish:back:${key}`));
    const first = startSender('ffmpeg', args);
    await live('back');
    await sleep(3000);
    first.child.kill('SIGKILL');
    await first.ended;
    // The connection ends after five seconds of silence; until then, the name is in use.
    await until('the name is free', async () => (await view('back')).publisher === null);
    await send('ffmpeg', args);
    const ours = await pictureHashes(await recorded('back'));
    const again = ours.lastIndexOf(pictures[0]!);
    assert.ok(again > 50, `${again} pictures before the drop`);
    assertFilm(ours.slice(again), pictures);
    const sure = again - 5; // the last ones in decode order
    assert.deepEqual(ours.slice(0, sure), pictures.slice(0, sure));
    assert.equal((await server.timeline('back')).runs.length, 2);
  });

  test('a request serves the live stream as MPEG-TS', async () => {
    const key = await create('seen');
    const sending = send('ffmpeg', ffmpegArgs(film, 'mpegts', urlOf(`publish:seen:${key}`)));
    await live('seen');
    const saved = join(folder.path, 'seen.ts');
    const received = startSender('ffmpeg', [
      ...['-v', 'error', '-nostdin', '-i', urlOf('request:seen'), '-t', '4', '-map', '0', '-c', 'copy', '-y', saved],
    ]);
    await sending;
    await received.ended;
    const ours = await pictureHashes(saved);
    const at = pictures.indexOf(ours[0]!);
    assert.ok(at > 0 && at % 25 === 0, `begins with picture ${at}, a key frame`);
    assert.ok(ours.length >= 90, `${ours.length} pictures`);
    assert.deepEqual(ours.slice(0, 90), pictures.slice(at, at + 90));
  });

  test('over a link that loses every twentieth datagram, each picture is recorded', async () => {
    const key = await create('lossy', { latency: '800ms' });
    const relay = opened.use(await openLossyRelay({ to: port, seed: 7, drop: 0.05, delayMs: 20, jitterMs: 10 }));
    const to = `srt://127.0.0.1:${relay.port}?streamid=publish:lossy:${key}&latency=800000`;
    await send('ffmpeg', ffmpegArgs(film, 'mpegts', to));
    assertFilm(await pictureHashes(await recorded('lossy')), pictures);
    const { forward } = await relay.counters();
    assert.ok(forward.dropped > 5, `${forward.dropped} of ${forward.received} datagrams were lost`);
  });

  test('oxbow pulls from a listener', async () => {
    const from = await freeUdpPort();
    const listener = startSender('ffmpeg', ffmpegArgs(film, 'mpegts', `srt://127.0.0.1:${from}?mode=listener`));
    const url = `srt://127.0.0.1:${from}?mode=caller&latency=200`;
    await post('/streams', { name: 'pulled', source: { type: 'pull', url } });
    await live('pulled');
    await listener.ended;
    const ours = await pictureHashes(await recorded('pulled'));
    assertFilm(ours, pictures, pictures.indexOf(ours[0]!));
  });
});
