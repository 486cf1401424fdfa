/**
 * What viewers have of several nodes: other viewers, messages on phones, televisions.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, suite, test } from 'node:test';
import type { PeerDigestsView, PeersView } from '../../src/api/peers/peer-shapes.ts';
import type { PushView } from '../../src/api/push/push-shapes.ts';
import type { PairingState, PairingView } from '../../src/api/television/television-shapes.ts';
import { claimsOf, PushBrowser } from '../../src/features/push/push-browser.fixture.ts';
import { openPushReceiver, type PushReceiver } from '../fixtures/clients/push-receiver.ts';
import { ViewerSocket } from '../fixtures/clients/viewer-socket.ts';
import { needPostgres } from '../fixtures/engines/postgres.ts';
import { need } from '../fixtures/need.ts';
import { startEdge } from '../fixtures/proxies/edge.ts';
import { openFolder, smallPicture } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { ADMIN, openCluster, type TestCluster, type TestNode } from './cluster.fixture.ts';

const skip = needPostgres() || need('redis-server') || need('openssl') || need('ffmpeg');

suite('viewers of several nodes', { skip }, () => {
  const opened = new AsyncDisposableStack();
  let cluster: TestCluster;
  let receiver: PushReceiver;
  let a: TestNode;
  let b: TestNode;
  let cookie: string;

  before(async () => {
    const folder = opened.use(await openFolder('viewers'));
    receiver = opened.use(await openPushReceiver(folder.path));
    cluster = opened.use(await openCluster());
    const { args, env } = receiver.options;
    const options = { args: [...smallPicture, ...args, '--peers-enabled', 'true'], env, sample: false };
    a = await cluster.start('a', options);
    b = await cluster.start('b', options);
    cookie = cookieOf(await ask(a, 'POST', '/api/v1/sessions', { token: ADMIN }, { cookie: '' }));
  });
  after(() => opened.disposeAsync());

  /** A request of a browser, at a node. */
  async function ask(
    node: TestNode,
    method: string,
    path: string,
    body?: object,
    more: Record<string, string> = {},
  ): Promise<Response> {
    const session = { cookie, 'sec-fetch-site': 'same-origin', 'content-type': 'application/json' };
    Object.assign(session, more);
    // The name of a cookie has the port: before a load balancer all nodes have one.
    if (session.cookie) session.cookie = `oxbow-${new URL(node.server.url).port}=${session.cookie}`;
    const headers = Object.entries(session).filter(([, value]) => value);
    const response = await fetch(`${node.server.url}${path}`, {
      method,
      headers,
      ...(body && { body: JSON.stringify(body) }),
    });
    assert.ok(response.ok, `${method} ${path} at ${node.name}: ${response.status} ${await response.clone().text()}`);
    return response;
  }
  /** The secret of the session that an answer begins. */
  const cookieOf = (response: Response) => /^oxbow-\d+=([^;]+)/.exec(response.headers.get('set-cookie')!)![1]!;
  const get = async <T>(node: TestNode, path: string) => (await (await ask(node, 'GET', path)).json()) as T;
  const createStream = async (node: TestNode, name: string) => {
    const body = { name, source: { type: 'test' }, visibility: 'public', peerDelivery: true };
    await ask(node, 'POST', '/api/v1/streams', body);
    await node.server.stream(name, 'live');
  };
  const connect = async (node: TestNode, stream: string, name: string, address: string) => {
    const socket = await ViewerSocket.open(node.server.url, stream, name, address);
    assert.ok(socket instanceof ViewerSocket, `${name} at ${node.name}: ${socket}`);
    return opened.use(socket);
  };

  test('those of one stream find each other at whichever node their pages are, and are compared with it', async () => {
    await createStream(a, 'door');
    const near = await connect(a, 'door', 'near', '203.0.113.1');
    const far = await connect(b, 'door', 'far', '203.0.114.1');
    assert.equal(await near.announce(), 1);
    assert.equal(await far.announce(['1']), 2);
    near.answer(await near.offerFrom('far'));
    await until('far has its answer', () => far.received.some(({ answer }) => answer !== undefined));
    for (const node of [a, b]) {
      const { connected, socket } = await get<PeersView>(node, '/api/v1/streams/door/peers');
      assert.deepEqual([connected, socket], [2, '/api/v1/streams/door/peers/socket'], node.name);
    }
    const index = await (await ask(b, 'GET', '/live/door/index.m3u8')).text();
    const path = `/live/door/${/^[^#].*\.m3u8/m.exec(index)![0]}`;
    const [, msn] = await until('a segment', async () => /^(\d+)\.m4s/m.exec(await (await ask(b, 'GET', path)).text()));
    const media = path.slice(0, path.lastIndexOf('/'));
    const bytes = await b.server.bytes(`${media}/${msn}.m4s`);
    const rendition = media.slice(media.lastIndexOf('/') + 1);
    const { items } = await get<PeerDigestsView>(
      b,
      `/api/v1/streams/door/peers/digests?rendition=${rendition}&from=${msn}`,
    );
    assert.deepEqual(items, [
      { msn: Number(msn), length: bytes.length, sha256: createHash('sha256').update(bytes).digest('base64') },
    ]);
  });

  test('reports from three networks count together, whichever nodes they come from; the liar is out at each', async () => {
    const liar = await connect(b, 'door', 'liar', '198.51.100.1');
    await liar.announce();
    const nodes = [a, b, a];
    for (const [i, node] of nodes.entries()) {
      const reporter = await connect(node, 'door', `reporter${i}`, `192.0.${i + 2}.1`);
      await until('the liar is introduced', async () => {
        await reporter.announce(['1', '2', '3', '4', '5']);
        reporter.report('liar');
        return liar.received.some(({ peer_id }) => String(peer_id).startsWith(`reporter${i}.`));
      });
      reporter.report('liar');
      await reporter.announce();
    }
    assert.equal(await liar.ended, 4010);
    for (const node of [a, b]) {
      assert.equal(await ViewerSocket.open(node.server.url, 'door', 'again', '198.51.100.1'), 409, node.name);
    }
  });

  test('a television polls one node, its person signs in and allows it at another, at once', async () => {
    for (const [shown, allowed] of [
      [b, a],
      [a, b],
      [b, a],
    ] as const) {
      const anyone = { cookie: '', 'sec-fetch-site': '' };
      const pairing = (await (await ask(shown, 'POST', '/api/v1/televisions', {}, anyone)).json()) as PairingView;
      const claim = () => ask(shown, 'POST', '/api/v1/televisions/sessions', { secret: pairing.secret }, anyone);
      assert.deepEqual(await (await claim()).json(), { paired: false, opens: null } satisfies PairingState);
      const person = { cookie: cookieOf(await ask(allowed, 'POST', '/api/v1/sessions', { token: ADMIN }, anyone)) };
      await ask(
        allowed,
        'POST',
        '/api/v1/televisions/approvals',
        { code: pairing.code, opens: '/tv/watch/door' },
        person,
      );
      const redeemed = await claim();
      assert.deepEqual(await redeemed.json(), { paired: true, opens: '/tv/watch/door' } satisfies PairingState);
      const television = { cookie: cookieOf(redeemed) };
      for (const node of [allowed, shown]) await ask(node, 'GET', '/api/v1/streams/door', undefined, television);
      await ask(allowed, 'DELETE', '/api/v1/sessions/current', undefined, person).catch(() => undefined);
    }
  });

  test('an edge before a node passes the connections of viewers, subscriptions and televisions', async () => {
    await using edge = await startEdge(b.server.url);
    const atEdge = { name: 'edge', server: { url: edge.url } } as TestNode;
    const pages: ViewerSocket[] = [];
    for (const [i, node] of [atEdge, a].entries()) {
      const page = await connect(node, 'door', `edge${i}`, `203.0.115.${i}`);
      await page.announce();
      pages.push(page);
    }
    await until('they are introduced', async () => {
      await pages[1]!.announce(['1', '2', '3', '4', '5']);
      return pages[0]!.received.some(({ peer_id }) => String(peer_id).startsWith('edge1.'));
    });
    for (const page of pages) page[Symbol.dispose]();
    const anyone = { cookie: '', 'sec-fetch-site': '' };
    const pairing = (await (await ask(atEdge, 'POST', '/api/v1/televisions', {}, anyone)).json()) as PairingView;
    assert.ok(pairing.url.startsWith(`${edge.url}/tv/link#`), pairing.url);
    await ask(a, 'POST', '/api/v1/televisions/approvals', { code: pairing.code, opens: '/tv' });
    const redeemed = await ask(atEdge, 'POST', '/api/v1/televisions/sessions', { secret: pairing.secret }, anyone);
    assert.equal(((await redeemed.json()) as PairingState).paired, true);
    const browser = new PushBrowser(`${receiver.url}/edge`);
    const subscription = await ask(atEdge, 'POST', '/api/v1/push/subscriptions', browser.subscription());
    const { id } = (await subscription.json()) as { id: string };
    await ask(atEdge, 'POST', `/api/v1/push/subscriptions/${id}/test`);
    await until('the test message', () => receiver.messagesFor(browser).length > 0);
    await ask(atEdge, 'DELETE', `/api/v1/push/subscriptions/${id}`);
  });

  test('a browser that subscribed at one node gets each message once, also over the end of a node', async () => {
    const browser = new PushBrowser(`${receiver.url}/one`);
    await ask(b, 'POST', '/api/v1/push/subscriptions', browser.subscription());
    const keys = await Promise.all([a, b].map(async (node) => (await get<PushView>(node, '/api/v1/push')).publicKey));
    assert.equal(keys[0], keys[1]);
    const liveOf = (name: string) =>
      receiver.messagesFor(browser).filter(({ message }) => message.kind === 'live' && message.stream === name);
    await createStream(a, 'first');
    await createStream(b, 'second');
    for (const name of ['first', 'second']) {
      const [sent] = await until(`a message about ${name}`, () => liveOf(name).length > 0 && liveOf(name));
      claimsOf(sent!, keys[0]!);
    }
    await until('some of it is recorded', async () => (await a.server.stream('first')).recorded.seconds > 2);
    await a.server.stop('SIGKILL');
    await b.server.stream('first', 'live', 60_000);
    await createStream(b, 'third');
    await until('a message about the third', () => liveOf('third').length > 0);
    assert.deepEqual(
      ['door', 'first', 'second', 'third'].map((name) => liveOf(name).length),
      [0, 1, 1, 1],
    );
  });
});
