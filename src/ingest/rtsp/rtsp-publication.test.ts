import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { printPacket, printRequest, type RtspFields, type RtspResponse } from '@oxbow/wire/rtsp/message';
import { RtspReader } from '@oxbow/wire/rtsp/message-reader';
import { OPUS_SDP } from '@oxbow/wire/rtsp/server.fixture';
import { createManualClock } from '../../lib/clock.ts';
import { OxbowError } from '../../lib/errors.ts';
import { Emitter } from '../../lib/events.ts';
import { createSilentLog } from '../../observe/log.ts';
import type { PublishAccess, PublishRequest } from '../publish-access.ts';
import { createPublisherStats } from '../publisher-stats.ts';
import { openRtspServer } from './rtsp-server.ts';

/** Accepts one publisher; its calls are recorded. */
function openAccess() {
  const calls: string[] = [];
  const called = new Emitter<void>();
  const record = (call: string) => {
    calls.push(call);
    called.emit();
  };
  const ended = new AbortController();
  let request: PublishRequest | undefined;
  const publisher = {
    connection: { stats: createPublisherStats(), isOver: false },
    signal: ended.signal,
    startTracks: () => record('tracks'),
    publish: () => record('frame'),
    leftOut: () => {},
    damage: (reason: string) => record(`damage: ${reason}`),
    close(detail: string) {
      record(`${detail}, over ${publisher.connection.isOver}`);
      ended.abort();
    },
  };
  const access = {
    async publish(given: PublishRequest) {
      request = given;
      if (given.key !== 'ok_right') throw new OxbowError('publish-denied', 'Unknown key.');
      given.onStream?.({});
      return publisher;
    },
  } as unknown as PublishAccess;
  const until = (done: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      const stop = called.subscribe(() => {
        if (!done()) return;
        stop();
        resolve();
      });
      called.emit();
    });
  return { access, calls, until, ended, stats: publisher.connection.stats, request: () => request };
}

/** A server with one connection. */
async function open() {
  const opened = openAccess();
  const clock = createManualClock();
  const listen = { address: '127.0.0.1', port: 0 };
  const server = await openRtspServer({
    listen,
    access: opened.access,
    assemblyMs: 500,
    clock,
    log: createSilentLog(),
  });
  const socket = connect(server.port, '127.0.0.1');
  await once(socket, 'connect');
  const responses: RtspResponse[] = [];
  const packets: number[] = [];
  const read = new Emitter<void>();
  const reader = new RtspReader({
    message: (message) => {
      if (message.kind === 'response') responses.push(message);
      read.emit();
    },
    packet: (channel) => {
      packets.push(channel);
      read.emit();
    },
  });
  socket.on('data', (bytes) => reader.push(bytes));
  const closed = once(socket, 'close');
  const base = `rtsp://127.0.0.1:${server.port}/studio?key=ok_right`;
  let sequence = 0;
  const ask = async (method: string, fields: RtspFields = {}, { url = base, body = '' } = {}) => {
    const wanted = responses.length + 1;
    const done = new Promise<void>((resolve) => {
      const stop = read.subscribe(() => {
        if (responses.length < wanted) return;
        stop();
        resolve();
      });
    });
    socket.write(printRequest(method, url, { CSeq: ++sequence, ...fields }, body));
    await Promise.race([done, closed]);
    return responses[wanted - 1];
  };
  const announce = (url = base, fields: RtspFields = {}, body = OPUS_SDP) => ask('ANNOUNCE', fields, { url, body });
  const setUp = (Transport: string) => ask('SETUP', { Transport }, { url: `${base}/track1` });
  const until = (done: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      const stop = read.subscribe(() => {
        if (!done()) return;
        stop();
        resolve();
      });
      read.emit();
    });
  return {
    ...opened,
    clock,
    server,
    socket,
    closed,
    packets,
    ask,
    announce,
    setUp,
    base,
    untilRead: until,
    async [Symbol.asyncDispose]() {
      socket.destroy();
      await server.close();
    },
  };
}

const INTERLEAVED = 'RTP/AVP/TCP;unicast;interleaved=0-1;mode=record';

/** 20 ms of Opus in RTP. */
function opusPacket(sequence: number): Uint8Array {
  const bytes = Buffer.alloc(16, 0xfc);
  bytes.set([0x80, 96]);
  bytes.writeUInt16BE(sequence, 2);
  bytes.writeUInt32BE(960 * sequence, 4);
  return bytes;
}

test('an encoder announces, sets up, records and tears down; RTCP goes back to it (RFC 2326 10)', async () => {
  await using client = await open();
  assert.match((await client.ask('OPTIONS'))!.headers.get('public')!, /ANNOUNCE.*RECORD/);
  assert.equal((await client.announce(client.base, { 'User-Agent': 'Encoder/1' }))!.status, 200);
  const setUp = await client.setUp(INTERLEAVED);
  assert.equal(setUp!.headers.get('transport'), INTERLEAVED);
  assert.match(setUp!.headers.get('session')!, /^[\da-f]{16};timeout=60$/);
  assert.equal((await client.ask('RECORD'))!.status, 200);
  for (let i = 0; i < 10; i++) client.socket.write(printPacket(0, opusPacket(i)));
  await client.until(() => client.calls.includes('frame'));
  client.clock.advance(1000);
  await client.untilRead(() => client.packets.includes(1));
  assert.equal(client.stats.encoder, 'Encoder/1');
  assert.equal((await client.ask('TEARDOWN'))!.status, 200);
  await client.closed;
  assert.equal(client.calls.at(-1), 'the client ended its session, over true');
  const { name, key, protocol } = client.request()!;
  assert.deepEqual([name, key, protocol], ['studio', 'ok_right', 'rtsp']);
});

test('datagrams that are read after TEARDOWN still count, though the encoder has closed its connection', async () => {
  await using client = await open();
  await client.announce();
  const { headers } = (await client.setUp('RTP/AVP;unicast;client_port=40000-40001;mode=record'))!;
  const port = Number(/server_port=(\d+)-/.exec(headers.get('transport')!)![1]);
  await client.ask('RECORD');
  const media = createSocket('udp4');
  media.connect(port, '127.0.0.1');
  await once(media, 'connect');
  client.socket.end(printRequest('TEARDOWN', client.base, { CSeq: 9 }));
  for (let i = 0; i < 10; i++) media.send(opusPacket(i));
  await client.until(() => client.calls.includes('the client ended its session, over true'));
  media.close();
  assert.deepEqual(client.calls.toSpliced(1, client.calls.length - 2), [
    'tracks',
    'the client ended its session, over true',
  ]);
  assert.equal(client.calls.filter((call) => call === 'frame').length, 10);
});

test('an encoder without a key has to send one; a wrong one is refused with the reason', async () => {
  await using client = await open();
  const url = `rtsp://127.0.0.1:${client.server.port}/studio`;
  const asked = await client.announce(url);
  assert.deepEqual([asked!.status, asked!.headers.get('www-authenticate')], [401, 'Basic realm="oxbow"']);
  const wrong = await client.announce(`${url}?key=ok_wrong`);
  assert.equal(wrong!.status, 403);
  assert.match(wrong!.reason, /^Unknown key\. Create a key/);
  const authorization = `Basic ${Buffer.from('me:ok_right').toString('base64')}`;
  assert.equal((await client.announce(url, { Authorization: authorization }))!.status, 200);
});

test('what is no description, or has nothing that oxbow takes, is refused', async () => {
  await using client = await open();
  assert.equal((await client.announce(client.base, {}, 'hello'))!.status, 400);
  const unsupported = await client.announce(client.base, {}, OPUS_SDP.replace('opus/48000/2', 'SPEEX/8000'));
  assert.equal(unsupported!.status, 422);
  assert.match(unsupported!.reason, /oxbow does not support Speex audio/);
});

test('requests out of order, of players, and for other transports are refused', async () => {
  await using client = await open();
  const statuses = [
    await client.ask('RECORD'),
    await client.setUp(INTERLEAVED),
    await client.ask('DESCRIBE'),
    await client.ask('PLAY'),
    await client.announce(),
    await client.announce(),
    await client.ask('RECORD'),
    await client.setUp('RTP/AVP;multicast'),
    await client.setUp('RTP/AVP;unicast;client_port=0-1'),
    await client.setUp('RTP/SAVP;unicast'),
    await client.ask('SETUP', { Transport: INTERLEAVED }, { url: 'rtsp://h/other' }),
    await client.setUp(INTERLEAVED),
    await client.setUp(INTERLEAVED),
  ];
  assert.deepEqual(
    statuses.map((response) => response!.status),
    [455, 455, 405, 405, 200, 455, 455, 461, 461, 461, 404, 200, 404],
  );
});

test('a publisher that is silent, or that oxbow ends, is disconnected', async () => {
  await using silent = await open();
  await silent.announce();
  await silent.setUp(INTERLEAVED);
  await silent.ask('RECORD');
  silent.clock.advance(10_000);
  await silent.closed;
  assert.equal(silent.calls.at(-1), 'no RTP packets came for 10 s, over false');
  await using ended = await open();
  await ended.announce();
  ended.ended.abort();
  await ended.closed;
});

test('what is no RTSP ends the connection, and a lost connection the session', async () => {
  await using wrong = await open();
  wrong.socket.write('GET / HTTP/1.1\r\n\r\n');
  await wrong.closed;
  await using lost = await open();
  await lost.announce();
  lost.socket.destroy();
  await lost.until(() => lost.calls.length > 0);
  assert.deepEqual(lost.calls, ['the connection of the publisher was lost, over false']);
});
