import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EdgePurgeView } from '../../api/deletions/edge-purge-shapes.ts';
import type { HttpDeps } from '../deps.ts';
import { asAdmin, startTestServer, streamView } from '../fixture.ts';

test('a purge of edges is named by the change that begins it, and by no other', async () => {
  const begun = new Set(['stream cam', 'asset a b']);
  await using server = await startTestServer({
    edgePurges: {
      begunFor: async (kind, name) => (begun.has(`${kind} ${name}`) ? ({ id: '1' } as EdgePurgeView) : undefined),
    },
    streams: {
      remove: async () => {},
      update: async (name: string) => streamView(name),
      replace: async (name: string) => ({ view: streamView(name), created: false }),
      revision: () => 'r1',
    } as unknown as HttpDeps['streams'],
    assets: { remove: async () => {} } as unknown as HttpDeps['assets'],
  });
  const field = async (method: string, path: string, body?: object) => {
    const response = await fetch(server.url + path, {
      method,
      headers: { ...asAdmin, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
    });
    assert.ok(response.ok, `${method} ${path}: ${response.status}`);
    return response.headers.get('oxbow-edge-purge');
  };
  const settings = { source: { type: 'push' } };
  const ofCam = '/api/v1/edge-purges?stream=cam';
  assert.equal(await field('DELETE', '/api/v1/streams/cam'), ofCam);
  assert.equal(await field('PATCH', '/api/v1/streams/cam', { visibility: 'private' }), ofCam);
  assert.equal(await field('PUT', '/api/v1/streams/cam', settings), ofCam);
  assert.equal(await field('PUT', '/api/v1/streams/other', settings), null);
  assert.equal(await field('DELETE', '/api/v1/assets/a%20b'), '/api/v1/edge-purges?asset=a%20b');
});
