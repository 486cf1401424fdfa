import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { after, before, suite, test } from 'node:test';
import type { StreamView } from '../../api/shapes.ts';
import { refusalOf } from '../../features/rooms/sockets/room-client.fixture.ts';
import { textReply } from '../../http/fixture.ts';
import { sendRequest } from '../../http/request.fixture.ts';
import { nodeView, startNodes, streamsOf, type TestNode, type TestNodes } from './nodes.fixture.ts';

const alphabet = 'abcdefghijklmnopqrstuvwxyz';

suite('a node that does not answer', () => {
  let cluster: TestNodes;
  let one: TestNode;
  before(async () => {
    cluster = await startNodes(['one', 'two'], (name) => ({
      ...streamsOf(name, name === 'one' ? ['b'] : ['a'], []),
      answer: () => textReply(alphabet, { cacheControl: 'public, max-age=0', etag: 'v1' }),
    }));
    one = cluster.nodes[0]!;
    cluster.placements.give('stream', 'cam', 'two');
    cluster.placements.give('stream', 'b', 'one');
  });
  after(() => cluster?.[Symbol.asyncDispose]());

  test('is named in a 503 at once, for the API, media, pages of others and sockets; its copies are still served', async () => {
    assert.equal((await sendRequest(one.server, '/live/cam/v0/1.m4s')).status, 200);
    await cluster.nodes[1]!.server.close();
    for (const path of ['/api/v1/streams/cam', '/live/cam/v0/2.m4s', '/whep/cam/s1']) {
      const { status, headers, body } = await sendRequest(one.server, path);
      assert.deepEqual([status, headers['retry-after']], [503, '1'], path);
      const problem = JSON.parse(String(body)) as { code: string; node: string };
      assert.deepEqual([problem.code, problem.node], ['not-ready', 'two']);
    }
    cluster.placements.give('room', 'r1', 'two');
    assert.equal(await refusalOf(one.server.url, 'r1'), '503 not-ready');
    assert.equal(String((await sendRequest(one.server, '/live/cam/v0/1.m4s')).body), alphabet, 'stale');
    assert.match(await one.metrics.print(), /oxbow_node_failures_total\{node="two"\} [1-9]/);
  });

  test('is missing in lists, which say so', async () => {
    const { status, headers, body } = await sendRequest(one.server, '/api/v1/streams');
    assert.deepEqual([status, headers['oxbow-missing-nodes']], [200, 'two']);
    assert.deepEqual(
      (JSON.parse(String(body)) as { items: StreamView[] }).items.map(({ name }) => name),
      ['b'],
    );
    assert.equal(one.logged.filter((line) => line.includes('lists lack')).length, 1);
  });

  test('and accepts connections, is left out of a list in time, and is given up when it is dead', async () => {
    await using deaf = createTcpServer((socket) => void socket.on('error', () => {}).resume()).listen(0, '127.0.0.1');
    await once(deaf, 'listening');
    const url = `http://127.0.0.1:${(deaf.address() as AddressInfo).port}`;
    cluster.placements.nodes.set('deaf', nodeView('deaf', url));
    cluster.placements.give('stream', 'mute', 'deaf');
    const { headers } = await sendRequest(one.server, '/api/v1/streams');
    assert.match(String(headers['oxbow-missing-nodes']), /deaf/);
    const waiting = [sendRequest(one.server, '/live/mute/v0/1.m4s'), sendRequest(one.server, '/api/v1/streams/mute')];
    await once(deaf, 'connection');
    cluster.change('deaf', { isAlive: false });
    for (const { status } of await Promise.all(waiting)) assert.equal(status, 503);
    assert.equal((await sendRequest(one.server, '/api/v1/streams/mute')).status, 503);
    const list = await sendRequest(one.server, '/api/v1/streams');
    assert.match(
      String(list.headers['oxbow-missing-nodes']),
      /deaf/,
      'nothing says yet that another node has its rows',
    );
  });
});
