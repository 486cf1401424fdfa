import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sql } from 'kysely';
import { openTemporaryStore } from '../../store/store.fixture.ts';
import { channelTableContract } from './channel-table.contract.ts';
import { ChannelTable } from './channel-table.ts';

channelTableContract('SQLite', openTemporaryStore);

test('a change that comes after that of another node leaves no item behind', async () => {
  await using store = await openTemporaryStore();
  const table = await ChannelTable.open(store.db);
  await table.change('tv', () => ({ zone: 'Asia/Shanghai' }));
  // The row has another revision by now, each time that it is written.
  await sql`CREATE TRIGGER faster BEFORE UPDATE ON channel BEGIN SELECT RAISE(IGNORE); END`.execute(store.db);
  const times = { startMs: 0, durationMs: 1000, weekly: false, mediaMs: 0 };
  const added = { kind: 'asset', ref: 'film', title: 'Film', ...times } as const;
  await assert.rejects(
    table.change('tv', () => ({ added })),
    { code: 'not-ready' },
  );
  assert.deepEqual(await store.db.selectFrom('channel_item').selectAll().execute(), []);
});
