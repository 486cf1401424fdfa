import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NodeView } from '../../nodes/placement.ts';
import { nodeForRoom } from './rooms-node.ts';

const node = (name: string, change: Partial<NodeView> = {}): NodeView => ({
  ...{ name, url: new URL(`http://${name}.example`), version: '1.0.0', isAlive: true, roles: ['rooms'], ...change },
});

test('a node takes rooms itself; without the role it names a living node with it, the same for the same room', () => {
  const takes = () => false;
  const others = [node('a'), node('b'), node('dead', { isAlive: false }), node('edge', { roles: ['serve'] })];
  assert.equal(nodeForRoom({ others, takes: () => true }, 'r1'), 'own');
  const chosen = Array.from({ length: 50 }, (_, n) => nodeForRoom({ others, takes }, `r${n}`));
  const again = Array.from({ length: 50 }, (_, n) => nodeForRoom({ others: others.toReversed(), takes }, `r${n}`));
  assert.deepEqual(chosen, again);
  const names = new Set(chosen.map((one) => (one === 'own' || !one ? one : one.name)));
  assert.deepEqual([...names].sort(), ['a', 'b']);
  assert.equal(nodeForRoom({ others: others.slice(2), takes }, 'r1'), undefined);
});
