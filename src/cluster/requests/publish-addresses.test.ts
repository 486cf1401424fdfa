import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NodeView } from '../placement/placement.ts';
import type { NodeClient } from './node-client.ts';
import { findPublishAddresses } from './publish-addresses.ts';

const node = (name: string, changes: Partial<NodeView> = {}): NodeView => {
  const url = new URL(`http://${name}.example`);
  return { name, url, roles: ['ingest'], version: '', isAlive: true, ...changes };
};

test('addresses are those of living nodes that take publishers and answer well', async () => {
  const asked: string[] = [];
  const answers: Readonly<Record<string, [status: number, body: string]>> = {
    good: [200, '["rtmp://good.example/live", "http://x/y", 5, "rtmp://user@x/live"]'],
    leaving: [404, ''],
    broken: [200, '{'],
    other: [200, '{"a":1}'],
  };
  const client = {
    async send({ name }: NodeView) {
      asked.push(name);
      const [status, body] = answers[name] ?? assert.fail(`${name} does not answer`);
      return { status, body: async () => Buffer.from(body), [Symbol.dispose]() {} };
    },
  } as unknown as NodeClient;
  const silent = node('silent');
  const others = [
    ...['good', 'leaving', 'broken', 'other'].map((name) => node(name)),
    silent,
    node('dead', { isAlive: false }),
    node('viewers', { roles: ['serve'] }),
  ];
  const { signal } = new AbortController();
  const placement = { others };
  assert.deepEqual(await findPublishAddresses({ placement, client }, { signal }), [['rtmp://good.example/live']]);
  assert.deepEqual(asked, ['good', 'leaving', 'broken', 'other', 'silent']);
  assert.deepEqual(await findPublishAddresses({ placement, client }, { signal, only: 'leaving' }), []);
});
