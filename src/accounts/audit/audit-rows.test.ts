import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CompiledQuery, type KyselyPlugin } from 'kysely';
import { openTemporaryStore } from '../../store/store.fixture.ts';
import { auditRows } from './audit-rows.ts';

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
