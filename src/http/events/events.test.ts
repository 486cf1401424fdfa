import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, before, suite, test } from 'node:test';
import { WebSocket } from 'ws';
import { OxbowClient } from '../../client/client.ts';
import type { EventBus } from '../../cluster/event-bus.ts';
import { asAdmin, startTestServer, type TestServer } from '../fixture.ts';
import { subscribeBySse, subscribeByWebSocket, type TestSubscriber } from './subscriber.fixture.ts';

/** Id of the newest event. */
async function lastIdOf(bus: EventBus): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const { close } = await bus.subscribe({ begin: ({ lastId }) => resolve(lastId), event() {} });
  close();
  return promise;
}

const tellRecording = (bus: EventBus, visibility: string, recording = true) =>
  bus.publish('stream.recording', { recording }, { name: visibility, visibility });

for (const [way, listen] of [
  ['SSE', subscribeBySse],
  ['WebSocket', subscribeByWebSocket],
] as const) {
  suite(`events over ${way}`, () => {
    let server: TestServer;
    let address: string;
    const subscribers: TestSubscriber[] = [];
    const open = async (query = '', headers: Record<string, string> = {}) => {
      const subscriber = await listen(`${address}${query}`, headers);
      subscribers.push(subscriber);
      return subscriber;
    };
    before(async () => {
      server = await startTestServer();
      address = `${server.url}/api/v1/events`;
    });
    after(async () => {
      for (const subscriber of subscribers) subscriber.close();
      await server[Symbol.asyncDispose]();
    });
    const bus = () => server.deps.events;

    test('who listens is greeted with the newest id, and then matches what happens', async () => {
      const subscriber = await open();
      const ready = await subscriber.next();
      assert.deepEqual([ready.type, ready.id, ready.data], ['events.ready', await lastIdOf(bus()), { replayed: 0 }]);
      tellRecording(bus(), 'public');
      const { id, type, stream, data } = await subscriber.next();
      assert.deepEqual(
        [id, type, stream, data],
        [await lastIdOf(bus()), 'stream.recording', 'public', { recording: true }],
      );
    });

    test('a connection that was lost goes on without a hole behind the last id, and from another boot it says reset', async () => {
      const subscriber = await open();
      await subscriber.next();
      tellRecording(bus(), 'public');
      const { id } = await subscriber.next();
      subscriber.close();
      tellRecording(bus(), 'public', false);
      bus().publish('disk.low', { free: 1, total: 2 });
      tellRecording(bus(), 'public', true);
      const again = await open(`?after=${id}`);
      const heard = [await again.next(), await again.next(), await again.next()];
      assert.deepEqual(
        heard.map(({ type, data }) => [type, data]),
        [
          ['events.ready', { replayed: 2 }],
          ['stream.recording', { recording: false }],
          ['stream.recording', { recording: true }],
        ],
      );
      const lost = await (await open('?after=000000001-0000001')).next();
      assert.deepEqual([lost.type, lost.id], ['events.reset', await lastIdOf(bus())]);
    });

    test('anyone matches of public streams, of unlisted ones by name, of private ones and jobs as an administrator alone', async () => {
      const all = async (query: string, headers: Record<string, string>) => {
        const subscriber = await open(query, headers);
        const { data } = await subscriber.next();
        const heard: string[] = [];
        for (let left = data.replayed as number; left > 0; left--) {
          const { type, stream } = await subscriber.next();
          heard.push(stream ?? type);
        }
        return heard;
      };
      const from = `after=${await lastIdOf(bus())}`;
      for (const visibility of ['public', 'unlisted', 'private']) tellRecording(bus(), visibility);
      // Told while it was public, and private now.
      bus().publish('stream.recording', { recording: true }, { name: 'private', visibility: 'public' });
      bus().publish('job.created', { id: '1', kind: 'export', state: 'queued', progress: 0 });
      bus().publish('server.ending', {});
      assert.deepEqual(await all(`?${from}`, {}), ['public', 'server.ending']);
      assert.deepEqual(await all(`?${from}&stream=unlisted`, {}), ['unlisted']);
      assert.deepEqual(await all(`?${from}&stream=private`, {}), []);
      assert.deepEqual(await all(`?${from}&types=job.*,server.ending`, { authorization: 'Bearer wrong' }), [
        'server.ending',
      ]);
      assert.deepEqual(await all(`?${from}`, asAdmin), [
        ...['public', 'unlisted', 'private', 'private'],
        ...['job.created', 'server.ending'],
      ]);
      assert.deepEqual(await all(`?${from}&types=job.*`, asAdmin), ['job.created']);
    });

    test('whoever closes is not told any more and counted no longer', async () => {
      const gauge = async () => Number(/^oxbow_event_listeners (\d+)$/m.exec(await server.deps.metrics.print())?.[1]);
      const before = await gauge();
      const subscriber = await open();
      await subscriber.next();
      assert.equal(await gauge(), before + 1);
      subscriber.close();
      while ((await gauge()) > before) await new Promise(setImmediate);
    });
  });
}

suite('events', () => {
  test('an event of no such name is refused with the names there are, over both ways', async () => {
    await using server = await startTestServer();
    const path = '/api/v1/events?types=stream.nonsense';
    const refused = await fetch(server.url + path);
    assert.equal(refused.status, 400);
    assert.match(((await refused.json()) as { hint: string }).hint, /stream\.gap/);
    const socket = new WebSocket(server.url.replace('http', 'ws') + path);
    const [, response] = await once(socket, 'unexpected-response');
    assert.equal(response.statusCode, 400);
    socket.on('error', () => {}); // it was refused, and says so once more
    socket.terminate();
    const head = await fetch(`${server.url}/api/v1/events`, { method: 'HEAD' });
    assert.deepEqual([head.status, await head.text()], [200, '']);
  });

  test('a browser that comes back tells the last id by its header', async () => {
    await using server = await startTestServer();
    const { events } = server.deps;
    const before = await lastIdOf(events);
    events.publish('server.ending', {});
    const subscriber = await subscribeBySse(`${server.url}/api/v1/events?after=${await lastIdOf(events)}`, {
      'last-event-id': before,
    });
    assert.deepEqual((await subscriber.next()).data, { replayed: 1 });
    subscriber.close();
  });

  test('the typed client matches the same, and comes back where it left', async () => {
    await using server = await startTestServer();
    const { events } = server.deps;
    const client = new OxbowClient({ server: server.url });
    const heard: unknown[] = [];
    let last = '';
    for await (const event of client.events({ types: ['server.ending'] })) {
      heard.push(event.type);
      if (event.type === 'events.ready') events.publish('server.ending', {});
      else break;
      last = event.id;
    }
    events.publish('disk.ok', { free: 1, total: 2 });
    for await (const event of client.events({ after: last })) {
      heard.push(event.type);
      if (event.type === 'server.ending') break;
    }
    assert.deepEqual(heard, ['events.ready', 'server.ending', 'events.ready', 'server.ending']);
  });

  test('a request to upgrade to anything else, or anywhere else, is answered as if it had not asked', async () => {
    await using server = await startTestServer();
    for (const [path, upgrade] of [
      ['/api/v1/time', 'websocket'],
      ['/api/v1/time', 'h2c'],
    ]) {
      const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
      socket.end(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: ${upgrade}\r\n\r\n`);
      const [answer] = (await once(socket, 'data')) as [Buffer];
      assert.match(String(answer), /^HTTP\/1\.1 200 /);
      socket.destroy();
    }
  });

  test('when oxbow ends, a socket is told 1001 and a body of events is whole', async () => {
    const server = await startTestServer();
    const address = `${server.url}/api/v1/events`;
    const { socket, next } = await subscribeByWebSocket(address);
    await next();
    const response = await fetch(address);
    const closed = once(socket, 'close');
    const text = response.text();
    await server[Symbol.asyncDispose]();
    assert.deepEqual((await closed)[0], 1001);
    assert.match(await text, /events\.ready/);
  });

  test('whoever takes nothing is cut off with 4008 and counted, and all others go on', async () => {
    await using server = await startTestServer();
    const { events, metrics } = server.deps;
    const address = `${server.url}/api/v1/events`;
    const slow = await subscribeByWebSocket(address);
    await slow.next();
    const quick = await subscribeByWebSocket(address);
    await quick.next();
    slow.socket.pause();
    const text = 'x'.repeat(100_000);
    const lost = async () => /^oxbow_event_listeners_lost_total 1$/m.test(await metrics.print());
    let told = 0;
    // As much as the system's own buffers take, and then some.
    while (!(await lost())) {
      events.publish('marker.added', { id: '1', at: '', text }, { name: 'public', visibility: 'public' });
      told++;
      assert.equal((await quick.next()).type, 'marker.added');
      assert.ok(told < 1000, 'nobody was cut off');
    }
    const closed = once(slow.socket, 'close');
    slow.socket.resume();
    assert.ok([4008, 1006].includes((await closed)[0]), 'told why, or cut off where it did not listen even to that');
    quick.close();
  });
});
