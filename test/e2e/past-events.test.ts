/**
 * Events of the last day are there after a restart and after kill -9, with the access rules of live events.
 */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import type { PastEventsView } from '../../src/api/past-events.ts';
import { subscribeBySse } from '../../src/http/events/subscriber.fixture.ts';
import { type Folder, openFolder, type Server, startPlainServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';

const adminToken = 'let-me-in-please';
const json = { 'content-type': 'application/json' };
const asAnyone = { authorization: '' };

suite('past events', () => {
  let folder: Folder;
  let server: Server;
  const start = () => startPlainServer({ data: folder.path, adminToken });
  before(async () => {
    folder = await openFolder('past-events');
    server = await start();
  });
  after(async () => {
    await server?.[Symbol.asyncDispose]();
    await folder?.[Symbol.asyncDispose]();
  });

  async function createStream(name: string, visibility: string): Promise<void> {
    const body = JSON.stringify({ name, source: { type: 'push' }, visibility });
    const made = await server.fetch('/api/v1/streams', { method: 'POST', headers: json, body });
    assert.equal(made.status, 201, await made.text());
  }
  const page = (query: string) => server.json<PastEventsView>(`/api/v1/events?${query}`);
  const created = ({ items }: PastEventsView) =>
    items.filter(({ type }) => type === 'stream.created').map(({ stream }) => stream);
  /** Everything from a place on, page by page. */
  async function readAll(since: string, query = ''): Promise<PastEventsView['items']> {
    const items: PastEventsView['items'] = [];
    for (let next = since, more = true; more; ) {
      const part = await page(`limit=2&since=${next}${query}`);
      assert.ok(part.items.length <= 2);
      items.push(...part.items);
      ({ next, more } = part);
    }
    return items;
  }

  test('what was stored is answered after kill -9, from a time, a cursor and an id, and a subscriber continues there', async () => {
    const from = String(Date.now() - 60_000);
    const events = await subscribeBySse(`${server.url}/api/v1/events?types=stream.created`);
    await events.next();
    await createStream('one', 'public');
    const first = await events.next();
    for (const name of ['two', 'three']) await createStream(name, 'public');
    await createStream('secret', 'private');
    const before = await until('all are stored', async () => {
      const view = await page(`since=${from}&types=stream.created`);
      assert.deepEqual(created(view), ['one', 'two', 'three', 'secret']);
      return view;
    });
    await server.stop('SIGKILL');
    server = await start();
    events.close();

    // What happens at the start is stored a moment later.
    const all = await until('both starts are stored', async () => {
      const view = await page(`since=${from}`);
      assert.deepEqual(created(view), ['one', 'two', 'three', 'secret']);
      return view.items.filter(({ type }) => type === 'server.starting').length === 2 && view;
    });
    assert.equal(all.lost, 0);
    const ids = all.items.map(({ id }) => id);
    assert.deepEqual(ids.toSorted(), ids, 'ids sort as text');
    const paged = await readAll(from);
    assert.deepEqual(paged.slice(0, all.items.length), all.items, 'pages have each event once');
    const behind = await readAll(first.id, '&types=stream.created');
    assert.deepEqual(
      behind.map(({ stream }) => stream),
      ['two', 'three', 'secret'],
    );
    await createStream('four', 'public');
    await until('what follows a cursor is what has happened since', async () => {
      assert.deepEqual(created(await page(`since=${before.next}`)), ['four']);
      return true;
    });
    const again = await subscribeBySse(`${server.url}/api/v1/events?types=stream.created`, {
      'last-event-id': first.id,
    });
    const ready = await again.next();
    assert.deepEqual([ready.type, ready.data], ['events.ready', { replayed: 3 }]);
    const names = [await again.next(), await again.next(), await again.next()].map(({ stream }) => stream);
    assert.deepEqual(names, ['two', 'three', 'four']);
    again.close();
  });

  test('a client gets past events of what it may see, and a stream that is private now is hidden', async () => {
    const from = 'since=1000000000';
    const anyone = async (query: string) => {
      const answer = await server.fetch(`/api/v1/events?${query}`, { headers: asAnyone });
      assert.equal(answer.headers.get('content-type'), 'application/json; charset=utf-8');
      return (await answer.json()) as PastEventsView;
    };
    assert.deepEqual(created(await anyone(from)), ['one', 'two', 'three', 'four']);
    assert.deepEqual(created(await anyone(`${from}&stream=secret`)), []);
    const body = JSON.stringify({ visibility: 'private' });
    const changed = await server.fetch('/api/v1/streams/two', {
      method: 'PATCH',
      headers: { 'content-type': 'application/merge-patch+json' },
      body,
    });
    assert.equal(changed.status, 200, await changed.text());
    const { items } = await anyone(from);
    assert.deepEqual(
      items.filter(({ stream }) => stream === 'two' || stream === 'secret'),
      [],
    );
    assert.deepEqual(created(await page(`${from}&stream=two`)), ['two']);
  });

  test('a wrong place is 400, one that is deleted or of another log is 410 with where to continue', async () => {
    const { next } = await page('since=1000000000');
    const problem = async (query: string) => {
      const answer = await server.fetch(`/api/v1/events?${query}`);
      return [answer.status, (await answer.json()) as Record<string, string>] as const;
    };
    for (const query of ['since=yesterday', `since=${next}0000`, `since=${next}&after=x`, 'limit=3', 'since=']) {
      assert.equal((await problem(query))[0], 400, query);
    }
    const [status, gone] = await problem(`since=${next.replace(/^c.{9}/, 'c000000001')}`);
    assert.deepEqual([status, gone.code], [410, 'events-gone']);
    assert.ok((await page(`since=${gone.oldest}`)).items.length > 0);
  });

  test('with `events.keep` 0 nothing is kept, and what was kept is deleted', async () => {
    await server.stop();
    server = await startPlainServer({ data: folder.path, adminToken, args: ['--events-keep', '0'] });
    const off = await server.fetch('/api/v1/events?since=1000000000');
    assert.deepEqual([off.status, ((await off.json()) as { code: string }).code], [410, 'events-gone']);
    await server.stop();
    server = await start();
    assert.deepEqual(created(await page('since=1000000000')), []);
  });
});
