import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { afterEach, suite, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { connectRtmp, type RtmpClient } from '@oxbow/wire/rtmp/client';
import { makeCertificate } from '../../../test/fixtures/certificate.ts';
import { need } from '../../../test/fixtures/need.ts';
import { openFolder } from '../../../test/fixtures/server.ts';
import { OxbowError } from '../../lib/errors.ts';
import { createSilentLog } from '../../observe/log.ts';
import { createMetrics } from '../../observe/metrics.ts';
import type { PublishAccess, PublishRequest } from '../publish-access.ts';
import { createPublisherStats } from '../publisher-stats.ts';
import { ConnectionLimits } from './connection-limits.ts';
import { openRtmpServer, type RtmpServer, type RtmpServerSetup } from './server.ts';
import { SuccessorChoice } from './successors.ts';

const OTHER = 'rtmp://b.example/live';
const opened: (RtmpServer | RtmpClient)[] = [];
afterEach(async () => {
  for (const each of opened.splice(0).toReversed()) await each.close();
});

test('each node gets as many publishers, and one that is encrypted goes only where it stays so', () => {
  const plain = ['rtmp://b/live'];
  const both = ['rtmps://c/live', 'rtmp://c/live'];
  const choice = new SuccessorChoice({ fixed: undefined, nodes: [plain, both] });
  assert.deepEqual(
    [1, 2, 3].map(() => choice.next('rtmp')),
    ['rtmp://b/live', 'rtmp://c/live', 'rtmp://b/live'],
  );
  assert.deepEqual(
    [1, 2].map(() => choice.next('rtmps')),
    ['rtmps://c/live', 'rtmps://c/live'],
  );
  assert.equal(new SuccessorChoice({ fixed: undefined, nodes: [plain] }).next('rtmps'), undefined);
  assert.equal(new SuccessorChoice({ fixed: undefined, nodes: [['rtmps://d/live']] }).next('rtmp'), 'rtmps://d/live');
  assert.equal(new SuccessorChoice({ fixed: OTHER, nodes: [both] }).next('rtmp'), OTHER);
  const nowhere = new SuccessorChoice({ fixed: undefined, nodes: [] });
  assert.deepEqual([nowhere.isKnown('rtmp'), nowhere.next('rtmp')], [false, undefined]);
  const unencrypted = new SuccessorChoice({ fixed: undefined, nodes: [plain] });
  assert.deepEqual([unencrypted.isKnown('rtmp'), unencrypted.isKnown('rtmps')], [true, false]);
});

/** A server with its publishers, and what leads them. */
async function open(
  successors: RtmpServerSetup['successors'],
  beforePublish: (onMoving: PublishRequest['onMoving']) => Promise<void> | void = () => undefined,
  certificate?: RtmpServerSetup['certificate'],
) {
  const leaving = new AbortController();
  const connections: { isLedAway: boolean }[] = [];
  const sessions: AbortController[] = [];
  const access = {
    async publish({ signal, onMoving }: PublishRequest) {
      await beforePublish(onMoving);
      const ended = new AbortController();
      signal.addEventListener('abort', () => ended.abort());
      const connection = { stats: createPublisherStats(), isOver: false, isLedAway: false };
      connections.push(connection);
      sessions.push(ended);
      return { connection, signal: ended.signal, close() {} };
    },
  } as unknown as PublishAccess;
  const server = await openRtmpServer({
    listen: { address: '127.0.0.1', port: 0 },
    access,
    play: false,
    idleMs: 30_000,
    metrics: createMetrics(),
    log: createSilentLog(),
    limits: new ConnectionLimits({ connections: 10, perAddress: 10, halfOpen: 10 }),
    successors,
    leaving: leaving.signal,
    certificate,
  });
  opened.push(server);
  const publish = async (canBeLed = true) => {
    const led = Promise.withResolvers<string>();
    const { port } = server;
    const socket = certificate ? connectTls({ port, rejectUnauthorized: false }) : connect(port, '127.0.0.1');
    await once(socket, certificate ? 'secureConnect' : 'connect');
    const client = await connectRtmp({
      url: `rtmp://127.0.0.1:${server.port}/live/studio`,
      connect: async () => socket,
      signal: new AbortController().signal,
      ...(canBeLed && { onReconnect: led.resolve }),
    });
    opened.push(client);
    await client.publish();
    return { client, led: led.promise };
  };
  return { server, leaving, connections, sessions, publish };
}

suite('publishers of a server that leaves', () => {
  test('are led to another one when its drain begins, also those that come later; others stay', async () => {
    const { server, leaving, connections, publish } = await open(async () => ({ fixed: undefined, nodes: [[OTHER]] }));
    const [first, old] = [await publish(), await publish(false)];
    leaving.abort();
    assert.equal(await first.led, OTHER);
    const late = await publish();
    assert.equal(await late.led, OTHER);
    assert.deepEqual(
      connections.map(({ isLedAway }) => isLedAway),
      [true, false, true],
    );
    await Promise.all([first.client.close(), late.client.close()]);
    await server.close();
    assert.match(await old.client.closed, /AppShutdown/);
  });

  test('are led on too when they were accepted before their stream was here', async () => {
    const arrived = Promise.withResolvers<void>();
    const { leaving, connections, publish } = await open(
      async () => ({ fixed: undefined, nodes: [[OTHER]] }),
      (onMoving) => {
        onMoving?.();
        return arrived.promise;
      },
    );
    const early = await publish();
    leaving.abort();
    const late = await publish();
    arrived.resolve();
    assert.deepEqual(await Promise.all([early.led, late.led]), [OTHER, OTHER]);
    assert.deepEqual(
      connections.map(({ isLedAway }) => isLedAway),
      [true, true],
    );
  });

  test('stay up to its end where no other is known, and are asked once', async () => {
    let times = 0;
    const { server, leaving, publish } = await open(async () => {
      times++;
      return { fixed: undefined, nodes: [] };
    });
    const { client, led } = await publish();
    leaving.abort();
    const second = await publish();
    const { port } = server;
    const closing = server.close();
    assert.deepEqual(await Promise.all([led, second.led]), Array(2).fill(`rtmp://127.0.0.1:${port}/live`));
    await Promise.all([client.close(), second.client.close(), closing]);
    assert.equal(times, 2);
  });

  test('stay up to its end where the others are not encrypted, and their connection is', {
    skip: need('openssl'),
  }, async () => {
    await using folder = await openFolder('successors');
    const { cert, key } = await makeCertificate(folder.path, 'one');
    const files = { cert: await readFile(cert), key: await readFile(key) };
    const found = Promise.withResolvers<void>();
    const successors = async () => {
      setImmediate(found.resolve);
      return { fixed: undefined, nodes: [[OTHER]] };
    };
    const { server, leaving, connections, publish } = await open(successors, undefined, files);
    const first = await publish();
    leaving.abort();
    await found.promise;
    const late = await publish();
    assert.deepEqual(
      connections.map(({ isLedAway }) => isLedAway),
      [false, false],
      'they would come back to this server again and again',
    );
    const closing = server.close();
    await Promise.all([first.led, late.led]);
    await Promise.all([first.client.close(), late.client.close(), closing]);
  });

  test('whose stream another node has taken are led there, then their connection ends', async () => {
    const asked: (string | undefined)[] = [];
    const { sessions, publish } = await open(async (only) => {
      asked.push(only);
      return { fixed: undefined, nodes: [[OTHER]] };
    });
    const { client, led } = await publish();
    const reason = new OxbowError('publish-refused', 'Another node runs it.', { extra: { movedTo: 'b' } });
    sessions[0]!.abort(reason);
    assert.equal(await led, OTHER);
    assert.match(await client.closed, /NetStream.Publish.Denied/);
    assert.deepEqual(asked, ['b']);
    const old = await publish(false);
    sessions[1]!.abort(reason);
    assert.match(await old.client.closed, /NetStream.Publish.Denied/);
    assert.equal(asked.length, 1);
  });
});
