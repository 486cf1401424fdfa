/**
 * PostgreSQL behind PgBouncer, whose connections to the server are shared: contracts of tables whose
 * statements need a transaction or a lock, and a server that keeps its data while PgBouncer is killed.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { accountTablesContract } from '../../src/accounts/account-tables.contract.ts';
import { clusterNodesContract } from '../../src/cluster/placement/cluster-nodes.contract.ts';
import { sharedPlacementContract } from '../../src/cluster/placement/shared-placement.contract.ts';
import { messageTableContract } from '../../src/features/rooms/chat/message-table.contract.ts';
import { sharedJobsContract } from '../../src/jobs/shared-jobs.contract.ts';
import { tableQueueContract } from '../../src/jobs/table-queue.contract.ts';
import { recordingTablesContract } from '../../src/recording/tables.contract.ts';
import { leaseTableContract } from '../../src/store/lease-table.contract.ts';
import { type PgBouncer, startPgBouncer } from '../fixtures/engines/pgbouncer.ts';
import { needPostgres, openDatabases } from '../fixtures/engines/postgres.ts';
import { need } from '../fixtures/need.ts';
import { openFolder, smallPicture, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { type ReusedDatabases, reuseDatabases } from './reused-databases.ts';

const opened = new AsyncDisposableStack();
let pooler: PgBouncer;
let databases: ReusedDatabases;
const openDatabase = () => databases.take();

suite('PostgreSQL behind PgBouncer', { skip: needPostgres() || need('pgbouncer') }, () => {
  before(async () => {
    pooler = opened.use(await startPgBouncer(opened.use(await openDatabases())));
    databases = opened.use(reuseDatabases(pooler));
  });
  after(() => opened.disposeAsync());

  leaseTableContract('PgBouncer', openDatabase);
  sharedPlacementContract('PgBouncer', openDatabase);
  clusterNodesContract('PgBouncer', openDatabase);
  accountTablesContract('PgBouncer', openDatabase);
  tableQueueContract('PgBouncer', openDatabase);
  sharedJobsContract('PgBouncer', openDatabase);
  messageTableContract('PgBouncer', openDatabase);
  recordingTablesContract('PgBouncer', openDatabase);

  test('a server records, loses it, records on, and has everything after a restart', async () => {
    await using folder = await openFolder('pooler');
    const url = pooler.url(await pooler.create());
    const options = { data: join(folder.path, 'data'), adminToken: 'let-me-in-please', args: smallPicture };
    const start = () => startServer({ ...options, env: { OXBOW_STORE_URL: url }, sample: false });
    let recordedS: number;
    {
      await using server = await start();
      const limits = server.log().flatMap(({ limit }) => limit ?? []);
      assert.deepEqual(limits, ['statement_timeout', 'idle_in_transaction_session_timeout'], 'each is logged once');
      const body = JSON.stringify({ name: 'cam', source: { type: 'test' } });
      const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body };
      assert.ok((await server.fetch('/api/v1/streams', init)).ok);
      const { recorded } = await until('something is recorded', async () => {
        const stream = await server.stream('cam', 'live');
        return stream.recorded.seconds >= 4 && stream;
      });
      await pooler.restart();
      recordedS = await until('more is recorded', async () => {
        const { seconds } = (await server.stream('cam', 'live')).recorded;
        return seconds >= recorded.seconds + 4 && seconds;
      });
      assert.equal((await server.stop('SIGTERM')).code, 0);
    }
    await using again = await start();
    const { recorded } = await again.stream('cam');
    assert.ok(recorded.seconds >= recordedS, `${recorded.seconds} s of ${recordedS} s`);
  });
});
