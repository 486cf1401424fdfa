import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { openVirtualTime } from '../../../test/fixtures/virtual-time.ts';
import type { EventData, EventType } from '../../api/events.ts';
import { printRfc3339 } from '../../api/instant.ts';
import { createLocalEventBus } from '../../cluster/bus/local-event-bus.ts';
import type { Net } from '../../net/net.ts';
import { createSilentLog } from '../../observe/log.ts';
import { EdgePurges } from './edge-purges.ts';
import { HiddenCopies } from './hidden-copies.ts';

const asset = { id: 'k3v9', title: 'Film', state: 'ready', owner: 'admin' };
const clip = { id: 'c1', title: 'Clip', owner: 'admin' };
const stream = { title: '', record: true, origin: 'api' } as const;

/** Edges `a` and `b` in front of a server; `down` ones answer 503. */
async function openEdges(time: ReturnType<typeof openVirtualTime>, urls = ['http://a.example', 'http://b.example/x/']) {
  const down = new Set<string>();
  const requests: string[] = [];
  const net: Pick<Net, 'fetch'> = {
    async fetch(target, { post, headers }) {
      const url = new URL(target);
      assert.equal(headers?.authorization, 'Bearer secret');
      const isDown = down.has(url.hostname);
      requests.push(`${url.host}${url.pathname} ${Buffer.from(post!).toString()}${isDown ? ' down' : ''}`);
      return {
        status: isDown ? 503 : 200,
        headers: {},
        url,
        body: async () => Buffer.alloc(0),
        pieces: () => assert.fail('not read in pieces'),
        stream: () => assert.fail('not read as a stream'),
        [Symbol.dispose]() {},
      };
    },
  };
  const edges = new EdgePurges({ settings: { now: { edges: { urls, token: 'secret' } } }, net });
  const ending = new AbortController();
  const failed = (error: unknown) => assert.fail(String(error));
  const { clock } = time;
  const bus = createLocalEventBus({ clock, failed });
  const flush = () => bus.flush();
  const rules = new Set<string>();
  const hasRules = (name: string) => rules.has(name);
  const copies = new HiddenCopies({
    edges,
    hasRules,
    assetHasRules: async (id: string) => rules.has(`asset ${id}`),
    flush,
    clock,
    log: createSilentLog(),
    signal: ending.signal,
    failed,
  });
  await bus.subscribe({ event: (published) => copies.received(published) });
  /** What edges are asked after an event. */
  const after = async <T extends EventType>(type: T, data: EventData<T>, visibility = 'public') => {
    requests.length = 0;
    const isOfStream = type.startsWith('stream.');
    bus.publish(type, data, ...(isOfStream ? [{ name: 'door', visibility }] : []));
    await time.runFor(1);
    return requests.map((request) => request.replace('/edge/purge', ''));
  };
  return { after, requests, down, copies, rules, ending };
}

suite('edges in front of this server', () => {
  test('are purged of what is deleted or closed to others, in their order, and of nothing else', async () => {
    using time = openVirtualTime();
    const { after, rules, copies } = await openEdges(time);
    const both = (body: string) => [`a.example ${body}`, `b.example/x ${body}`];
    for (const purged of [true, false])
      assert.deepEqual(
        await after('asset.deleted', { ...asset, visibility: 'public', purged }),
        both('{"asset":"k3v9"}'),
      );
    const changed = (visibility: string) => after('asset.changed', { ...asset, visibility, trash: false });
    assert.deepEqual(await changed('private'), both('{"asset":"k3v9"}'));
    assert.deepEqual([await changed('public'), await changed('unlisted')], [[], []]);
    rules.add('asset k3v9');
    const ofRules = both('{"asset":"k3v9"}');
    assert.deepEqual(await changed('public'), ofRules, 'the network of a client decides from now on');
    assert.equal((await copies.begunFor('asset', 'k3v9'))?.state, 'done');
    assert.deepEqual(await after('clip.deleted', { ...clip, visibility: 'public' }), both('{"prefix":"/c/c1/"}'));
    assert.deepEqual(await after('clip.changed', { ...clip, visibility: 'private' }), both('{"prefix":"/c/c1/"}'));
    assert.deepEqual(await after('clip.changed', { ...clip, visibility: 'unlisted' }), []);
    for (const visibility of ['private', 'signed'] as const)
      assert.deepEqual(await after('stream.changed', { ...stream, visibility }, visibility), both('{"stream":"door"}'));
    assert.deepEqual(await after('stream.changed', { ...stream, visibility: 'public' }), []);
    rules.add('door');
    const ruled = await after('stream.changed', { ...stream, visibility: 'public' });
    assert.deepEqual(ruled, both('{"stream":"door"}'), 'the network of a client decides from now on');
    assert.deepEqual(await after('stream.removed', { recordings: 'keep' }), both('{"stream":"door"}'));
    assert.deepEqual(await after('asset.ready', { ...asset, visibility: 'private', trash: false }), []);
  });

  test('are asked again until each has confirmed, with those behind it; one that is down keeps no other waiting', async () => {
    using time = openVirtualTime();
    const { after, requests, down, copies } = await openEdges(time);
    down.add('a.example');
    const first = await after('asset.deleted', { ...asset, visibility: 'public', purged: true });
    assert.deepEqual(first, ['a.example {"asset":"k3v9"} down', 'b.example/x {"asset":"k3v9"}']);
    await time.runFor(5000);
    assert.equal(requests.length, 4);
    down.clear();
    await time.runFor(10_000);
    assert.deepEqual(requests.length, 6, 'the one behind it too: it may have taken an old copy meanwhile');
    await time.settled('the purge', copies.settled());
    await time.runFor(600_000);
    assert.equal(requests.length, 6);
  });

  test('that are away for long are given up, and a stop ends the wait', async () => {
    using time = openVirtualTime();
    const { after, down, copies, ending, requests } = await openEdges(time);
    down.add('b.example');
    await after('stream.removed', { recordings: 'delete' });
    ending.abort();
    await time.settled('the stop', copies.settled());
    const away = await openEdges(time);
    away.down.add('b.example');
    await away.after('stream.removed', { recordings: 'delete' });
    await time.runFor(3 * 3_600_000);
    assert.equal(
      away.requests.filter((one) => one.startsWith('b.')).length,
      123,
      'for two hours, each minute in the end',
    );
    assert.equal(away.requests.filter((one) => one.startsWith('a.')).length, 1, 'it has confirmed');
    const [purge] = away.copies.list();
    assert.deepEqual([purge?.state, purge?.edges.map(({ state }) => state)], ['failed', ['confirmed', 'waiting']]);
    assert.ok(purge!.doneAt! <= purge!.givesUpAt);
    assert.equal(requests.length, 2);
  });

  test('say which of them have confirmed, when, why the others have not, and until when they are asked', async () => {
    using time = openVirtualTime();
    const { after, down, copies } = await openEdges(time);
    const startMs = time.clock.nowMs();
    const timeAt = (ms: number) => printRfc3339(startMs + ms);
    down.add('a.example');
    await after('stream.removed', { recordings: 'keep' });
    const purge = await copies.begunFor('stream', 'door');
    const problem = 'what it takes copies from has not confirmed';
    assert.deepEqual(purge, {
      id: purge!.id,
      kind: 'stream',
      name: 'door',
      state: 'running',
      nodes: [],
      startedAt: timeAt(0),
      givesUpAt: timeAt(7_200_000),
      doneAt: null,
      edges: [
        { url: 'http://a.example', state: 'waiting', confirmedAt: null, problem: 'the edge answers 503' },
        { url: 'http://b.example/x/', state: 'purged', confirmedAt: null, problem },
      ],
    });
    down.clear();
    await time.runFor(4999);
    const [done] = copies.list();
    assert.deepEqual([done?.state, done?.doneAt], ['done', timeAt(5000)]);
    for (const edge of done!.edges) {
      assert.deepEqual([edge.state, edge.confirmedAt, edge.problem], ['confirmed', timeAt(5000), '']);
    }
    assert.equal(await copies.begunFor('asset', 'door'), undefined);
    await time.runFor(5001);
    assert.equal(await copies.begunFor('stream', 'door'), undefined, 'that of an earlier request');
  });

  test('are listed newest first, also when they have confirmed', async () => {
    using time = openVirtualTime();
    const { after, copies } = await openEdges(time);
    for (let at = 0; at < 3; at++) {
      await after('asset.deleted', { ...asset, id: `a${at}`, visibility: 'public', purged: true });
    }
    assert.deepEqual(
      copies.list().map(({ name, state }) => `${name} ${state}`),
      ['a2 done', 'a1 done', 'a0 done'],
    );
  });

  test('are none: nothing is asked', async () => {
    using time = openVirtualTime();
    const { after } = await openEdges(time, []);
    assert.deepEqual(await after('stream.removed', { recordings: 'delete' }), []);
  });
});
