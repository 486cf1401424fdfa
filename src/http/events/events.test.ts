import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, before, suite, test } from 'node:test';
import { WebSocket } from 'ws';
import { OxbowClient } from '../../client/client.ts';
import type { EventBus } from '../../cluster/bus/event-bus.ts';
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

    test('a subscriber first receives the newest id, then the events', async () => {
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

    test('a client that reconnects continues after the last id without a gap, and receives reset after a restart', async () => {
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

    test('events of public streams are for anyone, of unlisted ones by name, of private ones and jobs for administrators', async () => {
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
      // Published while the stream was public; it is private now.
      bus().publish('stream.recording', { recording: true }, { name: 'private', visibility: 'public' });
      bus().publish('job.created', { id: '1', kind: 'export', state: 'queued', progress: 0, parts: {}, subject: null });
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

    test('a client that closes receives nothing more and is no longer counted', async () => {
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
  test('an unknown event type is refused with the known ones, over SSE and WebSocket', async () => {
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

  test('a browser that reconnects sends the last id in a header', async () => {
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

  test('the typed client receives the same, and continues after reconnecting', async () => {
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

  test('a request to upgrade to another protocol, or at another path, is answered without an upgrade', async () => {
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

  test('when oxbow stops, a WebSocket is closed with 1001 and an SSE body is complete', async () => {
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

  test('a client that reads nothing is closed with 4008 and counted, and the others continue', async () => {
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
    let count = 0;
    // More than the socket buffers of the system hold.
    while (!(await lost())) {
      events.publish('marker.added', { id: '1', at: '', text }, { name: 'public', visibility: 'public' });
      count++;
      assert.equal((await quick.next()).type, 'marker.added');
      assert.ok(count < 1000, 'no client was cut off');
    }
    const closed = once(slow.socket, 'close');
    slow.socket.resume();
    assert.ok([4008, 1006].includes((await closed)[0]), 'closed with a reason, or destroyed without reading it');
    quick.close();
  });
});
