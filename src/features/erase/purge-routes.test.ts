import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import type { EdgePurgeView } from '../../api/deletions/edge-purge-shapes.ts';
import { asAdmin, startTestServer, type TestServer } from '../../http/fixture.ts';
import { erase } from './feature.ts';

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
    const edgePurges = { list: () => purges, begunFor: async () => undefined };
    server = await startTestServer({ features: new Map([['erase', { edgePurges }]]) }, undefined, {
      routes: erase.routes,
    });
  });
  after(() => server?.[Symbol.asyncDispose]());

  const list = async (query: string) => {
    const response = await fetch(`${server.url}/api/v1/edge-purges${query}`, { headers: asAdmin });
    return ((await response.json()) as { items: EdgePurgeView[] }).items;
  };
  const idsOf = async (query: string) => (await list(query)).map(({ id }) => id);

  test('are listed by what was purged, with the edges and nodes that have not confirmed', async () => {
    assert.deepEqual(await idsOf(''), ['3', '2', '1']);
    assert.deepEqual(await idsOf('?stream=cam'), ['1']);
    assert.deepEqual(await idsOf('?asset=a%20b'), ['2']);
    assert.deepEqual(await idsOf('?clip=cam'), []);
    assert.deepEqual(await list('?clip=c1'), purges.slice(0, 1));
  });

  test('are for administrators', async () => {
    assert.equal((await fetch(`${server.url}/api/v1/edge-purges`)).status, 401);
  });
});
