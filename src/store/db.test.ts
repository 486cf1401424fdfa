import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { isWindows } from '../lib/platform.ts';
import { createLog, createSilentLog } from '../observe/log.ts';
import { openStore, type Store } from './db.ts';
import { lockDataFolder } from './lock.ts';
import { metadataContract } from './metadata.contract.ts';

async function temporaryFolder(): Promise<{ path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), 'oxbow-store-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

const log = createSilentLog();

metadataContract('sqlite', async (): Promise<Store & AsyncDisposable> => {
  const folder = await temporaryFolder();
  const store = await openStore({ file: join(folder.path, 'oxbow.db'), log });
  return {
    ...store,
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
});

/** A row identified by its time. */
const onAir = (atUs: number) => ({ stream_id: 'a', at_us: atUs, clean: 0, absences: '[]', generation: null });

const modeOf = async (path: string) => (await stat(path)).mode & 0o777;

test('a new data folder and its database are accessible to their owner only', { skip: isWindows }, async () => {
  await using folder = await temporaryFolder();
  const data = join(folder.path, 'above', 'data');
  const file = join(data, 'oxbow.db');
  await using store = await openStore({ file, log });
  await store.check();
  assert.equal(await modeOf(data), 0o700);
  for (const name of ['oxbow.db', 'oxbow.db-wal', 'oxbow.db-shm']) {
    assert.equal(await modeOf(join(data, name)), 0o600, name);
  }
});

test('read access of other users is removed, with a line in the log', { skip: isWindows }, async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, 'oxbow.db');
  await (await openStore({ file, log }))[Symbol.asyncDispose]();
  await Promise.all([chmod(folder.path, 0o755), chmod(file, 0o644)]);
  const lines: string[] = [];
  const jsonLog = createLog({ level: 'info', format: 'json', write: (line) => lines.push(line) });
  await (await openStore({ file, log: jsonLog }))[Symbol.asyncDispose]();
  assert.deepEqual([await modeOf(folder.path), await modeOf(file)], [0o700, 0o600]);
  const paths = lines.map((line) => (JSON.parse(line) as { path: string }).path);
  assert.deepEqual(paths, [folder.path, file]);
});

test('rows are kept after closing and opening again, in a new folder', async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, 'new', 'data', 'oxbow.db');
  const waits: number[] = [];
  {
    await using store = await openStore({
      file,
      log,
      onWait: (seconds, sql) => sql.includes('stream_on_air') && waits.push(seconds),
    });
    await store.db.insertInto('stream_on_air').values(onAir(1)).execute();
  }
  await using store = await openStore({ file, log });
  assert.equal((await store.db.selectFrom('stream_on_air').selectAll().execute()).length, 1);
  assert.equal(store.movedTo, undefined);
  assert.ok(waits.length === 1 && waits[0]! > 0);
});

for (const [what, damage] of [
  [
    'that is no database at all',
    (bytes: Buffer) => Buffer.from('not a database, whatever its name says'.repeat(bytes.length / 40)),
  ],
  [
    'with a page overwritten',
    (bytes: Buffer) => Buffer.concat([bytes.subarray(0, 4096), Buffer.alloc(8192, 0xa5), bytes.subarray(12288)]),
  ],
] as const) {
  test(`a database file ${what} is moved aside, kept, reported, and replaced`, async () => {
    await using folder = await temporaryFolder();
    const file = join(folder.path, 'oxbow.db');
    await (await openStore({ file, log }))[Symbol.asyncDispose]();
    const broken = damage(await readFile(file));
    await writeFile(file, broken);
    await using store = await openStore({ file, log, nowMs: Date.UTC(2026, 0, 2, 3, 4, 5) });
    assert.equal(store.movedTo, `${file}.corrupt-20260102T030405Z`);
    assert.deepEqual(await readFile(store.movedTo), broken);
    assert.deepEqual(await store.db.selectFrom('stream').selectAll().execute(), []);
  });
}

test('a database of a newer oxbow is rejected with both schema numbers, unchanged', async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, 'oxbow.db');
  const newer = new DatabaseSync(file);
  newer.exec('PRAGMA user_version = 999');
  newer.close();
  const before = await readFile(file);
  await assert.rejects(openStore({ file, log }), { name: 'OxbowError', code: 'data-newer', message: /schema 999/ });
  assert.deepEqual(await readFile(file), before);
});

test('a folder that cannot be created is an error that names it', async () => {
  await using folder = await temporaryFolder();
  await writeFile(join(folder.path, 'file'), '');
  const file = join(folder.path, 'file', 'oxbow.db');
  await assert.rejects(openStore({ file, log }), { name: 'OxbowError', code: 'folder-unwritable', message: /file/ });
});

test('a database file that is a folder is an error, and the lock is free again', async () => {
  await using folder = await temporaryFolder();
  await mkdir(join(folder.path, 'oxbow.db'));
  const open = () => openStore({ file: join(folder.path, 'oxbow.db'), log });
  await assert.rejects(open(), { name: 'OxbowError', code: 'folder-unwritable' });
  await assert.rejects(open(), { name: 'OxbowError', code: 'folder-unwritable' });
});

test('a database that another program has locked is an error that says so, and what to do', async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, 'oxbow.db');
  await (await openStore({ file, log }))[Symbol.asyncDispose]();
  const other = new DatabaseSync(file);
  try {
    other.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
    await assert.rejects(openStore({ file, log }), {
      name: 'OxbowError',
      code: 'data-in-use',
      message: /Another program has locked .*oxbow\.db\. End it/,
    });
  } finally {
    other.close();
  }
  await (await openStore({ file, log }))[Symbol.asyncDispose]();
});

test('a second opener in the same process is refused until the first closes', async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, 'oxbow.db');
  const first = await openStore({ file, log });
  await assert.rejects(openStore({ file, log }), { name: 'OxbowError', code: 'data-in-use' });
  await first[Symbol.asyncDispose]();
  await (await openStore({ file, log }))[Symbol.asyncDispose]();
});

test('a second process is refused, and kill -9 of the first frees the folder with its committed rows', async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, 'oxbow.db');
  const script = `
    import { openStore } from ${JSON.stringify(new URL('./db.ts', import.meta.url).href)};
    import { createSilentLog } from ${JSON.stringify(new URL('../observe/log.ts', import.meta.url).href)};
    const store = await openStore({ file: ${JSON.stringify(file)}, log: createSilentLog() });
    await store.db.insertInto('stream_on_air').values(${JSON.stringify(onAir(7))}).execute();
    console.log('open');
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    await Promise.race([
      once(child.stdout, 'data'),
      once(child, 'exit').then(() => assert.fail('the child ended early')),
    ]);
    assert.throws(() => lockDataFolder(folder.path), { name: 'OxbowError', code: 'data-in-use' });
    await assert.rejects(openStore({ file, log }), { code: 'data-in-use' });
  } finally {
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }
  await using store = await openStore({ file, log });
  const rows = await store.db.selectFrom('stream_on_air').select('at_us').execute();
  assert.deepEqual(
    rows.map((row) => row.at_us),
    [7],
  );
});

test('the lock writes nothing but its own empty file', async () => {
  await using folder = await temporaryFolder();
  {
    using _lock = lockDataFolder(folder.path);
    assert.deepEqual(await readdir(folder.path), ['lock.db']);
  }
  await access(join(folder.path, 'lock.db'));
});
