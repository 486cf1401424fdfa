import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { ObjectStoreView } from '../../api/admin-shapes.ts';
import type { AppContext, Nodes } from '../../features/core.ts';
import { type ServerViews, viewsOfServer } from './one-server.ts';

const store: ObjectStoreView = {
  name: 'bucket',
  objects: 3,
  bytes: 30,
  waiting: 1,
  mirror: null,
  waitingBytes: 10,
  problem: null,
};
const healthy = { status: 'ok', checks: [{ name: 'disk', status: 'ok', detail: '', tookMs: 1 }] } as const;

/** The views of a process, and those that another one answers with; undefined: it does not answer. */
function openViews(own: Partial<ServerViews>, answers: { theirs: Partial<Record<keyof ServerViews, unknown>> }) {
  const client = {
    async send(_: unknown, { target }: { readonly target: string }) {
      const value = answers.theirs[target.split('/').at(-1) as keyof ServerViews];
      if (value === undefined) throw new Error('no answer');
      return { status: 200, body: async () => Buffer.from(JSON.stringify(value)), [Symbol.dispose]() {} };
    },
  };
  const placement = { others: [{ name: 'process-2', isAlive: true }] };
  const context = { process: {}, shutdown: new AbortController(), failed: () => () => undefined };
  return viewsOfServer(
    context as unknown as AppContext,
    { placement, client } as unknown as Nodes,
    own as unknown as ServerViews,
  );
}

suite('what several processes say as one server', () => {
  test('a bucket that one of them cannot reach has its problem, and the files of both wait', async () => {
    const own = { bytes: 100, growing: [], folders: [], objectStores: [store] };
    const theirs = { ...own, bytes: 50, objectStores: [{ ...store, objects: 2, waiting: 4, problem: 'it refuses' }] };
    const views = openViews({ storage: async () => own }, { theirs: { storage: theirs } });
    const { bytes, objectStores } = await views.storage();
    assert.equal(bytes, 150);
    assert.deepEqual(objectStores, [{ ...store, waiting: 5, waitingBytes: 20, problem: 'it refuses' }]);
  });

  test('what one does not answer counts as it was before; whether it works does not', async () => {
    const own = { bytes: 100, growing: [], folders: [], objectStores: [] };
    const answers = { theirs: { storage: { ...own, bytes: 50 }, health: healthy } as object };
    const views = openViews({ storage: async () => own, health: async () => healthy }, answers);
    assert.deepEqual([(await views.storage()).bytes, (await views.health()).status], [150, 'ok']);
    answers.theirs = {};
    assert.equal((await views.storage()).bytes, 150);
    const { status, checks } = await views.health();
    assert.deepEqual([status, checks.at(-1)?.detail], ['degraded', 'process-2 does not answer.']);
  });
});
