import assert from 'node:assert/strict';
import { cp, mkdtemp, rm, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { isWindows } from '../lib/platform.ts';
import { createSilentLog } from '../observe/log.ts';
import { openStore } from './db.ts';

const log = createSilentLog();
const TTL_MS = 300;
/** Renewed in time on a busy machine too. */
const LONG_TTL_MS = 1500;
const FAR_US = (Date.now() + 3_600_000) * 1000;

async function temporaryFolder() {
  const folder = await mkdtemp(join(tmpdir(), 'oxbow-lease-'));
  return {
    ...{ folder, file: join(folder, 'oxbow.db') },
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
  await (await openStore({ file, log }))[Symbol.asyncDispose]();
  changeLease(file, ({ holder }) => ({ holder: JSON.stringify({ ...JSON.parse(holder), ...other }) }));
}

/** Much less than the usual time to live of 30 s. */
async function opensAtOnce(file: string): Promise<number> {
  const startedMs = performance.now();
  const store = await openStore({ file, log });
  const { token } = store.fence;
  await store[Symbol.asyncDispose]();
  assert.ok(performance.now() - startedMs < 15_000, 'it did not wait for the lease to end');
  return token;
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
  await using own = await temporaryFolder();
  await leaveLease(own.file, { boot: 'another' });
  await using store = await openStore({ file: own.file, log, leaseTtlMs: TTL_MS });
  assert.equal(store.fence.token, 2);
});

test('a holder on another machine that renews its lease keeps the folder, and the error names it', async () => {
  await using own = await temporaryFolder();
  await leaveLease(own.file, { boot: 'another', host: 'attic' });
  let renewals = 0;
  const renewing = setInterval(() => {
    using db = new DatabaseSync(own.file, { timeout: 5000 });
    db.prepare('UPDATE lease SET expires_us = ?').run(FAR_US + ++renewals);
  }, TTL_MS / 6);
  try {
    await assert.rejects(openStore({ file: own.file, log, leaseTtlMs: TTL_MS }), {
      ...{ name: 'OxbowError', code: 'data-in-use' },
      message: /process \d+ on attic/,
    });
    assert.ok(renewals > 0);
  } finally {
    clearInterval(renewing);
  }
});

test('with a deleted lock file a second process is still rejected', { skip: isWindows }, async () => {
  await using own = await temporaryFolder();
  await using first = await openStore({ file: own.file, log, leaseTtlMs: LONG_TTL_MS });
  await unlink(join(own.folder, 'lock.db'));
  await assert.rejects(openStore({ file: own.file, log, leaseTtlMs: LONG_TTL_MS }), { code: 'data-in-use' });
  assert.equal(first.fence.token, 1);
  await first.check();
});

test('an owner whose folder is taken is notified, and does not release what is no longer its own', async () => {
  await using own = await temporaryFolder();
  const { promise, resolve } = Promise.withResolvers<void>();
  const store = await openStore({ file: own.file, log, leaseTtlMs: TTL_MS, onTaken: resolve });
  changeLease(own.file, ({ token }) => ({ token: token + 1 }));
  await promise;
  assert.equal(store.fence.token, 1, 'its guarded writes are refused');
  await store[Symbol.asyncDispose]();
  using db = new DatabaseSync(own.file);
  assert.equal(db.prepare('SELECT expires_us FROM lease').get()!.expires_us, FAR_US);
});
