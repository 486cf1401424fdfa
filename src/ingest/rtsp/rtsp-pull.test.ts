/** Waits for wall time: requests and datagrams arrive over real sockets, while a manual clock moves. */
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { mock, test } from 'node:test';
import type { RtspRequest } from '@oxbow/wire/rtsp/message';
import { parseRtspUrl } from '@oxbow/wire/rtsp/rtsp-url';
import { answerWith, OPUS_SDP, openRtspServer, type ScriptedServer } from '@oxbow/wire/rtsp/server.fixture';
import { until } from '../../../test/fixtures/wait.ts';
import type { SourceFacts } from '../../api/source-facts.ts';
import { createManualClock } from '../../lib/clock.ts';
import type { OxbowError } from '../../lib/errors.ts';
import { createNet } from '../../net/net.ts';
import type { PublisherConnection } from '../publisher.ts';
import { createPublisherStats } from '../publisher-stats.ts';
import { RecordingInput } from '../pull/run/recording-input.fixture.ts';
import { runRtspPull } from './rtsp-pull.ts';

/** An RTP packet of payload type 96 with 20 ms of Opus. */
function opusPacket(sequence: number): Uint8Array {
  const bytes = Buffer.alloc(16, 0xfc);
  bytes.set([0x80, 96]);
  bytes.writeUInt16BE(sequence, 2);
  bytes.writeUInt32BE(960 * sequence, 4);
  bytes.writeUInt32BE(7, 8);
  return bytes;
}

type Connection = Pick<PublisherConnection, 'stats' | 'isFollowed'>;

/** Pulls from a server on this computer. */
function pull(
  server: ScriptedServer,
  { login = '', query = '', trusted = true, connection = undefined as Connection | undefined } = {},
) {
  const input = Object.assign(new RecordingInput(), connection && { connection });
  const clock = createManualClock();
  const stop = new AbortController();
  const facts: SourceFacts[] = [];
  const net = createNet({ allow: [] });
  const ended = runRtspPull(
    {
      address: parseRtspUrl(`rtsp://${login}127.0.0.1:${server.port}/cam${query}`),
      trusted,
      net,
      input,
      clock,
      log: { info() {}, warn() {} },
      assemblyMs: 500,
      onFacts: (found) => facts.push(found),
    },
    stop,
  ).finally(() => net.close());
  return { input, clock, stop, facts, ended };
}

const stopped = new DOMException('enough', 'AbortError');

test('packets of the channels that the server chose become frames; abort ends the session with TEARDOWN', async () => {
  await using server = await openRtspServer((request) => {
    if (request.method !== 'SETUP') return answerWith(OPUS_SDP, request);
    return { status: 200, fields: { Session: 'abc', Transport: 'RTP/AVP/TCP;unicast;interleaved=6-7' } };
  });
  const { input, clock, stop, facts, ended } = pull(server);
  await server.until(() => server.methods.includes('PLAY'));
  for (let sequence = 0; sequence < 10; sequence++) server.packet(6, opusPacket(sequence));
  server.packet(0, opusPacket(10));
  await input.until(() => input.runs.length > 0);
  clock.advance(1000);
  await server.until(() => server.packets.some(([channel]) => channel === 7));
  assert.equal(facts.at(-1)?.protocol, 'rtsp');
  stop.abort(stopped);
  await assert.rejects(ended, stopped);
  const [run] = input.runs;
  assert.deepEqual(
    run!.start.tracks.map(({ config }) => config.codec),
    ['opus'],
  );
  assert.equal(run!.frames.length, 10, 'other channels are not read');
  assert.equal(server.methods.at(-1), 'TEARDOWN');
  const setUp = server.messages.find((each) => each.kind === 'request' && each.method === 'SETUP');
  assert.ok(setUp?.kind === 'request' && setUp.url.endsWith('/cam/track1'));
});

test('a server without TCP is read over UDP, and the other way round (RFC 2326 11.3.12)', async () => {
  for (const [query, offered] of [
    ['', 'client_port'],
    ['?transport=udp', 'interleaved'],
  ] as const) {
    const sender = createSocket('udp4');
    sender.bind(0, '127.0.0.1');
    await once(sender, 'listening');
    await using server = await openRtspServer((request) => {
      if (request.method !== 'SETUP') return answerWith(OPUS_SDP, request);
      const wanted = request.headers.get('transport') ?? '';
      const { port } = sender.address();
      if (!wanted.includes(offered)) return { status: 461 };
      return { status: 200, fields: { Session: 'abc', Transport: `${wanted};server_port=${port - 1}-${port}` } };
    });
    const { input, clock, stop, ended } = pull(server, { query });
    await server.until(() => server.methods.includes('PLAY'));
    const setUp = server.messages.findLast((each) => each.kind === 'request' && each.method === 'SETUP')!;
    const port = Number(/client_port=(\d+)/.exec(setUp.headers.get('transport')!)?.[1]);
    const reported = once(sender, 'message');
    for (let sequence = 0; sequence < 10; sequence++) {
      if (query === '') sender.send(opusPacket(sequence), port, '127.0.0.1');
      else server.packet(0, opusPacket(sequence));
    }
    await input.until(() => input.runs.length > 0);
    clock.advance(1000);
    if (query === '') await reported;
    stop.abort(stopped);
    await assert.rejects(ended, stopped);
    sender.close();
  }
});

test('a session without media is given up, and over UDP the error names the firewall', async () => {
  await using server = await openRtspServer((request) => answerWith(OPUS_SDP, request));
  for (const [query, why] of [
    ['', 'has sent no video or audio for 10 s'],
    [
      '?transport=udp',
      'has sent no video or audio for 10 s over UDP; remove transport=udp from the address if a firewall is between',
    ],
  ] as const) {
    const { clock, ended } = pull(server, { query });
    const before = server.methods.length;
    await server.until(() => server.methods.slice(before).includes('PLAY'));
    const timer = setInterval(() => clock.advance(1000), 20);
    await assert.rejects(ended, { code: 'source-failed', message: `rtsp://127.0.0.1:${server.port} ${why}.` });
    clearInterval(timer);
  }
});

test('media that oxbow does not support is named', async () => {
  const sdp = OPUS_SDP.replace('opus/48000/2', 'JPEG/90000').replace('m=audio', 'm=video');
  await using server = await openRtspServer((request) => answerWith(sdp, request));
  const { ended } = pull(server);
  await assert.rejects(ended, {
    code: 'unsupported-media',
    message: `rtsp://127.0.0.1:${server.port} has nothing that oxbow supports: Motion JPEG video.`,
  });
});

test('sound for the loudspeaker of a camera is not set up (ONVIF back channel)', async () => {
  const back = 'm=audio 0 RTP/AVP 97\r\na=rtpmap:97 opus/48000/2\r\na=sendonly\r\na=control:back\r\n';
  await using server = await openRtspServer((request) => answerWith(`${OPUS_SDP}${back}`, request));
  const { stop, ended } = pull(server);
  await server.until(() => server.methods.includes('PLAY'));
  assert.equal(server.methods.filter((method) => method === 'SETUP').length, 1);
  stop.abort(stopped);
  await assert.rejects(ended, stopped);
});

test('errors name the server, and neither user name nor password, path nor query', async () => {
  await using server = await openRtspServer((request) => {
    if (request.method === 'OPTIONS') return answerWith('', request);
    return { status: 401, fields: { 'WWW-Authenticate': 'Basic realm="x"' } };
  });
  const { ended } = pull(server, { login: 'admin:hidden@', query: '?key=hidden' });
  const failure: OxbowError = await ended.then(
    () => assert.fail('it was not refused'),
    (error) => error,
  );
  assert.equal(failure.code, 'source-failed');
  assert.equal(failure.extra.reason, 'credentials');
  assert.equal(failure.message, `rtsp://127.0.0.1:${server.port} refuses the user name and password.`);
});

test('private addresses are refused for users, and where a server redirects to them', async () => {
  await using server = await openRtspServer((request) =>
    request.method === 'DESCRIBE'
      ? { status: 302, fields: { Location: 'rtsp://10.0.0.7/cam' } }
      : answerWith('', request),
  );
  await assert.rejects(pull(server, { trusted: false }).ended, { code: 'address-refused' });
  await assert.rejects(pull(server).ended, { code: 'address-refused', message: /10\.0\.0\.7/ });
});

test('an answer that is no description, and a packet that is no RTP, do not end the process', async () => {
  let sdp = 'hello';
  await using server = await openRtspServer((request) => answerWith(sdp, request));
  await assert.rejects(pull(server).ended, { name: 'FormatError' });
  sdp = OPUS_SDP;
  const { input, stop, ended } = pull(server);
  await server.until(() => server.methods.includes('PLAY'));
  server.packet(0, Uint8Array.of(1, 2, 3));
  server.packet(1, Uint8Array.of(0x80, 200, 0));
  await input.until(() => input.damages.length >= 2);
  stop.abort(stopped);
  await assert.rejects(ended, stopped);
});

test('while no viewer waits a camera is read in larger pieces; every picture comes, and soon again for a viewer or a high bitrate', async () => {
  await using server = await openRtspServer(overTcp);
  using intervals = watchIntervals();
  const { readsEvery } = intervals;
  const connection = { stats: createPublisherStats(), isFollowed: true };
  const { clock, stop, ended } = pull(server, { connection });
  await until('pictures are read one by one', () => readsEvery(40) === 1);
  connection.isFollowed = false;
  await until('they are read in larger pieces', () => readsEvery(100) === 1);
  for (let sequence = 0; sequence < 10; sequence++) server.packet(0, opusPacket(sequence));
  await until('all packets have come', () => connection.stats.packets === 10);
  connection.isFollowed = true;
  await until('a viewer has come', () => readsEvery(40) === 2);
  connection.isFollowed = false;
  await until('the viewer has left', () => readsEvery(100) === 2);
  let sequence = 10;
  await until('the bitrate is high', () => {
    for (let k = 0; k < 8; k++) server.packet(0, Buffer.concat([opusPacket(sequence++), Buffer.alloc(60_000)]));
    return readsEvery(40) === 3;
  });
  await until('all of it has come', () => connection.stats.packets === sequence);
  clock.advance(9000);
  server.packet(0, opusPacket(sequence));
  await until('the camera is not silent', () => connection.stats.packets! > sequence);
  clock.advance(1000);
  await until('it is low again', () => readsEvery(100) === 3);
  stop.abort(stopped);
  await assert.rejects(ended, stopped);
});

test('a high bitrate is read soon again also where Node reads the socket, and every packet comes', async () => {
  await using server = await openRtspServer(overTcp);
  using _ = await withoutDescriptors();
  using intervals = watchIntervals();
  const { readsEvery } = intervals;
  const connection = { stats: createPublisherStats(), isFollowed: false };
  const { stop, ended } = pull(server, { connection });
  await until('it is read in larger pieces', () => readsEvery(100) === 1);
  let sequence = 0;
  await until('the bitrate is high', () => {
    for (let k = 0; k < 8; k++) server.packet(0, Buffer.concat([opusPacket(sequence++), Buffer.alloc(60_000)]));
    return readsEvery(40) === 1;
  });
  await until('all of it has come', () => connection.stats.packets === sequence);
  stop.abort(stopped);
  await assert.rejects(ended, stopped);
});

/** Answers that choose the channels 0 and 1. */
function overTcp(request: RtspRequest) {
  if (request.method !== 'SETUP') return answerWith(OPUS_SDP, request);
  return { status: 200, fields: { Session: 'abc', Transport: 'RTP/AVP/TCP;unicast;interleaved=0-1' } };
}

/** Counts timers by their interval until it is disposed. */
function watchIntervals() {
  const started = mock.method(globalThis, 'setInterval');
  return {
    readsEvery: (ms: number) => started.mock.calls.filter(({ arguments: [, every] }) => every === ms).length,
    [Symbol.dispose]: () => started.mock.restore(),
  };
}

/** Sockets have no descriptor, as on other systems than Linux, until the result is disposed. */
async function withoutDescriptors(): Promise<Disposable> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const sockets = Object.getPrototypeOf((server as unknown as { _handle: object })._handle);
  server.close();
  Object.defineProperty(sockets, 'fd', { get: () => -1, configurable: true });
  return { [Symbol.dispose]: () => void Reflect.deleteProperty(sockets, 'fd') };
}
