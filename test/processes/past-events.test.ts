/**
 * Past events of a server of several processes, with the SQLite file that they share.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PastEventsView } from '../../src/api/past-events.ts';
import { subscribeBySse } from '../../src/http/events/subscriber.fixture.ts';
import { openFolder, startPlainServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';

const adminToken = 'let-me-in-please';
const skip = process.platform === 'linux' ? false : 'several processes are for Linux';
const NAMES = ['a', 'b', 'c', 'd'];

test('after a restart subscribers of any process continue behind the last id, and pages have every event once', {
  skip,
}, async () => {
  await using folder = await openFolder('past-events');
  const start = () => startPlainServer({ data: folder.path, adminToken, args: ['--processes', '2'] });
  // A request reaches any of the processes.
  const headers = { 'content-type': 'application/json', connection: 'close' };
  let server = await start();
  try {
    for (const name of NAMES) {
      const body = JSON.stringify({ name, source: { type: 'push' }, visibility: 'public' });
      assert.equal((await server.fetch('/api/v1/streams', { method: 'POST', headers, body })).status, 201);
    }
    const created = async () => {
      const answer = await server.fetch('/api/v1/events?types=stream.created&since=1000000000', { headers });
      return ((await answer.json()) as PastEventsView).items;
    };
    const stored = await until('all are stored', async () => {
      const items = await created();
      return items.length === NAMES.length && items;
    });
    assert.deepEqual(stored.map(({ stream }) => stream).toSorted(), NAMES);
    const ids = stored.map(({ id }) => id).toSorted();
    await server.stop();
    server = await start();
    assert.deepEqual(await created(), stored);
    const subscribers = Array.from({ length: 6 }, async () => {
      const events = await subscribeBySse(`${server.url}/api/v1/events?types=stream.created`, {
        'last-event-id': ids[0]!,
        connection: 'close',
      });
      const received = [await events.next(), await events.next(), await events.next(), await events.next()];
      events.close();
      return received.map(({ type, id }) => (type === 'events.ready' ? type : id));
    });
    for (const received of await Promise.all(subscribers))
      assert.deepEqual(received, ['events.ready', ...ids.slice(1)]);
  } finally {
    await server.stop();
  }
});
