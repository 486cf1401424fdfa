import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { Contents } from '../../features/insight/contents.ts';
import { viewingRow } from '../../features/insight/insight.contract.ts';
import { ParquetPlace } from '../../features/insight/sealed/parquet-place.ts';
import { sealingWith } from '../../features/insight/sealed/sealed.fixture.ts';
import { ViewingTable } from '../../features/insight/viewing-table.ts';
import { createSilentLog } from '../../observe/log.ts';
import { openStore } from '../../store/db.ts';
import { serveHere } from '../../store/store.fixture.ts';
import { checkClearCopies, checkSealed } from './sealed-check.ts';

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

test('the doctor names copies of the database that have passwords in clear', async () => {
  await using opened = new AsyncDisposableStack();
  const data = await mkdtemp(join(tmpdir(), 'oxbow-doctor-'));
  opened.defer(() => rm(data, { recursive: true, force: true }));
  const make = (name: string, url: string, more: { columns?: string; healFrom?: string } = {}) => {
    using db = new DatabaseSync(join(data, name));
    db.exec(`CREATE TABLE stream (source TEXT NOT NULL, heal_from TEXT ${more.columns ?? ''})`);
    const source = JSON.stringify({ type: 'pull', url, headers: {} });
    db.prepare('INSERT INTO stream (source, heal_from) VALUES (?, ?)').run(source, more.healFrom ?? null);
  };
  const sealed = ', sealed TEXT';
  const secret = 'rtsp://u:p@cam.example/1';
  const plain = 'rtsp://cam.example/1';
  assert.equal(await checkClearCopies({ data: join(data, 'nowhere') }), undefined);
  make('oxbow.db', secret);
  make('oxbow.db.schema-40', plain);
  make('oxbow.db.schema-80', 'https://cam.example/***/1.m3u8', {
    columns: sealed,
    healFrom: '["off","https://cam.example/***/2.m3u8"]',
  });
  assert.equal(await checkClearCopies({ data }), undefined);
  make('oxbow.db.schema-50', secret);
  await writeFile(join(data, 'oxbow.db.schema-51'), 'no database');
  // A server of then did not seal them all, or ended before.
  make('oxbow.db.schema-81', 'https://cam.example/KEY/1.m3u8', { columns: sealed });
  make('oxbow.db.schema-52', plain, { healFrom: '["https://cam.example/1.m3u8?token=x"]' });
  make('oxbow.db.before-restore-20260102T030405Z', secret);
  const corrupt = 'oxbow.db.corrupt-20260102T030405Z-2';
  make(corrupt, secret);
  {
    using db = new DatabaseSync(join(data, corrupt));
    db.exec('PRAGMA journal_mode = WAL');
  }
  const files = await readdir(data);
  const finding = await checkClearCopies({ data });
  assert.equal(finding?.state, 'warning');
  assert.deepEqual(finding.text.match(/(?<=oxbow\.db\.)[^,]+/g), [
    'before-restore-20260102T030405Z',
    'corrupt-20260102T030405Z-2',
    ...['50', '51', '52', '81'].map((schema) => `schema-${schema}`),
  ]);
  assert.deepEqual(await readdir(data), files);
});
