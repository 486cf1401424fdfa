/**
 * What two nodes do for one request: their spans are one trace, and a range that is deleted at its owner is
 * in the memory of no other node.
 */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import type { DeletionView } from '../../src/api/deletions/deletion-shapes.ts';
import { needPostgres } from '../fixtures/engines/postgres.ts';
import { need } from '../fixtures/need.ts';
import { type Collector, openCollector, type ReceivedSpan } from '../fixtures/observe/collector.ts';
import { smallPicture } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { openCluster, type TestCluster, type TestNode } from './cluster.fixture.ts';

const skip = needPostgres() || need('redis-server');
const json = { 'content-type': 'application/json' };
/** Of the enumeration SpanKind. */
const [SERVER, CLIENT] = [2, 3];
/** A trace that a viewer names, who wants it sampled. */
const forged = { id: 'f'.repeat(32), header: `00-${'f'.repeat(32)}-b7ad6b7169203331-01` };
/** Nothing is taken over here, however busy the machine is. */
const takeover = ['--cluster-takeover', '2m'];

suite('two nodes of a cluster', { skip }, () => {
  let collector: Collector;
  let cluster: TestCluster;
  let a: TestNode;
  let b: TestNode;

  before(async () => {
    collector = await openCollector();
    cluster = await openCluster();
    const traced = ['--telemetry-otlp', collector.url, '--telemetry-sample', '100', '--telemetry-callers', 'nodes'];
    const args = [...smallPicture, ...takeover, ...traced, '--hls-segment-duration', '1s'];
    a = await cluster.start('a', { args, sample: false });
    b = await cluster.start('b', { args, sample: false });
    const body = JSON.stringify({ name: 'one', source: { type: 'test' }, visibility: 'public' });
    const made = await a.server.fetch('/api/v1/streams', { method: 'POST', headers: json, body });
    assert.equal(made.status, 201, await made.text());
    await b.server.stream('one', 'live');
  });
  after(async () => {
    await cluster?.[Symbol.asyncDispose]();
    await collector?.[Symbol.asyncDispose]();
  });

  const nodeOf = ({ resource }: ReceivedSpan) => resource['service.instance.id'];
  const serverSpan = (what: string, matches: (span: ReceivedSpan) => boolean) =>
    collector.span(what, (span) => span.kind === SERVER && matches(span));
  /** Media playlist of a recorded minute, and its segments, as a node has them. */
  async function segmentsAt({ server }: TestNode, from: number, seconds: number): Promise<readonly string[]> {
    const base = `/vod/one/${from}/${seconds}`;
    const index = await (await server.fetch(`${base}/index.m3u8`)).text();
    const video = index.split('\n').find((line) => line.includes('.m3u8') && !line.startsWith('#'))!;
    const address = new URL(video, `http://x${base}/`).pathname;
    const list = await (await server.fetch(address)).text();
    const names = list.split('\n').filter((line) => !line.startsWith('#') && line.includes('.m4s'));
    return names.map((name) => new URL(name, `http://x${address}`).pathname);
  }
  const statusOf = async ({ server }: TestNode, path: string) => {
    // Without the token of the fixture: what is for one client alone is not kept.
    const answer = await fetch(server.url + path);
    await answer.arrayBuffer();
    return answer.status;
  };
  /** Copies in the memory of a node. */
  const copiesOf = async ({ server }: TestNode) => {
    const text = Buffer.from(await server.bytes('/metrics')).toString();
    return Number(/^oxbow_edge_objects (\d+)$/m.exec(text)![1]);
  };
  const deletionOf = async ({ server }: TestNode, id: string) => server.json<DeletionView>(`/api/v1/deletions/${id}`);

  test('a request at one node for a stream of another is one trace with spans of both', async () => {
    const headers = { traceparent: forged.header, 'user-agent': 'a-viewer' };
    assert.equal((await b.server.fetch('/api/v1/streams/one', { headers })).status, 200);
    const owner = await serverSpan(
      'the owner',
      ({ name, attributes }) =>
        name === 'GET /api/v1/streams/:name' && attributes['user_agent.original'] === 'a-viewer',
    );
    assert.equal(nodeOf(owner), 'a');
    const passed = await collector.span('the other node', ({ spanId }) => spanId === owner.parentSpanId);
    assert.deepEqual([nodeOf(passed), passed.kind, passed.traceId], ['b', CLIENT, owner.traceId]);
    assert.equal(passed.parentSpanId, undefined, 'the trace of a viewer is not continued');
  });

  test('only a node that has signed its request is in the trace', async () => {
    for (const sign of ['', 'b 1795000000000 forged']) {
      const headers = { traceparent: forged.header, 'oxbow-node': sign, 'user-agent': `forged ${sign}` };
      assert.equal((await a.server.fetch('/api/v1/streams/one', { headers })).status, 200);
      const { traceId } = await serverSpan(
        'the request',
        ({ attributes }) => attributes['user_agent.original'] === headers['user-agent'].trim(),
      );
      assert.notEqual(traceId, forged.id);
    }
    assert.deepEqual(
      collector.spans.filter(({ traceId }) => traceId === forged.id),
      [],
    );
  });

  test('a range that is deleted at its owner is in the memory of no node, also of one that was away', async () => {
    const span = await until('it is recorded', async () => {
      const [first] = (await b.server.timeline('one')).spans;
      return first && Date.parse(first.to) - Date.parse(first.from) > 9000 && first;
    });
    const from = Math.ceil(Date.parse(span.from) / 1000);
    await a.server.fetch('/api/v1/streams/one/stop', { method: 'POST' });
    await b.server.stream('one', 'stopped');
    const [early, late] = [await segmentsAt(b, from, 2), await segmentsAt(b, from + 5, 2)];
    assert.ok(early.length > 0 && late.length > 0);
    for (const path of [...early, ...late]) assert.equal(await statusOf(b, path), 200, path);
    assert.ok((await copiesOf(b)) >= early.length + late.length);
    const remove = async (node: TestNode, start: number) => {
      const path = `/api/v1/streams/one/recordings?from=${start}&to=${start + 2}`;
      const answer = await node.server.fetch(path, { method: 'DELETE' });
      const view = (await answer.json()) as DeletionView;
      assert.ok(answer.ok, JSON.stringify(view));
      return view;
    };

    await remove(a, from);
    // Its own copies: all of the stream are dropped, since lists name what is gone.
    assert.equal(await copiesOf(b), 0);
    for (const path of early) assert.equal(await statusOf(b, path), 410, path);
    for (const path of late) assert.equal(await statusOf(b, path), 200, path);
    const purge = await serverSpan('the purge', ({ name }) => name === 'DELETE /internal/copies');
    assert.equal(nodeOf(purge), 'b');
    const request = await serverSpan('the deletion', ({ name }) => name.startsWith('DELETE /api/v1/streams/:name/'));
    assert.deepEqual([nodeOf(request), purge.traceId], ['a', request.traceId]);

    process.kill(b.server.pid, 'SIGSTOP');
    let missed: DeletionView;
    try {
      missed = await remove(a, from + 5);
      const { left } = await until('it was tried', async () => {
        const view = await deletionOf(a, missed.id!);
        return view.left.some(({ kind, name }) => kind === 'memory' && name === 'b') && view;
      });
      assert.match(left.find(({ kind }) => kind === 'memory')!.problem, /node b does not answer/);
      for (const path of late) assert.equal(await statusOf(a, path), 410, path);
    } finally {
      process.kill(b.server.pid, 'SIGCONT');
    }
    await until('it is done', async () => {
      const view = await deletionOf(a, missed.id!);
      if (view.state !== 'done') throw new Error(JSON.stringify(view.left));
      return true;
    });
    for (const path of late) assert.equal(await statusOf(b, path), 410, path);
  });
});
