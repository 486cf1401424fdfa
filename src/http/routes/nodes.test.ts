import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { ClusterNodeView } from '../../api/nodes/node-shapes.ts';
import type { NodesApi } from '../../api/nodes/nodes-api.ts';
import { OxbowError } from '../../lib/errors.ts';
import { asAdmin, signedInAs, startTestServer } from '../fixture.ts';

const node: ClusterNodeView = {
  name: 'b',
  url: 'http://10.0.0.6:8080',
  version: '1.2.3',
  roles: ['serve'],
  state: 'dead',
  since: null,
  self: false,
  owns: { streams: 0, rooms: 0, assets: 2, uploads: 1 },
};
const refusals: Readonly<Record<string, OxbowError>> = {
  a: new OxbowError('node-alive', 'The node a is alive.'),
  b: new OxbowError('node-not-empty', 'The node b owns 2 assets.'),
  c: new OxbowError('node-unknown', 'No node c.'),
};
const nodes: NodesApi = {
  list: async () => [node],
  async forget(name) {
    if (refusals[name]) throw refusals[name];
  },
};

suite('nodes over HTTP', () => {
  test('administrators see the nodes, as they are', async () => {
    await using server = await startTestServer({ nodes });
    const answer = await fetch(`${server.url}/api/v1/nodes`, { headers: asAdmin });
    assert.deepEqual(await answer.json(), { items: [node], nextCursor: null });
    const { headers } = await signedInAs(server, 'user');
    assert.equal((await fetch(`${server.url}/api/v1/nodes`, { headers })).status, 403);
  });

  test('a server without a cluster has no nodes', async () => {
    await using server = await startTestServer();
    const answer = await fetch(`${server.url}/api/v1/nodes`, { headers: asAdmin });
    assert.deepEqual(await answer.json(), { items: [], nextCursor: null });
    const deleted = await fetch(`${server.url}/api/v1/nodes/a`, { method: 'DELETE', headers: asAdmin });
    assert.deepEqual([deleted.status, ((await deleted.json()) as { code: string }).code], [404, 'node-unknown']);
  });

  test('a node is forgotten, or the refusal says why not; both are in the audit log', async () => {
    await using server = await startTestServer({ nodes });
    const forget = async (name: string) => {
      const response = await fetch(`${server.url}/api/v1/nodes/${name}`, { method: 'DELETE', headers: asAdmin });
      const { code = '' } = response.status === 204 ? {} : ((await response.json()) as { code?: string });
      return [response.status, code];
    };
    assert.deepEqual(await forget('d'), [204, '']);
    assert.deepEqual(await forget('a'), [409, 'node-alive']);
    assert.deepEqual(await forget('b'), [409, 'node-not-empty']);
    assert.deepEqual(await forget('c'), [404, 'node-unknown']);
    const audit = await fetch(`${server.url}/api/v1/audit`, { headers: asAdmin });
    const { items } = (await audit.json()) as { items: { action: string; request: string; status: number }[] };
    assert.deepEqual(
      items.map(({ action, request, status }) => [action, request, status]),
      [
        ['deleteNode', 'DELETE /api/v1/nodes/c', 404],
        ['deleteNode', 'DELETE /api/v1/nodes/b', 409],
        ['deleteNode', 'DELETE /api/v1/nodes/a', 409],
        ['deleteNode', 'DELETE /api/v1/nodes/d', 204],
      ],
    );
  });
});
