import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, suite, test } from 'node:test';
import { asAdmin } from '../../http/fixture.ts';
import { createSystemClock } from '../../lib/clock.ts';
import { NodeSignature } from '../requests/node-signature.ts';
import { clusterSecret, startNodes, streamsOf, type TestNode, type TestNodes } from './nodes.fixture.ts';

const json = { 'content-type': 'application/json', ...asAdmin };

/** What one has seen who reads the wire to a node. */
interface Passed {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

suite('what a node has passed on cannot be used again', () => {
  const calls: string[] = [];
  const passed: Passed[] = [];
  const wire = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const { host: _, connection: __, ...headers } = request.headers as Record<string, string>;
    passed.push({ headers, body });
    response.end('{}');
  });
  let cluster: TestNodes;
  let one: TestNode;
  let two: TestNode;
  let three: TestNode;
  before(async () => {
    await once(wire.listen(0, '127.0.0.1'), 'listening');
    cluster = await startNodes(['one', 'two', 'three'], (name) =>
      streamsOf(name, name === 'two' ? ['cam'] : [], calls),
    );
    [one, two, three] = cluster.nodes as [TestNode, TestNode, TestNode];
    cluster.placements.give('stream', 'cam', 'two');
  });
  after(async () => {
    await cluster?.[Symbol.asyncDispose]();
    wire.close();
  });

  test('the owner takes a passed request once, and with the body that the client has sent to this node', async () => {
    const path = '/api/v1/streams/cam';
    const settings = JSON.stringify({ source: { type: 'push' } });
    cluster.change('two', { url: new URL(`http://127.0.0.1:${(wire.address() as AddressInfo).port}`) });
    for (let i = 0; i < 3; i++) {
      await fetch(one.server.url + path, { method: 'PUT', headers: json, body: settings });
    }
    cluster.change('two', { url: new URL(two.server.url) });
    const [first, second, third] = passed as [Passed, Passed, Passed];
    assert.equal(first.body, settings);
    const send = async ({ server }: TestNode, { headers }: Passed, body: string, change = {}) => {
      const response = await fetch(server.url + path, { method: 'PUT', headers: { ...headers, ...change }, body });
      return [response.status, ((await response.json()) as { code?: string }).code];
    };
    const refusal = [503, 'node-refused'];
    const another = settings.replace('push', 'test');
    assert.deepEqual(await send(three, first, settings), refusal, 'at another node');
    assert.deepEqual(await send(two, second, another), refusal, 'with another body of the same length');
    assert.deepEqual(await send(two, second, settings), refusal, 'and no second try');
    assert.deepEqual(await send(two, third, `${settings} `, { 'content-length': `${settings.length + 1}` }), refusal);
    assert.deepEqual(calls, []);
    assert.deepEqual(await send(two, first, settings), [200, undefined]);
    assert.deepEqual(await send(two, first, settings), refusal, 'again');
    assert.deepEqual(calls.splice(0), ['two replace cam']);
  });

  test('the report of a player is taken only with the body that was signed', async () => {
    const path = '/live/cam/session';
    const signature = new NodeSignature({ secret: clusterSecret, node: 'one', clock: createSystemClock() });
    const { viewers } = two.server.deps;
    const report = (sid: string) => `CMCD=${encodeURIComponent(`sid="${sid}",sta=p`)}`;
    const send = async (signed: string, body: string) => {
      const value = signature.sign('two', { method: 'POST', target: path, body: Buffer.from(signed) });
      const headers = { 'oxbow-node': value, 'content-type': 'application/x-www-form-urlencoded' };
      return (await fetch(two.server.url + path, { method: 'POST', headers, body })).status;
    };
    const before = viewers.of('cam');
    assert.equal(await send(report('one'), report('two')), 503);
    assert.equal(viewers.of('cam'), before);
  });

  test('a body that is longer than the API reads is refused before it is passed on', async () => {
    const body = JSON.stringify({ source: { type: 'push' }, title: 'x'.repeat(1024 * 1024) });
    const { status } = await fetch(`${one.server.url}/api/v1/streams/cam`, { method: 'PUT', headers: json, body });
    assert.equal(status, 413);
    assert.deepEqual(calls, []);
  });
});
