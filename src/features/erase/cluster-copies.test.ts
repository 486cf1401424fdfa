import assert from 'node:assert/strict';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { suite, test } from 'node:test';
import { openVirtualTime } from '../../../test/fixtures/virtual-time.ts';
import { MemorySegmentStore } from '../../archive/memory-segment-store.fixture.ts';
import type { PublishedEvent } from '../../cluster/bus/event-bus.ts';
import type { NodeView } from '../../cluster/placement/placement.ts';
import { createInternalRequests } from '../../cluster/requests/internal-requests.ts';
import { NodeClient } from '../../cluster/requests/node-client.ts';
import { purgeCopies } from '../../cluster/requests/node-copies.ts';
import { NodeSignature } from '../../cluster/requests/node-signature.ts';
import type { Net, NetRequest } from '../../net/net.ts';
import { createSilentLog } from '../../observe/log.ts';
import { EdgePurges } from './edge-purges.ts';
import { HiddenCopies } from './hidden-copies.ts';

type Time = ReturnType<typeof openVirtualTime>;

const names = ['a', 'b'] as const;
/**
 * Node `a`, which owns a stream, node `b`, and an edge that asks `b`: all of them have copies of the stream.
 */
function openCluster(time: Time, urls = ['http://edge.example']) {
  const { clock } = time;
  const copies = new Set(['b', 'edge']);
  const requests: string[] = [];
  const frozen = new Set<string>();
  const dead = new Set<string>();
  const signal = new AbortController().signal;
  const failed = (error: unknown) => assert.fail(String(error));
  const never = () => assert.fail('it was not requested');
  const signatures = new Map(
    names.map((node) => [node, new NodeSignature({ secret: 'a-secret-of-the-cluster-that-is-long', node, clock })]),
  );
  const internal = createInternalRequests({
    files: new MemorySegmentStore(),
    release: never,
    look: never,
    give: never,
    publishUrls: never,
    edge: never,
    span: never,
    sinks: never,
    signal: new AbortController().signal,
    failed,
    async purge({ kind, id }) {
      assert.deepEqual([kind, id], ['stream', 'door']);
      copies.delete('b');
    },
  });

  /** A viewer at the edge, which asks `b` for what it does not have. */
  const watch = () => {
    if (copies.has('b')) copies.add('edge');
    return copies.has('edge');
  };

  async function statusOf({ hostname, pathname }: URL, request: NetRequest): Promise<number> {
    if (frozen.has(hostname)) throw new Error('it does not answer');
    if (hostname === 'edge.example') {
      copies.delete('edge');
      watch(); // between this purge and whatever comes next
      return 200;
    }
    const { promise, resolve } = Promise.withResolvers<number>();
    const response = { writeHead: (status: number) => ({ end: () => resolve(status) }) };
    const { method = 'GET', headers = {} } = request;
    const nodeSender = signatures.get('b')!.senderOf({ method, target: pathname, headers });
    internal(
      { method, url: pathname, headers, nodeSender } as unknown as IncomingMessage,
      response as unknown as ServerResponse,
    );
    return promise;
  }
  const net: Pick<Net, 'fetch'> = {
    async fetch(target, request) {
      const url = new URL(target);
      requests.push(url.hostname);
      const status = await statusOf(url, request);
      return {
        status,
        headers: {},
        url,
        body: async () => Buffer.alloc(0),
        pieces: never,
        stream: never,
        [Symbol.dispose]() {},
      };
    },
  };

  const nodes = names.map((node) => {
    const others = names
      .filter((name) => name !== node)
      .map((name): NodeView => ({ name, url: new URL(`http://${name}`), roles: [], version: '1', isAlive: true }));
    const client = new NodeClient({ net: net as Net, signature: signatures.get(node)! });
    const placement = {
      get others() {
        return others.filter(({ name }) => !dead.has(name));
      },
    };
    return new HiddenCopies({
      edges: new EdgePurges({ settings: { now: { edges: { urls, token: 'secret' } } }, net }),
      hasRules: () => false,
      assetHasRules: async () => false,
      purgeNodes: (things, options) => purgeCopies({ client, placement }, things, options),
      flush: async () => {},
      clock,
      log: createSilentLog(),
      signal,
      failed,
    });
  });
  /** Node `a` publishes it; both nodes receive it. */
  async function remove() {
    const event = { id: '1', type: 'stream.removed', at: '', stream: 'door', data: { recordings: 'keep' } };
    const published = { event, audience: 'public' } as unknown as PublishedEvent;
    nodes[0]!.received(published);
    nodes[1]!.received({ ...published, isForeign: true });
    await time.runFor(1);
  }
  const view = () => {
    const [{ state, edges, nodes: missed } = assert.fail('there is no purge')] = nodes[0]!.list();
    return [state, edges[0]?.state, missed.map(({ name, problem }) => `${name}: ${problem}`)];
  };
  return { remove, watch, requests, frozen, dead, view, nodes };
}

suite('an edge in front of two nodes', () => {
  test('is purged once, after the memory of the node that it asks', async () => {
    using time = openVirtualTime();
    const { remove, watch, requests, view, nodes } = openCluster(time);
    assert.equal(watch(), true);
    await remove();
    assert.equal(watch(), false, 'it has no copy, and finds none');
    assert.deepEqual(requests, ['b', 'edge.example']);
    assert.deepEqual(view(), ['done', 'confirmed', []]);
    assert.deepEqual(nodes[1]!.list(), []);
  });

  test('has not confirmed while a living node may have copies, and is purged again after it', async () => {
    using time = openVirtualTime();
    const { remove, watch, frozen, view } = openCluster(time);
    frozen.add('b');
    await remove();
    assert.equal(watch(), true, 'it has a copy again');
    assert.deepEqual(view(), ['running', 'purged', ['b: The node b does not answer.']]);
    frozen.clear();
    await time.runFor(5000);
    assert.equal(watch(), false);
    assert.deepEqual(view(), ['done', 'confirmed', []]);
  });

  test('is not kept waiting by a node that is dead: it has lost what it had in memory', async () => {
    using time = openVirtualTime();
    const { remove, dead, requests, view } = openCluster(time);
    dead.add('b');
    await remove();
    assert.deepEqual(view(), ['done', 'confirmed', []]);
    assert.deepEqual(requests, ['edge.example']);
  });

  test('is none: the memory of the other node is purged all the same', async () => {
    using time = openVirtualTime();
    const { remove, requests, view, nodes } = openCluster(time, []);
    await remove();
    assert.deepEqual([requests, view()], [['b'], ['done', undefined, []]]);
    assert.ok(await nodes[0]!.begunFor('stream', 'door'));
  });
});
