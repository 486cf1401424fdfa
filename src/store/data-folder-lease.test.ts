import assert from 'node:assert/strict';
import { cp, mkdtemp, rm, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { openVirtualTime, type TestTime } from '../../test/fixtures/virtual-time.ts';
import { isWindows } from '../lib/platform.ts';
import { createSilentLog } from '../observe/log.ts';
import { openStore, type StoreOptions } from './db.ts';
import { serveHere } from './store.fixture.ts';

const log = createSilentLog();
/** The usual time to live. */
const TTL_MS = 30_000;
/** In the year 2096. */
const FAR_US = 4e15;

/** Opens the store, which may wait for a lease, on virtual time. */
const open = (time: TestTime, file: string, options: Partial<StoreOptions> = {}) =>
  time.settled('the store is open', openStore({ file, log, start: serveHere, ...options }));

async function temporaryFolder() {
  const folder = await mkdtemp(join(tmpdir(), 'oxbow-lease-'));
  return {
    folder,
    file: join(folder, 'oxbow.db'),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

/** Changes the lease like another process, without the store. */
function changeLease(
  file: string,
  change: (row: { holder: string; token: number }) => { holder?: string; token?: number },
) {
  using db = new DatabaseSync(file, { timeout: 5000 });
  const row = db.prepare('SELECT holder, token FROM lease').get() as { holder: string; token: number };
  const { holder, token } = { ...row, ...change(row) };
  db.prepare('UPDATE lease SET holder = ?, token = ?, expires_us = ?').run(holder, token, FAR_US);
}

/** Opens and closes the store, then leaves the lease like a killed holder with another record. */
async function leaveLease(file: string, other: Record<string, string>): Promise<void> {
  await (await openStore({ file, log, start: serveHere }))[Symbol.asyncDispose]();
  changeLease(file, ({ holder }) => ({ holder: JSON.stringify({ ...JSON.parse(holder), ...other }) }));
}

async function opensAtOnce(file: string): Promise<number> {
  using time = openVirtualTime();
  await using store = await open(time, file);
  assert.equal(time.nowMs, 0, 'it did not wait for the lease to end');
  return store.fence.token;
}

test('after kill -9 the next start takes the lease at once, with a higher token', async () => {
  await using own = await temporaryFolder();
  await leaveLease(own.file, {});
  assert.equal(await opensAtOnce(own.file), 2);
});

test('the lease in a copy of a data folder causes no delay', async () => {
  await using own = await temporaryFolder();
  await using copy = await temporaryFolder();
  await leaveLease(own.file, {});
  await cp(own.file, copy.file);
  assert.equal(await opensAtOnce(copy.file), 2);
});

test('a holder on another machine is replaced only if it does not renew its lease', async () => {
  using time = openVirtualTime();
  await using own = await temporaryFolder();
  await leaveLease(own.file, { boot: 'another' });
  await using store = await open(time, own.file);
  assert.deepEqual([store.fence.token, time.nowMs], [2, TTL_MS]);
});

test('a holder on another machine that renews its lease keeps the folder, and the error names it', async () => {
  using time = openVirtualTime();
  await using own = await temporaryFolder();
  await leaveLease(own.file, { boot: 'another', host: 'attic' });
  let renewals = 0;
  const renewing = setInterval(() => {
    using db = new DatabaseSync(own.file, { timeout: 5000 });
    db.prepare('UPDATE lease SET expires_us = ?').run(FAR_US + ++renewals);
  }, TTL_MS / 6);
  await assert.rejects(open(time, own.file), {
    name: 'OxbowError',
    code: 'data-in-use',
    message: /process \d+ on attic/,
  });
  assert.deepEqual([time.nowMs, renewals], [2 * TTL_MS, 12]);
  clearInterval(renewing);
});

test('with a deleted lock file a second process is still rejected', { skip: isWindows }, async () => {
  using time = openVirtualTime();
  await using own = await temporaryFolder();
  await using first = await open(time, own.file);
  await unlink(join(own.folder, 'lock.db'));
  await assert.rejects(open(time, own.file), { code: 'data-in-use' });
  assert.deepEqual([first.fence.token, time.nowMs], [1, 2 * TTL_MS]);
  await first.check();
});

test('an owner whose folder is taken is notified, and does not release what is no longer its own', async () => {
  using time = openVirtualTime();
  await using own = await temporaryFolder();
  const { promise, resolve } = Promise.withResolvers<void>();
  const store = await open(time, own.file, { onTaken: resolve });
  changeLease(own.file, ({ token }) => ({ token: token + 1 }));
  await time.settled('the owner is notified', promise);
  assert.equal(time.nowMs, TTL_MS / 3, 'with its next renewal');
  assert.equal(store.fence.token, 1, 'its guarded writes are refused');
  await store[Symbol.asyncDispose]();
  using db = new DatabaseSync(own.file);
  assert.equal(db.prepare('SELECT expires_us FROM lease').get()!.expires_us, FAR_US);
});
