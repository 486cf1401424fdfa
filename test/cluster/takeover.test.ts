import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import type { ClusterNodeView } from '../../src/api/nodes/node-shapes.ts';
import type { GapView } from '../../src/api/shapes.ts';
import { needPostgres } from '../fixtures/engines/postgres.ts';
import { need } from '../fixtures/need.ts';
import { type Server, smallPicture } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { firstOf, fullTest } from '../full.ts';
import { openCluster, type TestCluster, type TestNode } from './cluster.fixture.ts';

const skip = needPostgres() || need('redis-server');
const NAMES = firstOf(2, ['a', 'b', 'c']);

/** Starts a stream with a test picture on a node. */
async function createStream(node: TestNode, name: string): Promise<TestNode> {
  const { server } = node;
  const made = await server.fetch('/api/v1/streams', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name, source: { type: 'test' } }),
  });
  assert.equal(made.status, 201, await made.text());
  await server.stream(name, 'live');
  return node;
}

/** The one of those nodes that has taken a stream over, when it is live there. */
async function heirOf(nodes: readonly TestNode[], stream: string): Promise<TestNode> {
  const took = ({ server }: TestNode) =>
    server.log('info').some((line) => line.stream === stream && line.msg === 'this node runs the stream now');
  const heir = await until(`${stream} runs on ${nodes.map(({ name }) => name).join(' or ')}`, () => nodes.find(took));
  await heir.server.stream(stream, 'live');
  return heir;
}

const gapsOf = async ({ server }: TestNode, stream: string) =>
  (await server.json<{ items: readonly GapView[] }>(`/api/v1/streams/${stream}/gaps`)).items;

/** The nodes as one of them lists them: what they own, and their states. */
async function nodesOf({ server }: TestNode): Promise<ReadonlyMap<string, ClusterNodeView>> {
  const { items } = await server.json<{ items: readonly ClusterNodeView[] }>('/api/v1/nodes');
  return new Map(items.map((node) => [node.name, node]));
}

/** Every MSN that a media playlist of the stream lists now. */
async function listedMsns(server: Server, name: string): Promise<number[]> {
  const index = await (await server.fetch(`/live/${name}/index.m3u8`)).text();
  const rendition = index.split('\n').find((line) => line.endsWith('.m3u8') && !line.startsWith('#'))!;
  const playlist = await (await server.fetch(`/live/${name}/${rendition}`)).text();
  return [...playlist.matchAll(/^(?:.*\/)?(\d+)\.m4s$/gm)].map(([, msn]) => Number(msn));
}

suite('a cluster of nodes', { skip }, () => {
  let cluster: TestCluster;
  const nodes = new Map<string, TestNode>();
  const node = (name: string) => nodes.get(name)!;

  before(async () => {
    cluster = await openCluster();
    for (const name of NAMES) nodes.set(name, await cluster.start(name, { args: [...smallPicture] }));
  });
  after(() => cluster?.[Symbol.asyncDispose]());

  test('a stream of a killed node runs on another one, with a gap and new segment numbers', async (t) => {
    await createStream(node('a'), 'one');
    await until('it is recorded', async () => (await node('a').server.timeline('one')).spans.length > 0);
    const before = await listedMsns(node('a').server, 'one');
    const killedMs = Date.now();
    await node('a').server.stop('SIGKILL');
    const heir = await heirOf(NAMES.slice(1).map(node), 'one');
    t.diagnostic(`live again after ${Date.now() - killedMs} ms on ${heir.name}`);
    const { server } = heir;
    const seen = await nodesOf(heir);
    assert.deepEqual([seen.get('a')?.state, seen.get('a')?.owns.streams], ['dead', 0]);
    assert.ok(Date.parse(seen.get('a')!.since!) > killedMs);
    assert.deepEqual([seen.get(heir.name)?.self, seen.get(heir.name)?.owns.streams], [true, 1]);
    const after = await until('it has segments', async () => {
      const msns = await listedMsns(server, 'one');
      return msns.length > 0 && msns;
    });
    assert.ok(Math.min(...after) > Math.max(...before), `${Math.min(...after)} > ${Math.max(...before)}`);
    const items = await gapsOf(heir, 'one');
    assert.deepEqual(
      items.map(({ cause }) => cause),
      ['crash'],
    );
    const [gap] = items;
    nodes.set('a', await cluster.start('a', { args: [...smallPicture] }));
    assert.equal((await nodesOf(heir)).get('a')?.state, 'alive');
    const found = () =>
      node('a')
        .server.log('info')
        .find(({ msg, stream }) => stream === 'one' && /of another node was recovered/.test(msg));
    const { segments } = await until('the file that was open is in the index', found);
    assert.ok(Number(segments) > 0);
    const later = await gapsOf(heir, 'one');
    assert.equal(later.length, 1);
    assert.ok(later[0]!.from > gap!.from, `the gap from ${gap!.from} begins at ${later[0]!.from}: it is shorter`);
  });

  fullTest('a node that was paused is refused by the index when it wakes, and ends itself', async () => {
    await createStream(node('b'), 'two');
    await until('it is recorded', async () => (await node('b').server.timeline('two')).spans.length > 0);
    const { server } = node('b');
    process.kill(server.pid, 'SIGSTOP');
    const heir = await heirOf([node('a'), node('c')], 'two');
    await until('it has recorded', async () => (await heir.server.timeline('two')).spans.length > 0);
    process.kill(server.pid, 'SIGCONT');
    await server.closed;
    assert.match(server.stderr, /has taken the data folder/);
    const gaps = await gapsOf(heir, 'two');
    assert.deepEqual(
      gaps.map(({ cause }) => cause),
      ['crash'],
    );
    assert.equal((await heir.server.stream('two')).state, 'live');
    nodes.set('b', await cluster.start('b', { args: [...smallPicture] }));
  });

  fullTest(
    'a node without the database keeps its viewers; others have its streams, and it ends when it is back',
    async () => {
      const owner = await createStream(node('c'), 'three');
      const upload = { 'tus-resumable': '1.0.0', 'upload-length': '9', 'upload-metadata': 'filename YS5tcDQ=' };
      assert.equal((await owner.server.fetch('/api/v1/uploads', { method: 'POST', headers: upload })).status, 201);
      owner.proxy.cut();
      const others = [...nodes.values()].filter((each) => each !== owner);
      const heir = await heirOf(others, 'three');
      assert.equal((await owner.server.fetch('/live/three/index.m3u8')).status, 200, 'its own viewers notice nothing');
      owner.proxy.restore();
      await owner.server.closed;
      assert.equal((await heir.server.stream('three')).state, 'live');
    },
  );

  fullTest(
    'a dead node that owns an upload degrades the health and is not forgotten; one that owns nothing is',
    async () => {
      await node('a').server.stop('SIGTERM');
      const { server } = node('b');
      await until('its streams have another owner', async () => {
        const stopped = (await nodesOf(node('b'))).get('a')!;
        return stopped.state === 'dead' && stopped.owns.streams === 0;
      });
      const health = await server.json<{ checks: readonly { name: string; status: string; detail: string }[] }>(
        '/health',
      );
      const check = health.checks.find(({ name }) => name === 'nodes');
      assert.equal(check?.status, 'degraded');
      assert.match(check.detail, /^1 of 3 nodes are alive; c is dead since \S+ and owns .*1 upload; .*: a$/);
      const forget = async (name: string) => {
        const response = await server.fetch(`/api/v1/nodes/${name}`, { method: 'DELETE' });
        return ((await response.json()) as { code: string }).code;
      };
      assert.deepEqual([await forget('b'), await forget('c')], ['node-alive', 'node-not-empty']);
      assert.match(await (await server.fetch('/metrics')).text(), /^oxbow_nodes\{state="dead"\} 2$/m);
    },
  );
});
