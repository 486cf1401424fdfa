import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { afterEach, suite, test } from 'node:test';
import { connect as connectSecured } from 'node:tls';
import type { Frame } from '@oxbow/media/frame';
import { connectRtmp, type RtmpClient } from '@oxbow/wire/rtmp/client';
import { messageType } from '@oxbow/wire/rtmp/message';
import { TestPlayer } from '@oxbow/wire/rtmp/player.fixture';
import { makeCertificate } from '../../../test/fixtures/certificate.ts';
import { need } from '../../../test/fixtures/need.ts';
import { openFolder } from '../../../test/fixtures/server.ts';
import { createTestLinks } from '../../cluster/processes/passed-clients.fixture.ts';
import { OxbowError } from '../../lib/errors.ts';
import { createSilentLog } from '../../observe/log.ts';
import { createMetrics } from '../../observe/metrics.ts';
import { type PublishAccess, type PublishRequest, type ReadRequest, StreamElsewhere } from '../publish-access.ts';
import { createPublisherStats } from '../publisher-stats.ts';
import { ConnectionLimits } from './connection-limits.ts';
import { openRtmpServer, type RtmpServer, type RtmpServerSetup } from './server.ts';

const FRAMES = 3000;
const frameOf = (number: number) => Buffer.alloc(1 + (number % 700), number);

const allFrames = Buffer.concat(Array.from({ length: FRAMES }, (_, number) => frameOf(number)));

const servers: RtmpServer[] = [];
const clients = new Set<RtmpClient>();
afterEach(async () => {
  for (const client of clients) await client.close();
  clients.clear();
  for (const server of servers.splice(0)) await server.close();
});

/** Two processes; `two` has all streams. */
async function open(certificate?: RtmpServerSetup['certificate']) {
  const linkOf = createTestLinks();
  const requests: (readonly [process: string, PublishRequest | ReadRequest])[] = [];
  const frames: Buffer[] = [];
  const ended = Promise.withResolvers<string>();
  const publisher = {
    connection: { stats: createPublisherStats(), isOver: false },
    signal: new AbortController().signal,
    startTracks() {},
    publish: ({ data }: Frame) => void frames.push(Buffer.from(data)),
    leftOut() {},
    damage: (reason: string) => assert.fail(reason),
    close: ended.resolve,
  };
  const [one, two] = await Promise.all(
    ['one', 'two'].map(async (process) => {
      const answer = (request: PublishRequest | ReadRequest) => {
        requests.push([process, request]);
        if (process === 'one') throw new StreamElsewhere('two');
      };
      const access = {
        async publish(request: PublishRequest) {
          answer(request);
          return publisher;
        },
        async read(request: ReadRequest) {
          answer(request);
          throw new OxbowError('stream-unknown', 'There is no such stream.');
        },
      } as unknown as PublishAccess;
      const metrics = createMetrics();
      const server = await openRtmpServer({
        listen: { address: '127.0.0.1', port: 0 },
        siblings: linkOf(process),
        access,
        play: true,
        idleMs: 30_000,
        metrics,
        log: createSilentLog(),
        limits: new ConnectionLimits({ connections: 10, perAddress: 10, halfOpen: 10 }),
        certificate,
      });
      servers.push(server);
      return { server, metrics };
    }),
  );
  return { one: one!, two: two!, requests, frames, ended: ended.promise };
}

async function publish(socket: Duplex, protocol: string): Promise<RtmpClient> {
  const client = await connectRtmp({
    url: `${protocol}://127.0.0.1/live/studio?key=ok_1`,
    connect: async () => socket,
    signal: new AbortController().signal,
  });
  clients.add(client);
  await client.publish();
  return client;
}

async function sendFrames(client: RtmpClient): Promise<void> {
  client.write(messageType.audio, 0, Buffer.from('af001190', 'hex'));
  for (let number = 0; number < FRAMES; number++) {
    const body = Buffer.concat([Buffer.from('af01', 'hex'), frameOf(number)]);
    if (!client.write(messageType.audio, Math.round((number * 64) / 3), body))
      await new Promise((resolve) => setImmediate(resolve));
  }
  await client.close();
}

suite('clients of RTMP whose stream another process has', () => {
  test('a publisher is passed there with all its bytes, and keeps its address', async () => {
    const { one, two, requests, frames, ended } = await open();
    const socket = connect({ port: one.server.port, host: '127.0.0.1', noDelay: true });
    await once(socket, 'connect');
    const remote = `127.0.0.1:${socket.localPort}`;
    await sendFrames(await publish(socket, 'rtmp'));
    assert.equal(await ended, 'the publisher left');
    assert.deepEqual(
      requests.map(([process, { name, protocol, remote: from, canPass }]) => [process, name, protocol, from, canPass]),
      [
        ['one', 'studio', 'rtmp', remote, true],
        ['two', 'studio', 'rtmp', remote, false],
      ],
    );
    assert.ok(Buffer.concat(frames).equals(allFrames));
    assert.match(await one.metrics.print(), /oxbow_rtmp_ended_total\{protocol="rtmp",reason="passed"\} 1/);
    assert.doesNotMatch(await two.metrics.print(), /oxbow_rtmp_ended_total\{[^}]*reason="passed"/);
  });

  test('a publisher with TLS too', { skip: need('openssl') }, async () => {
    await using folder = await openFolder('passed');
    const pair = await makeCertificate(folder.path, 'one');
    const [cert, key] = await Promise.all([readFile(pair.cert), readFile(pair.key)]);
    const { one, requests, frames, ended } = await open({ cert, key });
    const socket = connectSecured({ port: one.server.port, host: '127.0.0.1', rejectUnauthorized: false });
    await once(socket, 'secureConnect');
    const remote = `127.0.0.1:${socket.localPort}`;
    await sendFrames(await publish(socket, 'rtmps'));
    assert.equal(await ended, 'the publisher left');
    assert.deepEqual(
      requests.map(([process, { protocol, remote: from }]) => [process, protocol, from]),
      [
        ['one', 'rtmps', remote],
        ['two', 'rtmps', remote],
      ],
    );
    assert.ok(Buffer.concat(frames).equals(allFrames));
  });

  test('a player gets the answer of the other process, and each answer once', async () => {
    const { one, requests } = await open();
    const player = await TestPlayer.connect(one.server.port, { playPath: 'studio' });
    await player.status('NetStream.Play.StreamNotFound');
    await player.closed;
    assert.deepEqual(
      requests.map(([process]) => process),
      ['one', 'two'],
    );
    assert.equal(player.statuses.length, 1);
  });

  test('a process that does not run closes the connection', async () => {
    const { one, two } = await open();
    await two.server.close();
    const player = await TestPlayer.connect(one.server.port, { playPath: 'studio' });
    await player.closed;
    assert.deepEqual(player.statuses, []);
  });
});
