import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { createSilentLog } from '../observe/log.ts';
import { type BackupOptions, writeBackup } from './backup.ts';
import { openStore } from './db.ts';
import { migrations, upOf } from './migrations.ts';
import { restoreBackup } from './restore.ts';

const NOW_MS = Date.UTC(2026, 0, 2, 3, 4, 5);
const SECRET = { name: 'watch-secret', content: Buffer.from('a secret of watch links\n') };
const log = createSilentLog();
const never = new AbortController().signal;

class Folder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), 'oxbow-backup-'));
  at(name: string): string {
    return join(this.path, name);
  }
  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

const marker = (id: string) => ({ id, stream_id: 's', at_us: 1, text: `what ${id} says` });
const session = {
  id: 'me',
  digest: 'd',
  created_us: 1,
  seen_us: 1,
  address: '192.0.2.1',
  program: 'a browser',
  user_id: null,
  television: 0,
};

/** A data folder with a marker and a session. */
async function makeData(folder: Folder): Promise<string> {
  const database = folder.at('data/oxbow.db');
  await using store = await openStore({ file: database, log });
  await store.db.insertInto('marker').values(marker('first')).execute();
  await store.db.insertInto('session').values(session).execute();
  return database;
}

const backUp = (database: string, target: string, more: Partial<BackupOptions> = {}) =>
  writeBackup({ database, target, files: [SECRET], version: '9.9.9', nowMs: NOW_MS, signal: never, ...more });

const putBack = (backup: string, database: string) =>
  restoreBackup({ backup, database, files: [SECRET.name], nowMs: NOW_MS });

function rows(file: string, table: string): Record<string, unknown>[] {
  const db = new DatabaseSync(file, { readOnly: true });
  try {
    return db
      .prepare(`SELECT * FROM ${table}`)
      .all()
      .map((row) => ({ ...row }));
  } finally {
    db.close();
  }
}

test('a backup is one file for its owner only, has a manifest, and contains no sessions', async () => {
  using folder = new Folder();
  const database = await makeData(folder);
  const target = folder.at('copy.db');
  const made = await backUp(database, target);
  assert.deepEqual(made, {
    form: 1,
    oxbow: '9.9.9',
    schema: migrations.length,
    takenAt: '2026-01-02T03:04:05.000Z',
    counts: { streams: 0, markers: 1, pins: 0, clips: 0, tokens: 0, webhooks: 0, assets: 0 },
    files: ['watch-secret'],
    recordings: { files: 0, bytes: 0 },
    bytes: statSync(target).size,
  });
  if (process.platform !== 'win32') assert.equal(statSync(target).mode & 0o777, 0o600);
  assert.deepEqual(readdirSync(folder.path).sort(), ['copy.db', 'data']);
  assert.deepEqual(rows(target, 'marker'), [marker('first')]);
  assert.deepEqual(rows(target, 'session'), []);
  assert.ok(!readFileSync(target).includes(session.address), 'not even between the rows');
  assert.deepEqual(rows(database, 'session'), [session], 'the database is as it was');
});

test('a folder with continuous writes of another process is copied as of one moment', async () => {
  using folder = new Folder();
  const database = await makeData(folder);
  const filler = new DatabaseSync(database);
  filler.exec(`CREATE TABLE filler (bytes BLOB)`);
  filler.exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
    INSERT INTO filler SELECT zeroblob(8000) FROM n`);
  filler.close();
  // Each pair is one transaction; so a copy has both or neither.
  const script = `
    const { DatabaseSync } = require('node:sqlite');
    const db = new DatabaseSync(${JSON.stringify(database)}, { timeout: 5000 });
    let n = 0;
    setInterval(() => {
      n++;
      db.exec("BEGIN IMMEDIATE; INSERT INTO marker VALUES ('a" + n + "', 's', 1, ''), ('b" + n + "', 's', 1, ''); COMMIT");
      if (n === 1) console.log('writes');
    }, 1);`;
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    await once(child.stdout, 'data');
    const shares: number[] = [];
    const target = folder.at('copy.db');
    const { counts } = await backUp(database, target, { progress: (share) => shares.push(share) });
    assert.ok(counts.markers >= 3 && counts.markers % 2 === 1, `${counts.markers} markers`);
    assert.ok(shares.length >= 3, 'it takes several steps');
    assert.deepEqual(
      shares,
      shares.toSorted((a, b) => a - b),
      'and never begins again',
    );
    assert.ok(rows(database, 'marker').length > counts.markers, 'it was written to meanwhile');
  } finally {
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }
  const { counts } = await backUp(database, folder.at('copy.db'));
  assert.ok(counts.markers >= 3, 'and so is one whose writer was killed; a backup replaces a backup');
});

test('an abort, a missing database and a target that is another file change nothing', async () => {
  using folder = new Folder();
  const database = await makeData(folder);
  const stopped = AbortSignal.abort(new DOMException('stopped', 'AbortError'));
  await assert.rejects(backUp(database, folder.at('copy.db'), { signal: stopped }), { name: 'AbortError' });
  await assert.rejects(backUp(folder.at('none/oxbow.db'), folder.at('copy.db')), { code: 'not-found' });
  await assert.rejects(backUp(database, folder.at('none/copy.db')), { code: 'folder-unwritable' });
  writeFileSync(folder.at('letter.txt'), 'dear reader');
  for (const other of [folder.at('letter.txt'), database]) {
    await assert.rejects(backUp(database, other), { code: 'bad-request', message: /is not a backup/ });
  }
  assert.deepEqual(readdirSync(folder.path).sort(), ['data', 'letter.txt']);
  assert.equal(readFileSync(folder.at('letter.txt'), 'utf8'), 'dear reader');
});

test('a damaged database gives no backup', async () => {
  using folder = new Folder();
  const database = await makeData(folder);
  const bytes = readFileSync(database);
  writeFileSync(database, Buffer.concat([bytes.subarray(0, 4096), Buffer.alloc(8192, 0xa5), bytes.subarray(12288)]));
  await assert.rejects(backUp(database, folder.at('copy.db')), { code: 'bad-backup', message: /is damaged/ });
  assert.deepEqual(readdirSync(folder.path), ['data']);
});

test('a restore replaces database and small files and keeps the previous ones', async () => {
  using folder = new Folder();
  const database = await makeData(folder);
  const backup = folder.at('copy.db');
  await backUp(database, backup);
  if (process.platform !== 'win32') chmodSync(backup, 0o444);
  writeFileSync(folder.at('data/watch-secret'), 'another secret of watch links\n');
  const since = new DatabaseSync(database);
  since.prepare(`INSERT INTO marker VALUES ('second', 's', 1, '')`).run();
  since.close();
  const { manifest, aside } = await putBack(backup, database);
  assert.equal(manifest.counts.markers, 1);
  assert.deepEqual(aside, [
    folder.at('data/oxbow.db.before-restore-20260102T030405Z'),
    folder.at('data/watch-secret.before-restore-20260102T030405Z'),
  ]);
  assert.equal(rows(aside[0]!, 'marker').length, 2);
  assert.equal(readFileSync(aside[1]!, 'utf8'), 'another secret of watch links\n');
  assert.deepEqual(readFileSync(folder.at('data/watch-secret')), SECRET.content);
  if (process.platform !== 'win32') {
    for (const name of ['oxbow.db', 'watch-secret'])
      assert.equal(statSync(folder.at(`data/${name}`)).mode & 0o777, 0o600);
  }
  assert.ok(!readFileSync(database).includes(SECRET.content), 'the secret is in its own file alone');
  await using store = await openStore({ file: database, log });
  assert.deepEqual(await store.db.selectFrom('marker').selectAll().execute(), [marker('first')]);
});

test('a restore never lowers the marks of announced MSNs, and raises them if the data folder has none', async () => {
  using folder = new Folder();
  const database = await makeData(folder);
  const marks = { name: 'msn-marks.json', content: Buffer.from('{"marks":{"door":1000000000},"others":0}') };
  await backUp(database, folder.at('copy.db'), { files: [SECRET, marks] });
  writeFileSync(folder.at('data/msn-marks.json'), '{"marks":{"door":1000005000},"others":0}');
  const { aside } = await putBack(folder.at('copy.db'), database);
  assert.ok(!aside.some((file) => file.includes('msn-marks')), 'they are merged');
  const read = (name: string) => JSON.parse(readFileSync(folder.at(name), 'utf8'));
  assert.deepEqual(read('data/msn-marks.json').marks, { door: 1_000_005_000 });
  await putBack(folder.at('copy.db'), folder.at('new/oxbow.db'));
  const { door } = read('new/msn-marks.json').marks;
  assert.equal(door, 1e9 + 2 ** 24);
});

test('a folder in use, a damaged backup, one of a newer oxbow and another file change nothing', async () => {
  using folder = new Folder();
  const database = await makeData(folder);
  const backup = folder.at('copy.db');
  await backUp(database, backup);
  const bytes = readFileSync(backup);
  const named = (name: string, content: Uint8Array) => {
    writeFileSync(folder.at(name), content);
    return folder.at(name);
  };
  const newer = named('newer.db', bytes);
  const db = new DatabaseSync(newer);
  db.exec('PRAGMA user_version = 999');
  db.close();
  copyFileSync(database, folder.at('plain.db'));
  const damaged = Buffer.concat([bytes.subarray(0, 4096 * 4), Buffer.alloc(8192, 0xa5), bytes.subarray(4096 * 6)]);
  const refused: readonly (readonly [string, string])[] = [
    [folder.at('none.db'), 'not-found'],
    [newer, 'data-newer'],
    [folder.at('plain.db'), 'bad-backup'],
    [named('letter.txt', Buffer.from('dear reader, this is no database')), 'bad-backup'],
    [named('short.db', bytes.subarray(0, bytes.length / 2)), 'bad-backup'],
    [named('damaged.db', damaged), 'bad-backup'],
  ];
  // SQLite creates and removes its own files for each reader.
  const names = () => readdirSync(folder.at('data')).filter((name) => !/-(wal|shm)$/.test(name));
  const before = names();
  for (const [file, code] of refused) await assert.rejects(putBack(file, database), { code }, file);
  {
    await using _store = await openStore({ file: database, log });
    await assert.rejects(putBack(backup, database), { code: 'data-in-use' });
  }
  assert.deepEqual(names(), before);
  assert.deepEqual(rows(database, 'marker'), [marker('first')]);
  await assert.rejects(putBack(newer, folder.at('new/oxbow.db')), { code: 'data-newer' });
  assert.ok(!readdirSync(folder.path).includes('new'), 'no folder is created for an invalid backup');
});

test('a backup of an older oxbow is restored, and upgraded when it is opened', async () => {
  using folder = new Folder();
  const old = new DatabaseSync(folder.at('old.db'));
  for (const step of migrations.slice(0, 1)) old.exec(upOf(step));
  old.exec('PRAGMA user_version = 1');
  old.close();
  const made = await backUp(folder.at('old.db'), folder.at('copy.db'));
  assert.deepEqual([made.schema, made.counts.markers], [1, 0]);
  const database = folder.at('new/oxbow.db');
  assert.deepEqual((await putBack(folder.at('copy.db'), database)).aside, []);
  await using store = await openStore({ file: database, log });
  assert.deepEqual(await store.db.selectFrom('webhook').selectAll().execute(), []);
});

test('files restored by root belong to the owner of the data folder', {
  skip: process.getuid?.() !== 0 && 'this is not root',
}, async () => {
  using folder = new Folder();
  const database = await makeData(folder);
  await backUp(database, folder.at('copy.db'));
  mkdirSync(folder.at('other'));
  chownSync(folder.at('other'), 1234, 1234);
  await putBack(folder.at('copy.db'), folder.at('other/oxbow.db'));
  const owners = readdirSync(folder.at('other')).map((name) => [name, statSync(folder.at(`other/${name}`)).uid]);
  assert.deepEqual(Object.fromEntries(owners), {
    'lock.db': 1234,
    'msn-marks.json': 1234,
    'oxbow.db': 1234,
    'watch-secret': 1234,
  });
});
