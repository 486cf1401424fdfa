import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NodeView } from '../../cluster/placement/placement.ts';
import { signReport } from '../../edge/steering/edge-report.ts';
import type { Net } from '../../net/net.ts';
import { PassedReports } from './passed-reports.ts';

const nodeAt = (name: string, isAlive: boolean): NodeView => ({
  name,
  url: new URL(`http://${name}.example:8080`),
  roles: [],
  version: '0.1.0',
  isAlive,
});
const report = signReport({ pathway: 'eu', at: 1, load: 0.5, connections: 2, draining: false }, 'token of edges');

function setUp(nodes: readonly NodeView[], answer: () => Promise<unknown>) {
  const sent: string[] = [];
  const ending = new AbortController();
  const net = {
    fetch: async (url: URL, { post, trusted }: { post: Uint8Array; trusted: URL }) => {
      assert.deepEqual(JSON.parse(Buffer.from(post).toString()), report);
      assert.equal(trusted.origin, url.origin);
      sent.push(url.href);
      return answer();
    },
  } as unknown as Pick<Net, 'fetch'>;
  return { sent, ending, passed: new PassedReports({ others: () => nodes, net, signal: ending.signal }) };
}

test('a report goes to each other node that is alive, marked as passed on', async () => {
  const nodes = [nodeAt('b', true), nodeAt('c', false), nodeAt('d', true)];
  const { sent, passed } = setUp(nodes, async () => ({ [Symbol.dispose]() {} }));
  passed.pass(report);
  await passed[Symbol.asyncDispose]();
  const path = '/api/v1/edge-reports?passed=true';
  assert.deepEqual(sent, [`http://b.example:8080${path}`, `http://d.example:8080${path}`]);
});

test('a node that does not answer holds up nothing, and has few requests', async () => {
  const stuck = Promise.withResolvers<never>();
  const { sent, passed } = setUp([nodeAt('b', true)], () => stuck.promise);
  for (let i = 0; i < 100; i++) passed.pass(report);
  assert.equal(sent.length, 16);
  stuck.reject(new Error('it does not answer'));
  await passed[Symbol.asyncDispose]();
  passed.pass(report);
  assert.equal(sent.length, 17);
});
