import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { createSolePlacement, type NodeView } from '../../cluster/placement/placement.ts';
import type { NodeRole } from '../../config/sections/cluster-section.ts';
import { continuesDeletion } from './continues-deletion.ts';

interface TestNode {
  readonly isAlive?: boolean;
  readonly roles?: readonly NodeRole[];
}

const INGEST: readonly NodeRole[] = ['ingest'];

/** Which nodes continue the deletions of a stream. @param owner of the stream; undefined: it was removed */
async function thoseThatContinue(nodes: Readonly<Record<string, TestNode>>, owner?: string): Promise<string[]> {
  const views = Object.entries(nodes).map(([name, { isAlive = true, roles = INGEST }]): NodeView => {
    return { name, url: new URL(`http://${name}.example`), roles, version: '1', isAlive };
  });
  const nameOf = async () => (owner === undefined ? undefined : 'door');
  const found: string[] = [];
  for (const self of views.filter(({ isAlive }) => isAlive)) {
    const others = views.filter((view) => view !== self);
    const placement = {
      node: self.name,
      others,
      takes: () => self.roles.includes('ingest'),
      find: () => (owner === self.name ? ('own' as const) : others.find(({ name }) => name === owner)),
    };
    if (await continuesDeletion('1', { nameOf, placement })) found.push(self.name);
  }
  return found;
}

suite('a deletion is continued', () => {
  test('by the node that has its stream', async () => {
    assert.deepEqual(await thoseThatContinue({ b: {}, a: {}, c: {} }, 'c'), ['c']);
    assert.deepEqual(await thoseThatContinue({ b: {}, a: {}, c: { isAlive: false } }, 'c'), [], 'when it is back');
  });

  test('by exactly one node once its stream was removed', async () => {
    assert.deepEqual(await thoseThatContinue({ b: {}, a: {}, c: {} }), ['a']);
    assert.deepEqual(await thoseThatContinue({ b: {}, a: { isAlive: false }, c: {} }), ['b']);
    assert.deepEqual(await thoseThatContinue({ b: {}, a: { roles: ['rooms'] }, c: {} }), ['b']);
    assert.deepEqual(await thoseThatContinue({ only: {} }), ['only']);
  });

  test('by a server without a cluster', async () => {
    const placement = createSolePlacement();
    for (const name of ['door', undefined])
      assert.ok(await continuesDeletion('1', { nameOf: async () => name, placement }));
  });
});
