import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import type { GapView } from '../../src/api/shapes.ts';
import { needPostgres } from '../fixtures/engines/postgres.ts';
import { need } from '../fixtures/need.ts';
import { type Server, smallPicture } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { openCluster, type TestCluster, type TestNode } from './cluster.fixture.ts';

const skip = needPostgres() || need('redis-server');

/** Starts a stream with a test picture on a node. */
async function createStream({ server }: TestNode, name: string): Promise<void> {
  const made = await server.fetch('/api/v1/streams', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name, source: { type: 'test' } }),
  });
  assert.equal(made.status, 201, await made.text());
  await server.stream(name, 'live');
}

/** Every MSN that a media playlist of the stream lists now. */
async function listedMsns(server: Server, name: string): Promise<number[]> {
  const index = await (await server.fetch(`/live/${name}/index.m3u8`)).text();
  const rendition = index.split('\n').find((line) => line.endsWith('.m3u8') && !line.startsWith('#'))!;
  const playlist = await (await server.fetch(`/live/${name}/${rendition}`)).text();
  return [...playlist.matchAll(/^(?:.*\/)?(\d+)\.m4s$/gm)].map(([, msn]) => Number(msn));
}

suite('a cluster of three nodes', { skip }, () => {
  let cluster: TestCluster;
  const nodes = new Map<string, TestNode>();
  const node = (name: string) => nodes.get(name)!;

  before(async () => {
    cluster = await openCluster();
    for (const name of ['a', 'b', 'c']) nodes.set(name, await cluster.start(name, { args: [...smallPicture] }));
  });
  after(() => cluster?.[Symbol.asyncDispose]());

  test('a stream of a killed node runs on another one, with a gap and new segment numbers', async (t) => {
    await createStream(node('a'), 'one');
    await until('it is recorded', async () => (await node('a').server.timeline('one')).spans.length > 0);
    const before = await listedMsns(node('a').server, 'one');
    const killedMs = Date.now();
    await node('a').server.stop('SIGKILL');
    const heir = await until('another node runs it', async () => {
      for (const name of ['b', 'c']) {
        const response = await node(name).server.fetch('/api/v1/streams/one');
        if (response.ok && ((await response.json()) as { state: string }).state === 'live') return name;
      }
      return false;
    });
    t.diagnostic(`live again after ${Date.now() - killedMs} ms on ${heir}`);
    const { server } = node(heir);
    const after = await until('it has segments', async () => {
      const msns = await listedMsns(server, 'one');
      return msns.length > 0 && msns;
    });
    assert.ok(Math.min(...after) > Math.max(...before), `${Math.min(...after)} > ${Math.max(...before)}`);
    const { items } = await server.json<{ items: readonly GapView[] }>('/api/v1/streams/one/gaps');
    assert.deepEqual(
      items.map(({ cause }) => cause),
      ['crash'],
    );
    const [gap] = items;
    nodes.set('a', await cluster.start('a', { args: [...smallPicture] }));
    const found = () =>
      node('a')
        .server.log('info')
        .find(({ msg, stream }) => stream === 'one' && /of another node was recovered/.test(msg));
    const { segments } = await until('the file that was open is in the index', found);
    assert.ok(Number(segments) > 0);
    const later = await server.json<{ items: readonly GapView[] }>('/api/v1/streams/one/gaps');
    t.diagnostic(`the gap was ${gap!.from} to ${gap!.to}, and is ${JSON.stringify(later.items)}`);
    assert.equal(later.items.length, 1);
    assert.ok(later.items[0]!.from > gap!.from, 'the gap is shorter');
  });
});
