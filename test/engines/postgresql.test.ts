/**
 * The contracts of all tables on a real PostgreSQL server.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite } from 'node:test';
import { accountTablesContract } from '../../src/accounts/account-tables.contract.ts';
import { sharedAccountsContract } from '../../src/accounts/shared-accounts.contract.ts';
import { storedObjectsContract } from '../../src/archive/objects/stored-objects.contract.ts';
import { clusterNodesContract } from '../../src/cluster/placement/cluster-nodes.contract.ts';
import { placementFaultsContract } from '../../src/cluster/placement/placement-faults.contract.ts';
import { sharedPlacementContract } from '../../src/cluster/placement/shared-placement.contract.ts';
import { angleTableContract } from '../../src/features/angles/angle-table.contract.ts';
import { caseTableContract } from '../../src/features/cases/case-table.contract.ts';
import { channelTableContract } from '../../src/features/channel/channel-table.contract.ts';
import { clipTableContract } from '../../src/features/clips/clip-table.contract.ts';
import { insightContract } from '../../src/features/insight/insight.contract.ts';
import { sealedContract } from '../../src/features/insight/sealed/sealed.contract.ts';
import { pushTablesContract } from '../../src/features/push/push-tables.contract.ts';
import { reportTableContract } from '../../src/features/reports/report-table.contract.ts';
import { messageTableContract } from '../../src/features/rooms/chat/message-table.contract.ts';
import { roomTakeoverContract } from '../../src/features/rooms/cluster/room-takeover.contract.ts';
import { roomTablesContract } from '../../src/features/rooms/stored/room-tables.contract.ts';
import { sharedJobsContract } from '../../src/jobs/shared-jobs.contract.ts';
import { tableQueueContract } from '../../src/jobs/table-queue.contract.ts';
import { assetListContract } from '../../src/library/asset-list.contract.ts';
import { createSilentLog } from '../../src/observe/log.ts';
import { chainTablesContract } from '../../src/recording/evidence/chain-tables.contract.ts';
import { sharedRowsContract } from '../../src/recording/shared-rows.contract.ts';
import { recordedSumsContract } from '../../src/recording/sums/recorded-sums.contract.ts';
import { recordingTablesContract } from '../../src/recording/tables.contract.ts';
import { openStore, type Store } from '../../src/store/db.ts';
import { eventLogContract, eventLogOrderContract } from '../../src/store/event-log/event-log.contract.ts';
import { leaseTableContract } from '../../src/store/lease-table.contract.ts';
import { metadataContract } from '../../src/store/metadata.contract.ts';
import { textsContract } from '../../src/store/texts.contract.ts';
import { sealedRowsContract } from '../../src/streams/sealed-rows.contract.ts';
import { streamTablesContract } from '../../src/streams/tables.contract.ts';
import { sharedWebhooksContract } from '../../src/webhooks/shared-webhooks.contract.ts';
import { webhookTableContract } from '../../src/webhooks/webhook-table.contract.ts';
import { needPostgres, openDatabases } from '../fixtures/engines/postgres.ts';
import { fullTest } from '../full.ts';
import { type ReusedDatabases, reuseDatabases } from './reused-databases.ts';

const log = createSilentLog();
const opened = new AsyncDisposableStack();
let databases: ReusedDatabases;
const openDatabase = () => databases.take();

suite('PostgreSQL', { skip: needPostgres() }, () => {
  before(async () => {
    databases = opened.use(reuseDatabases(opened.use(await openDatabases())));
  });
  after(() => opened.disposeAsync());

  metadataContract('PostgreSQL', async (): Promise<Store & AsyncDisposable> => {
    const folder = await mkdtemp(join(tmpdir(), 'oxbow-store-'));
    const database = await databases.take();
    const store = await openStore({ file: join(folder, 'oxbow.db'), log, server: database.server });
    return {
      ...store,
      async [Symbol.asyncDispose]() {
        await store[Symbol.asyncDispose]();
        await database[Symbol.asyncDispose]();
        await rm(folder, { recursive: true, force: true });
      },
    };
  });
  leaseTableContract('PostgreSQL', openDatabase);
  textsContract('PostgreSQL', openDatabase);
  storedObjectsContract('PostgreSQL', openDatabase);
  sharedPlacementContract('PostgreSQL', openDatabase);
  placementFaultsContract('PostgreSQL', openDatabase);
  clusterNodesContract('PostgreSQL', openDatabase);
  accountTablesContract('PostgreSQL', openDatabase);
  tableQueueContract('PostgreSQL', openDatabase);
  insightContract('PostgreSQL', openDatabase);
  sealedContract('PostgreSQL', openDatabase, fullTest); // the places of rows are tested with SQLite
  messageTableContract('PostgreSQL', openDatabase);
  roomTablesContract('PostgreSQL', openDatabase);
  roomTakeoverContract('PostgreSQL', openDatabase);
  recordingTablesContract('PostgreSQL', openDatabase);
  recordedSumsContract('PostgreSQL', openDatabase);
  chainTablesContract('PostgreSQL', openDatabase);
  reportTableContract('PostgreSQL', openDatabase);
  pushTablesContract('PostgreSQL', openDatabase);
  caseTableContract('PostgreSQL', openDatabase);
  angleTableContract('PostgreSQL', openDatabase);
  channelTableContract('PostgreSQL', openDatabase);
  webhookTableContract('PostgreSQL', openDatabase);
  eventLogContract('PostgreSQL', openDatabase);
  eventLogOrderContract('PostgreSQL', openDatabase);
  streamTablesContract('PostgreSQL', openDatabase);
  sealedRowsContract('PostgreSQL', openDatabase);
  assetListContract('PostgreSQL', openDatabase);
  sharedAccountsContract('PostgreSQL', openDatabase);
  sharedJobsContract('PostgreSQL', openDatabase);
  sharedWebhooksContract('PostgreSQL', openDatabase);
  sharedRowsContract('PostgreSQL', openDatabase);
  clipTableContract('PostgreSQL', openDatabase);
});
