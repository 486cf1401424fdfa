import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Contents } from '../../features/insight/contents.ts';
import { viewingRow } from '../../features/insight/insight.contract.ts';
import { ParquetPlace } from '../../features/insight/sealed/parquet-place.ts';
import { sealingWith } from '../../features/insight/sealed/sealed.fixture.ts';
import { ViewingTable } from '../../features/insight/viewing-table.ts';
import { createSilentLog } from '../../observe/log.ts';
import { openStore } from '../../store/db.ts';
import { serveHere } from '../../store/store.fixture.ts';
import { checkSealed } from './sealed-check.ts';

test('the doctor reports missing files of sealed hours, and what answers questions about them', async () => {
  await using opened = new AsyncDisposableStack();
  const data = await mkdtemp(join(tmpdir(), 'oxbow-doctor-'));
  opened.defer(() => rm(data, { recursive: true, force: true }));
  const { signal } = new AbortController();
  const nowhere = join(data, 'nowhere');
  const look = (duckdb: string) =>
    checkSealed({ data, insight: { seal: 'parquet', duckdb } } as Parameters<typeof checkSealed>[0], { signal });
  assert.equal(await look(''), undefined);
  const folder = join(data, 'insight');
  {
    await using store = await openStore({ file: join(data, 'oxbow.db'), log: createSilentLog(), start: serveHere });
    await using place = new ParquetPlace({ folder, duckdb: nowhere, memoryMb: 128, threads: 1 });
    const contents = new Contents(store.db);
    const table = new ViewingTable({ db: store.db, contents, node: '' });
    await table.add([viewingRow({ kind: 'stream', id: 'door' }, 's', 0)]);
    await sealingWith(store.db, place, { contents }).seal();
  }
  const without = await look(nowhere);
  assert.equal(without?.state, 'warning');
  assert.match(without.text, /^1 files; questions about more than 2000000 sealed rows are refused/);
  await rm(folder, { recursive: true });
  const missing = await look('');
  assert.match(missing!.text, /^1 of 1 files in .* are missing/);
});
