import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CompiledQuery, type KyselyPlugin } from 'kysely';
import { openTemporaryStore } from '../../store/store.fixture.ts';
import { auditRows } from './audit-rows.ts';

test('a target is a path with all below it, and no other name that begins like it', async () => {
  await using store = await openTemporaryStore();
  const rows = auditRows(store.db);
  const line = { userId: 'u1', name: 'ann', address: '', action: 'a', status: 200, traceId: '', atMs: 1 };
  const paths = ['streams/door', 'streams/door/start', 'streams/door-2', 'streams/doors', 'rooms/r1/streams/door'];
  await rows.add(paths.map((path) => ({ ...line, request: `POST /api/v1/${path}` })));
  await rows.add([{ ...line, request: 'a sentence about /api/v1/streams/door' }]);
  for (const target of ['/streams/door', '/api/v1/streams/door', '/streams/door/']) {
    const found = await rows.page({ target, limit: 10 });
    assert.deepEqual(
      found.map(({ request }) => request),
      ['POST /api/v1/streams/door/start', 'POST /api/v1/streams/door'],
      target,
    );
  }
});

test('no statement of the audit log reads all of its lines', async () => {
  await using store = await openTemporaryStore();
  const plans: Promise<{ rows: { detail: string }[] }>[] = [];
  const explain: KyselyPlugin = {
    transformQuery({ node, queryId }) {
      const { sql, parameters } = store.db.getExecutor().compileQuery(node, queryId);
      plans.push(store.db.executeQuery(CompiledQuery.raw(`EXPLAIN QUERY PLAN ${sql}`, [...parameters])));
      return node;
    },
    transformResult: async ({ result }) => result,
  };
  const rows = auditRows(store.db.withPlugin(explain));
  await rows.removeBefore(5);
  await rows.forget('u1');
  for (const query of [{}, { userId: 'u1' }, { action: 'createRoom' }])
    for (const before of [{}, { before: 9 }]) await rows.page({ ...query, ...before, limit: 10 });
  const found = (await Promise.all(plans)).flatMap(({ rows }) => rows.map(({ detail }) => detail));
  assert.equal(found.length, 8);
  // The newest lines of all are a scan from the end that stops at the limit.
  assert.deepEqual(found.map((one) => one.split(' ').at(0)).sort(), ['SCAN', ...Array(7).fill('SEARCH')], found.join());
  assert.match(found[0]!, /audit_by_time/);
});
