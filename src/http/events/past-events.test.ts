import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { WebSocket } from 'ws';
import type { PastEventsView } from '../../api/past-events.ts';
import { OxbowClient } from '../../client/client.ts';
import type { EventBus } from '../../cluster/bus/event-bus.ts';
import { createLocalEventBus } from '../../cluster/bus/local-event-bus.ts';
import { createManualClock } from '../../lib/clock.ts';
import { type OpenEventLog, openEventLog } from '../../store/event-log/event-log.ts';
import { openTemporaryStore } from '../../store/store.fixture.ts';
import { asAdmin, startTestServer, type TestServer, token } from '../fixture.ts';

suite('past events over HTTP', () => {
  const opened = new AsyncDisposableStack();
  let server: TestServer;
  let bus: EventBus;
  let log: OpenEventLog;
  before(async () => {
    const clock = createManualClock(Date.UTC(2026, 10, 19, 8));
    const failed = (error: unknown) => {
      throw error;
    };
    const { db } = opened.use(await openTemporaryStore());
    bus = createLocalEventBus({ clock, failed });
    const limits = { maxAgeMs: 86_400_000, maxEvents: 100_000, maxBytes: 64 * 1024 * 1024 };
    const options = { node: '', hasOneOrder: true, storesForeign: false, lost: failed };
    log = opened.use(await openEventLog({ db, bus, clock, limits, failed, ...options }));
    server = opened.use(await startTestServer({ events: bus, eventLog: log }));
  });
  after(() => opened.disposeAsync());

  async function publish(visibility: string, name: string = visibility): Promise<void> {
    bus.publish('stream.recording', { recording: true }, { name, visibility });
    await bus.flush();
    await log.flush();
  }
  async function page(query: string, headers: Record<string, string> = {}): Promise<PastEventsView> {
    const answer = await fetch(`${server.url}/api/v1/events?${query}`, { headers });
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get('cache-control'), 'no-store');
    return (await answer.json()) as PastEventsView;
  }
  const seen = async (query: string, headers: Record<string, string> = {}) =>
    (await page(query, headers)).items.map(({ stream, type }) => stream ?? type);

  test('each client gets what it may see, as it would have live', async () => {
    const from = `since=${await log.print(await log.newest())}`;
    for (const visibility of ['public', 'unlisted', 'private']) await publish(visibility);
    // It was public then, and is private now.
    await publish('public', 'private');
    bus.publish('room.created', { id: 'r', owner: 'token:1', visibility: 'public' });
    bus.publish('disk.low', { free: 1, total: 2 });
    bus.publish('server.ending', {});
    await bus.flush();
    await log.flush();
    assert.deepEqual(await seen(from), ['public', 'server.ending']);
    assert.deepEqual(await seen(`${from}&stream=unlisted`), ['unlisted']);
    assert.deepEqual(await seen(`${from}&stream=private`), []);
    assert.deepEqual(await seen(`${from}&types=disk.*`), []);
    const all = ['public', 'unlisted', 'private', 'private', 'room.created', 'disk.low', 'server.ending'];
    assert.deepEqual(await seen(from, asAdmin), all);
    assert.deepEqual(await seen(`${from}&types=disk.*`, asAdmin), ['disk.low']);
  });

  test('viewers get no past events about the past of a stream whose times were limited since', async () => {
    const since = `since=${await log.print(await log.newest())}`;
    bus.publish('marker.removed', { id: 'm' }, { name: 'public', visibility: 'public' });
    await publish('public');
    const { streams } = server.deps;
    const { pastRulesOf } = streams;
    Object.assign(streams, { pastRulesOf: () => ({ delayMs: 1000 }) });
    const types = async (headers: Record<string, string> = {}) =>
      (await page(since, headers)).items.map(({ type }) => type);
    assert.deepEqual(await types(), ['stream.recording']);
    assert.deepEqual(await types(asAdmin), ['marker.removed', 'stream.recording']);
    Object.assign(streams, { pastRulesOf });
    assert.deepEqual(await types(), ['marker.removed', 'stream.recording']);
  });

  test('a page that examines many events of others says that there is more, and the client comes through', async () => {
    const start = await log.newest();
    for (let number = 0; number < 12_000; number++) {
      bus.publish('disk.low', { free: number, total: 2 });
      if (number % 1000 === 0) {
        await bus.flush();
        await log.flush();
      }
    }
    await publish('public');
    const first = await page(`since=${await log.print(start)}`);
    assert.deepEqual([first.items, first.more], [[], true]);
    let second = await page(`since=${first.next}`);
    // Each page gets some thousand events further.
    while (second.items.length === 0 && second.more) second = await page(`since=${second.next}`);
    assert.deepEqual([second.items.map(({ stream }) => stream), second.more, second.lost], [['public'], false, 0]);
    const last = await page(`since=${second.next}`);
    assert.deepEqual([last.items, last.next, last.more], [[], second.next, false]);
  });

  test('the typed client reads pages', async () => {
    const client = new OxbowClient({ server: server.url, token });
    const since = await log.print(await log.newest());
    for (const name of ['a', 'b', 'c']) await publish('public', name);
    const first = await client.pastEvents({ since, limit: 2, types: ['stream.recording'] });
    const second = await client.pastEvents({ since: first.next, limit: 2, types: ['stream.recording'] });
    assert.deepEqual(
      [...first.items, ...second.items].map(({ stream }) => stream),
      ['a', 'b', 'c'],
    );
    await assert.rejects(client.pastEvents({ since: 'nonsense' }), { code: 'bad-request' });
    await assert.rejects(client.pastEvents({ since, stream: '../x' }), { code: 'bad-request' });
  });

  test('a WebSocket with `since` is refused', async () => {
    const socket = new WebSocket(`${server.url.replace('http', 'ws')}/api/v1/events?since=1000000000`);
    const { promise, resolve } = Promise.withResolvers<number | undefined>();
    socket.on('unexpected-response', (_, response) => resolve(response.statusCode));
    socket.on('error', () => undefined);
    assert.equal(await promise, 400);
  });
});
