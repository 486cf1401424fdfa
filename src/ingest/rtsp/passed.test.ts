import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { printPacket, printRequest, type RtspFields } from '@oxbow/wire/rtsp/message';
import { RtspReader } from '@oxbow/wire/rtsp/message-reader';
import { OPUS_SDP } from '@oxbow/wire/rtsp/server.fixture';
import { createTestLinks } from '../../cluster/processes/passed-clients.fixture.ts';
import { createManualClock } from '../../lib/clock.ts';
import { createSilentLog } from '../../observe/log.ts';
import { type PublishAccess, type PublishRequest, StreamElsewhere } from '../publish-access.ts';
import { createPublisherStats } from '../publisher-stats.ts';
import { openRtspServer } from './rtsp-server.ts';

/** A process with its requests to publish. */
async function openProcess(link: ReturnType<ReturnType<typeof createTestLinks>>, owner?: string) {
  const requests: PublishRequest[] = [];
  const firstFrame = Promise.withResolvers<void>();
  const publisher = {
    connection: { stats: createPublisherStats(), isOver: false },
    signal: new AbortController().signal,
    startTracks() {},
    publish: () => firstFrame.resolve(),
    leftOut() {},
    close() {},
  };
  const access = {
    async publish(request: PublishRequest) {
      requests.push(request);
      if (owner !== undefined) throw new StreamElsewhere(owner);
      return publisher;
    },
  } as unknown as PublishAccess;
  const server = await openRtspServer({
    listen: { address: '127.0.0.1', port: 0 },
    siblings: link,
    access,
    assemblyMs: 500,
    clock: createManualClock(),
    log: createSilentLog(),
  });
  return { server, requests, firstFrame: firstFrame.promise, [Symbol.asyncDispose]: () => server.close() };
}

/** 20 ms of Opus in RTP. */
function opusPacket(sequence: number): Uint8Array {
  const bytes = Buffer.alloc(16, 0xfc);
  bytes.set([0x80, 96]);
  bytes.writeUInt16BE(sequence, 2);
  bytes.writeUInt32BE(960 * sequence, 4);
  return bytes;
}

test('an encoder whose stream another process has publishes there, and gets each answer once', async () => {
  const linkOf = createTestLinks();
  await using two = await openProcess(linkOf('two'));
  await using one = await openProcess(linkOf('one'), 'two');
  const socket = connect(one.server.port, '127.0.0.1');
  await once(socket, 'connect');
  const answers: string[] = [];
  const answered = Promise.withResolvers<void>();
  const reader = new RtspReader({
    message(message) {
      if (message.kind === 'response') answers.push(`${message.headers.get('cseq')} ${message.status}`);
      if (answers.length === 5) answered.resolve();
    },
    packet() {},
  });
  socket.on('data', (bytes) => reader.push(bytes));
  const url = `rtsp://127.0.0.1:${one.server.port}/studio`;
  const key = '?key=ok_right';
  let sequence = 0;
  const print = (method: string, fields: RtspFields = {}, path = key, body = '') =>
    printRequest(method, url + path, { CSeq: ++sequence, ...fields }, body);
  socket.write(print('OPTIONS'));
  // Without a key first, as encoders do that send a password; then without waiting for answers.
  socket.write(print('ANNOUNCE', {}, '', OPUS_SDP));
  socket.write(
    Buffer.concat(
      [
        print('ANNOUNCE', {}, key, OPUS_SDP),
        print('SETUP', { Transport: 'RTP/AVP/TCP;unicast;interleaved=0-1;mode=record' }, `${key}/track1`),
        print('RECORD'),
      ].map((each) => Buffer.from(each)),
    ),
  );
  await answered.promise;
  assert.deepEqual(answers, ['1 200', '2 401', '3 200', '4 200', '5 200']);
  for (let number = 0; number < 10; number++) socket.write(printPacket(0, opusPacket(number)));
  await two.firstFrame;
  const remote = `127.0.0.1:${socket.localPort}`;
  for (const { requests } of [one, two]) {
    assert.deepEqual(
      requests.map((request) => [request.name, request.remote]),
      [['studio', remote]],
    );
  }
  assert.deepEqual([one.requests[0]?.canPass, two.requests[0]?.canPass], [true, false]);
  socket.destroy();
});
