import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import type { EdgePurgeView } from '../../../api/deletions/edge-purge-shapes.ts';
import type { HttpDeps } from '../../deps.ts';
import { asAdmin, startTestServer, streamView, type TestServer } from '../../fixture.ts';

const at = '2026-11-28T04:00:00.000Z';
const purge = (id: string, kind: EdgePurgeView['kind'], name: string): EdgePurgeView => ({
  id,
  kind,
  name,
  state: 'running',
  startedAt: at,
  givesUpAt: '2026-11-28T06:00:00.000Z',
  doneAt: null,
  edges: [
    { url: 'http://a.example', state: 'confirmed', confirmedAt: at, problem: '' },
    { url: 'http://b.example', state: 'waiting', confirmedAt: null, problem: 'the edge answers 503' },
  ],
  nodes: [{ name: 'b', problem: 'The node b does not answer.' }],
});

suite('purges of edges', () => {
  const purges = [purge('3', 'clip', 'c1'), purge('2', 'asset', 'a b'), purge('1', 'stream', 'cam')];
  let server: TestServer;
  before(async () => {
    server = await startTestServer({
      edgePurges: {
        list: () => purges,
        begunFor: async (kind, name) => purges.find((one) => one.kind === kind && one.name === name),
      },
      streams: {
        remove: async () => {},
        update: async (name: string) => streamView(name),
        replace: async (name: string) => ({ view: streamView(name), created: false }),
        revision: () => 'r1',
      } as unknown as HttpDeps['streams'],
      assets: { remove: async () => {} } as unknown as HttpDeps['assets'],
    });
  });
  after(() => server?.[Symbol.asyncDispose]());

  const send = (method: string, path: string, body?: object) =>
    fetch(server.url + path, {
      method,
      headers: { ...asAdmin, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
    });
  const idsOf = async (query: string) => {
    const { items } = (await (await send('GET', `/api/v1/edge-purges${query}`)).json()) as { items: EdgePurgeView[] };
    return items.map(({ id }) => id);
  };

  test('are named by the change that begins them, and by no other', async () => {
    const field = async (...request: Parameters<typeof send>) => {
      const response = await send(...request);
      assert.ok(response.ok, `${request[0]} ${request[1]}: ${response.status}`);
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

  test('are listed by what was purged, with the edges and nodes that have not confirmed', async () => {
    assert.deepEqual(await idsOf(''), ['3', '2', '1']);
    assert.deepEqual(await idsOf('?stream=cam'), ['1']);
    assert.deepEqual(await idsOf('?asset=a%20b'), ['2']);
    assert.deepEqual(await idsOf('?clip=cam'), []);
    const { items } = (await (await send('GET', '/api/v1/edge-purges?clip=c1')).json()) as { items: EdgePurgeView[] };
    assert.deepEqual(items, purges.slice(0, 1));
  });

  test('are for administrators', async () => {
    assert.equal((await fetch(`${server.url}/api/v1/edge-purges`)).status, 401);
  });
});
