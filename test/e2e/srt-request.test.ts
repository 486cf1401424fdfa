/**
 * Viewers over SRT, and the limit of callers: tokens, an authorization server, passphrases, and a port that
 * is full.
 * In: callers of libsrt. Out: what they receive, and the codes with which they are rejected.
 */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, suite, test } from 'node:test';
import { connectSrt } from '@oxbow/wire/srt/connect';
import type { SrtConnection } from '@oxbow/wire/srt/srt';
import type { CreatedPublishKey } from '../../src/api/publish/publish-shapes.ts';
import { encode, ffmpegArgs, filmArgs, type Sender, saveRecording, startSender } from '../fixtures/encoder.ts';
import { pictureHashes } from '../fixtures/ffmpeg.ts';
import { need } from '../fixtures/need.ts';
import { type Folder, openFolder, type Server, startPlainServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { firstOf, fullTest, isFull, perTier } from '../full.ts';

/** Longer than the tests on a busy machine: a request after the end of the film gets nothing. */
const SECONDS = perTier({ first: 30, full: 50 });
/** Latency of all connections: a busy machine repairs late what a full receive buffer loses. */
const LATENCY_MS = 2000;
const TOKEN = 'a-token-for-this-test';
const PASSPHRASE = 'correct-horse-battery';
const MAX_CALLERS = 10;
/** Half of the places of viewers, which are three quarters of all. */
const MAX_OF_ADDRESS = 4;

suite('viewers over SRT', { skip: need('ffmpeg'), concurrency: true }, () => {
  const opened = new AsyncDisposableStack();
  let folder: Folder;
  let server: Server;
  let film: string;
  let pictures: string[];
  /** Secrets that the authorization server was asked about. */
  const asked: { action: string; protocol: string; stream: string; keyDigest: string | null }[] = [];

  before(async () => {
    folder = opened.use(await openFolder('srt-request'));
    film = await encode(filmArgs(SECONDS), join(folder.path, 'film.ts'));
    pictures = await pictureHashes(film);
    server = await start('data');
  });
  after(() => opened.disposeAsync());

  const start = async (data: string, ...args: string[]) => {
    const options = { data: join(folder.path, data), adminToken: TOKEN, ingest: ['srt'] as const };
    return opened.use(await startPlainServer({ ...options, args: ['--srt-latency', `${LATENCY_MS}ms`, ...args] }));
  };
  const post = async <T>(path: string, body: object, to = server): Promise<T> => {
    const headers = { 'content-type': 'application/json' };
    const response = await to.fetch(`/api/v1${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
    assert.ok(response.ok, `${path}: ${response.status} ${await response.clone().text()}`);
    return (await response.json()) as T;
  };
  /** Creates a stream and publishes the film to it, until the test ends. */
  const publish = async (name: string, more: { stream?: object; source?: object } = {}, to = server) => {
    const source = { type: 'push', ...more.source };
    await post('/streams', { name, source, ...more.stream }, to);
    const { key } = await post<CreatedPublishKey>(`/streams/${name}/keys`, { label: 'test' }, to);
    const options = 'passphrase' in source ? `&passphrase=${PASSPHRASE}&pbkeylen=32` : '';
    const url = `${to.ingest.srt}?streamid=publish:${name}:${key}${options}&connect_timeout=30000`;
    const sender = startSender('ffmpeg', ffmpegArgs(film, 'mpegts', url));
    opened.defer(() => void sender.child.kill());
    await to.stream(name);
    return sender;
  };
  /** Requests a stream by ffmpeg; saves three seconds of it. */
  const request = (name: string, streamId: string, options = '', to = server): Sender & { path: string } => {
    const path = join(folder.path, `${name}.ts`);
    const url = `${to.ingest.srt}?streamid=${streamId}${options}&connect_timeout=30000`;
    const args = ['-v', 'verbose', '-nostdin', '-i', url, '-t', '3', '-map', '0', '-c', 'copy', '-y', path];
    return { ...startSender('ffmpeg', args), path };
  };
  /** Codes of the rejections of a mode, in order. */
  const codes = (mode: string, from = server) =>
    from
      .log('info')
      .flatMap((line) => (line.msg === 'an SRT caller was rejected' && line.mode === mode ? [line.code] : []));
  /** All rejections of a mode so far; the log may come after the caller has ended. */
  const assertCodes = async (mode: string, expected: readonly number[], from = server) => {
    await until('the rejection is logged', () => codes(mode, from).length >= expected.length);
    assert.deepEqual(codes(mode, from), expected);
  };
  const assertReceived = async ({ ended, path }: Sender & { path: string }) => {
    const { code, stderr } = await ended;
    assert.equal(code, 0, stderr);
    const ours = await pictureHashes(path);
    const at = pictures.indexOf(ours[0]!);
    assert.ok(at >= 0 && at % 25 === 0, `begins with picture ${at}, a key frame`);
    assert.ok(ours.length >= 60, `${ours.length} pictures`);
    assert.deepEqual(ours.slice(0, 60), pictures.slice(at, at + 60));
  };

  test('a private stream is served to callers with a playback token for it, and does not exist for others', async () => {
    await publish('secret', { stream: { visibility: 'private' } });
    await post('/streams', { name: 'other', source: { type: 'push' } });
    const tokenFor = async (name: string) =>
      (await post<{ token: string }>(`/streams/${name}/watch-tokens`, { expires: '10m' })).token;
    const [good, wrong] = [await tokenFor('secret'), await tokenFor('other')];
    for (const [token, ...expected] of firstOf(2, [
      ['', 1404],
      [`:${wrong}`, 1404, 1403],
      [':not-a-token', 1404, 1403, 1403],
    ] as const)) {
      const { code } = await request('refused', `request:secret${token}`).ended;
      assert.notEqual(code, 0);
      await assertCodes('request:secret', expected);
    }
    await assertReceived(request('plain', `request:secret:${good}`));
    if (isFull) await assertReceived(request('standard', `#!::r=secret,m=request,s=${good}`));
    assert.ok(!server.stderr.includes(good), 'no token is logged');
  });

  fullTest('a stream with a passphrase is requested with the same one', async () => {
    await publish('safe', { source: { passphrase: PASSPHRASE } });
    assert.notEqual((await request('open', 'request:safe').ended).code, 0);
    await assertCodes('request:safe', [11]);
    const wrong = await request('wrong', 'request:safe', '&passphrase=another-passphrase').ended;
    assert.notEqual(wrong.code, 0);
    assert.match(wrong.stderr, /[Ii]ncorrect passphrase|BADSECRET/);
    await assertCodes('request:safe', [11, 10]);
    await assertReceived(request('right', 'request:safe', `&passphrase=${PASSPHRASE}&pbkeylen=32`));
  });

  fullTest('an authorization server decides about callers', async () => {
    const authority = createServer(async (incoming, response) => {
      const question = JSON.parse(await text(incoming)) as (typeof asked)[number] & { key?: string };
      asked.push(question);
      response.statusCode = incoming.url === '/all' || question.action === 'publish' ? 200 : isOpen ? 200 : 401;
      response.end();
    });
    let isOpen = false;
    await new Promise<void>((resolve) => authority.listen(0, '127.0.0.1', resolve));
    opened.defer(() => void authority.close());
    const { port } = authority.address() as AddressInfo;
    const own = await start('auth', '--auth-url', `http://127.0.0.1:${port}/`);
    await publish('door', { stream: { visibility: 'private' } }, own);
    assert.notEqual((await request('no', 'request:door:theirs', '', own).ended).code, 0);
    await assertCodes('request:door', [1403], own);
    isOpen = true;
    await assertReceived(request('yes', 'request:door:ours', '', own));
    assert.deepEqual(
      asked.map(({ action, protocol, stream }) => [action, protocol, stream]),
      [
        ['publish', 'srt', 'door'],
        ['read', 'srt', 'door'],
        ['read', 'srt', 'door'],
      ],
    );
    authority.close();
    authority.closeAllConnections();
    assert.notEqual((await request('down', 'request:door:another', '', own).ended).code, 0);
    await assertCodes('request:door', [1403, 1503], own);
  });

  fullTest(
    `${MAX_OF_ADDRESS} viewers of one address are served; the next one is rejected with the code of a full backlog, is logged, and costs the others nothing`,
    async () => {
      const own = await start('full', '--srt-max-callers', String(MAX_CALLERS));
      const sender = await publish('full', {}, own);
      const { hostname, port } = new URL(own.ingest.srt!.replace('srt:', 'http:'));
      const ending = new AbortController();
      const viewers: { connection: SrtConnection; bytes: number; lost: number }[] = [];
      for (let i = 0; i < MAX_OF_ADDRESS; i++) {
        const connection = await connectSrt({
          address: hostname,
          port: Number(port),
          streamId: 'request:full',
          latencyMs: LATENCY_MS,
          signal: ending.signal,
        });
        const viewer = { connection, bytes: 0, lost: 0 };
        connection.onData = (payload) => {
          viewer.bytes += payload.length;
        };
        connection.onLoss = (packets) => {
          viewer.lost += packets;
        };
        viewers.push(viewer);
      }
      const { code, stderr } = await request('full', 'request:full', '', own).ended;
      assert.notEqual(code, 0);
      assert.match(stderr, /BACKLOG|too many|[Bb]acklog/, stderr);
      await until('the rejection is logged', () => codes('request:full', own).includes(5));
      const metrics = await (await own.fetch('/metrics')).text();
      assert.match(metrics, /oxbow_srt_rejected_total\{reason="backlog"\} [1-9]/);
      const before = viewers.map(({ bytes }) => bytes);
      await until('all viewers receive', () => viewers.every(({ bytes }, i) => bytes > before[i]! + 20_000));
      // Room again for the next one.
      viewers.pop()!.connection.close();
      await until('a place is free', async () => (await request('again', 'request:full', '', own).ended).code === 0);
      await assertReceivedPictures(join(folder.path, 'again.ts'));
      assert.deepEqual(
        viewers.map(({ lost }) => lost),
        viewers.map(() => 0),
      );
      sender.child.kill();
      await sender.ended;
      ending.abort();
      const recorded = await pictureHashes(await saveRecording(own, 'full', join(folder.path, 'recorded.ts')));
      const sure = recorded.length - 5; // the last ones in decode order
      assert.ok(sure > 75, `${sure} pictures`);
      assert.deepEqual(recorded.slice(0, sure), pictures.slice(0, sure));
    },
  );

  const assertReceivedPictures = async (path: string) => {
    const ours = await pictureHashes(path);
    const at = pictures.indexOf(ours[0]!);
    assert.ok(at >= 0 && ours.length >= 60);
    assert.deepEqual(ours.slice(0, 60), pictures.slice(at, at + 60));
  };
});
