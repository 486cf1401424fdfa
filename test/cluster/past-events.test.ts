/**
 * Past events of several nodes with one database: a reader misses none, whichever node it asks and whichever
 * node dies.
 */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import type { PastEventsView } from '../../src/api/past-events.ts';
import { subscribeBySse } from '../../src/http/events/subscriber.fixture.ts';
import { needPostgres } from '../fixtures/engines/postgres.ts';
import { need } from '../fixtures/need.ts';
import { until } from '../fixtures/wait.ts';
import { ADMIN, openCluster, type TestCluster, type TestNode } from './cluster.fixture.ts';

const skip = needPostgres() || need('redis-server');
const json = { 'content-type': 'application/json' };
const admin = { authorization: `Bearer ${ADMIN}` };
const EACH = 12;

suite('past events of two nodes', { skip }, () => {
  let cluster: TestCluster;
  let a: TestNode;
  let b: TestNode;
  before(async () => {
    cluster = await openCluster({ isProxied: false });
    [a, b] = await Promise.all([cluster.start('a'), cluster.start('b')]);
  });
  after(() => cluster?.[Symbol.asyncDispose]());

  async function createStreams({ server, name }: TestNode, from: number): Promise<void> {
    for (let number = from; number < from + EACH; number++) {
      const body = JSON.stringify({ name: `${name}${number}`, source: { type: 'push' }, visibility: 'public' });
      const made = await server.fetch('/api/v1/streams', { method: 'POST', headers: json, body });
      assert.equal(made.status, 201, await made.text());
    }
  }
  const namesOf = (from: number) =>
    ['a', 'b'].flatMap((node) => Array.from({ length: EACH }, (_, index) => `${node}${from + index}`)).toSorted();

  test('a reader that follows a cursor from node to node gets each event once, and live ones have the same ids', async () => {
    const live = await subscribeBySse(`${a.server.url}/api/v1/events?types=stream.created`, admin);
    await live.next();
    const read: { readonly id: string; readonly stream: string | null }[] = [];
    let since = '1000000000';
    const created = Promise.all([createStreams(a, 0), createStreams(b, 0)]);
    await until('all are read', async () => {
      for (const { server } of [a, b]) {
        const part = await server.json<PastEventsView>(`/api/v1/events?types=stream.created&limit=5&since=${since}`);
        read.push(...part.items);
        since = part.next;
      }
      return read.length >= 2 * EACH;
    });
    await created;
    assert.deepEqual(read.map(({ stream }) => stream).toSorted(), namesOf(0), 'each once');
    const ids: string[] = [];
    for (let left = 2 * EACH; left > 0; left--) ids.push((await live.next()).id);
    live.close();
    assert.deepEqual(read.map(({ id }) => id).toSorted(), ids);
  });

  test('what a node has stored before it was killed is answered by the others, and by itself when it is back', async () => {
    const { next } = await a.server.json<PastEventsView>('/api/v1/events?limit=1000&since=1000000000');
    await Promise.all([createStreams(a, EACH), createStreams(b, EACH)]);
    const createdAt = async ({ server }: TestNode) => {
      const view = await server.json<PastEventsView>(`/api/v1/events?limit=1000&types=stream.created&since=${next}`);
      return view.items.map(({ stream }) => stream);
    };
    const stored = await until('all are stored', async () => {
      const names = await createdAt(a);
      return names.length === 2 * EACH && names;
    });
    assert.deepEqual(stored.toSorted(), namesOf(EACH));
    await b.server.stop('SIGKILL');
    assert.deepEqual(await createdAt(a), stored);
    b = await cluster.start('b');
    assert.deepEqual(await createdAt(b), stored, 'in the same order');
  });
});
