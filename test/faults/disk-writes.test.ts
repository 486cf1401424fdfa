import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { suite, test } from 'node:test';
import { SignInLinks } from '../../src/accounts/sign-in-links.ts';
import { openWatchSecret } from '../../src/accounts/watch-secret.ts';
import { openLocalSegmentStore, putFile } from '../../src/archive/local-segment-store.ts';
import { openLocalUploadStore } from '../../src/archive/local-upload-store.ts';
import { BlockFiles } from '../../src/archive/objects/block-files.ts';
import { openFolderClient } from '../../src/archive/objects/folder-client.ts';
import { recordingPrefix } from '../../src/archive/recording-locations.ts';
import { segmentLocation, segmentPrefix } from '../../src/archive/segment-store.ts';
import { createManualClock } from '../../src/lib/clock.ts';
import { OxbowError } from '../../src/lib/errors.ts';
import {
  type Fault,
  type FaultCode,
  type FaultyFiles,
  openFaultyFiles,
} from '../../src/lib/files/faulty-files.fixture.ts';
import { type Files, systemFiles } from '../../src/lib/files/files.ts';
import { createSilentLog } from '../../src/observe/log.ts';
import { Horizons } from '../../src/recording/horizons.ts';
import { START_US } from '../../src/recording/recording.fixture.ts';
import { Retention } from '../../src/recording/retention.ts';
import { writeBackup } from '../../src/store/backup.ts';
import { openStore } from '../../src/store/db.ts';
import { MSN_BLOCK, MsnMarks } from '../../src/store/msn-marks.ts';
import { restoreBackup } from '../../src/store/restore.ts';
import { announceRunning } from '../../src/store/running.ts';
import { openTemporaryStore, serveHere } from '../../src/store/store.fixture.ts';
import { openFolder } from '../fixtures/server.ts';
import { openDiskRecording } from './disk.fixture.ts';

const CODES: readonly FaultCode[] = ['EIO', 'ENOSPC', 'EROFS', 'EMFILE', 'SHORT'];
const never = new AbortController().signal;
const sha = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const content = (text: string) => Buffer.alloc(30_000, text);
const old = content('old ');
const next = content('new ');
const isSame = (a: Uint8Array, b: Uint8Array) => sha(a) === sha(b);

/** A way in which the server writes. */
interface Case {
  /** Runs with a disk that fails. Rejects with the system's error, an OxbowError or not at all. */
  work(files: Files, folder: string): Promise<unknown>;
  /** Before that, with a good disk. */
  prepare?(folder: string): Promise<unknown>;
  /**
   * With the disk well again: nothing kept is lost or changed, and the same works now.
   * @param done whether `work` had resolved
   */
  check(files: Files, folder: string, done: boolean): Promise<unknown>;
  readonly codes?: readonly FaultCode[];
}

/**
 * Runs a case with a failure at each operation, once and until the disk is healed.
 * @returns the number of runs
 */
async function failEverywhere(name: string, kind: Case): Promise<number> {
  await using folder = await openFolder('writes');
  let runs = 0;
  const run = (fault: Fault | undefined) => runOnce(name, kind, join(folder.path, String(runs++)), fault);
  const good = await run(undefined);
  for (const code of kind.codes ?? CODES) {
    for (const times of [1, Number.POSITIVE_INFINITY]) {
      for (let at = 0; at < good.count(code); at++) await run({ code, at, times });
    }
  }
  return runs;
}

async function runOnce(name: string, kind: Case, folder: string, fault: Fault | undefined): Promise<FaultyFiles> {
  const what = `${name}, ${fault ? `${fault.code} at ${fault.at}, ${fault.times} times` : 'without a failure'}`;
  await mkdir(folder);
  await kind.prepare?.(folder);
  const faulty = openFaultyFiles(systemFiles, fault);
  let done = true;
  try {
    await kind.work(faulty.files, folder);
  } catch (error) {
    done = false;
    assert.ok(fault && isOfDisk(error), `${what}: ${(error as Error).stack}`);
  }
  faulty.heal();
  try {
    await kind.check(faulty.files, folder, done);
  } catch (error) {
    throw new Error(`${what}, ${faulty.failed.at(0)}, ${done ? 'done' : 'rejected'}`, { cause: error });
  }
  assert.deepEqual(faulty.wrong, [], what);
  return faulty;
}

function isOfDisk(error: unknown): boolean {
  if (error instanceof SuppressedError) return isOfDisk(error.error) && isOfDisk(error.suppressed);
  if (error instanceof OxbowError || (error as Error).name === 'ObjectError') return true;
  return (error as NodeJS.ErrnoException).syscall !== undefined;
}

const object = segmentLocation('assets/a/film.mp4');
const cases: Readonly<Record<string, Case>> = {
  'an object that is stored in place of another': {
    async prepare(folder) {
      await using store = openLocalSegmentStore({ folder });
      await store.put(object, old);
    },
    async work(files, folder) {
      await using store = openLocalSegmentStore({ folder, files });
      await store.put(object, next);
    },
    async check(files, folder, done) {
      await using store = openLocalSegmentStore({ folder, files });
      const read = async () => store.read(object, { offset: 0, length: await store.size(object) });
      const found = await read();
      assert.ok(isSame(found, next) || (!done && isSame(found, old)), `${found.length} other bytes`);
      await store.put(object, next);
      assert.ok(isSame(await read(), next));
      await store.sweep(segmentPrefix('assets'));
      assert.deepEqual(await readdir(join(folder, 'assets', 'a')), ['film.mp4']);
    },
  },
  'an export, in a file that a user names': {
    work: (files, folder) => putFile(join(folder, 'film.mp4'), async (write) => write(next), { files }),
    async check(files, folder, done) {
      const path = join(folder, 'film.mp4');
      if (existsSync(path)) assert.ok(isSame(await readFile(path), next));
      else assert.ok(!done);
      await putFile(path, async (write) => write(next), { files });
      assert.ok(isSame(await readFile(path), next));
      assert.deepEqual(await readdir(folder), ['film.mp4']);
    },
  },
  'an upload': {
    async work(files, folder) {
      await using uploads = openLocalUploadStore({ folder, files });
      {
        await using file = await uploads.open(object);
        await file.write([next.subarray(0, 20_000)], 0);
        await file.sync(true);
        await file.write([next.subarray(20_000)], 20_000);
        await file.sync(true);
      }
      await uploads.finish(object, next.length);
    },
    async check(files, folder, done) {
      await using uploads = openLocalUploadStore({ folder, files });
      const path = join(folder, object);
      assert.ok(!done || existsSync(path), 'it was answered as complete');
      if (!existsSync(path)) {
        await using file = await uploads.open(object);
        await file.write([next], 0); // what was not answered as stored is sent again
      }
      await uploads.finish(object, next.length);
      assert.ok(isSame(await readFile(path), next));
    },
  },
  'the marks of announced segments': {
    async work(files, folder) {
      const failures: unknown[] = [];
      const open = { folder, files, lost: async () => undefined, failed: (error: unknown) => failures.push(error) };
      let last = 0;
      {
        await using marks = await MsnMarks.open(open);
        for (const name of ['door', 'yard', 'door']) {
          using claim = await marks.claim(name, 0);
          await claim.ready({ signal: never });
          claim.announced(claim.first + MSN_BLOCK / 2 + 10);
          last = Math.max(last, claim.first + MSN_BLOCK / 2 + 10);
        }
      }
      await writeFile(join(folder, 'last'), String(failures.length === 0 ? last : 0));
    },
    async check(files, folder, done) {
      const failed = (error: unknown) => assert.fail(String(error));
      await using marks = await MsnMarks.open({ folder, files, lost: async () => 1e6, failed });
      using claim = await marks.claim('door', 0);
      const announced = done ? Number(await readFile(join(folder, 'last'), 'utf8')) : 0;
      assert.ok(claim.first > announced, `${claim.first} after ${announced}`);
    },
  },
  'the secret of playback tokens': {
    work: (files, folder) =>
      openWatchSecret(folder, undefined, undefined, files).then((made) => writeFile(join(folder, 'made'), made)),
    async check(files, folder, done) {
      const found = await openWatchSecret(folder, undefined, undefined, files);
      if (done) assert.deepEqual(found, await readFile(join(folder, 'made')));
      assert.deepEqual(await openWatchSecret(folder, undefined, undefined, files), found);
    },
  },
  'a link that signs in': {
    work: (files, folder) => new SignInLinks(folder, () => 0, files).make(),
    async check(files, folder) {
      const links = new SignInLinks(folder, () => 0, files);
      const { code } = await links.make();
      assert.ok(await links.use(code));
      assert.ok(!(await links.use(code)));
    },
  },
  'the address of the running server': {
    work: (files, folder) => announceRunning(folder, { pid: 1, startedAt: '', http: 'http://127.0.0.1:1' }, files),
    async check(files, folder) {
      const running = { pid: 2, startedAt: '', http: 'http://127.0.0.1:2' };
      const announced = await announceRunning(folder, running, files);
      assert.deepEqual(JSON.parse(await readFile(join(folder, 'running.json'), 'utf8')), running);
      await announced[Symbol.asyncDispose]();
      assert.deepEqual(await readdir(folder), []);
    },
  },
  'a copy on another disk': {
    prepare: (folder) => mkdir(join(folder, 'disk')),
    async work(files, folder) {
      await using client = await openFolderClient(join(folder, 'disk'), files);
      await client.put(object, { size: next.length, read: async (at, length) => next.subarray(at, at + length) });
    },
    async check(files, folder, done) {
      await using client = await openFolderClient(join(folder, 'disk'), files);
      const read = () => client.read(object, { offset: 0, length: next.length + 1 });
      const found = await read();
      assert.ok(found ? isSame(found, next) : !done);
      await client.put(object, { size: next.length, read: async (at, length) => next.subarray(at, at + length) });
      assert.ok(isSame((await read())!, next));
    },
  },
  'a block of an object': {
    async work(files, folder) {
      const open = { folder: join(folder, 'blocks'), maxBytes: () => 1e6, hasRoom: () => true, files };
      const blocks = await BlockFiles.open(open);
      await blocks.put('a', old);
      await blocks.put('b', next);
      for (const [name, bytes] of Object.entries({ a: old, b: next })) {
        const found = await blocks.get(name);
        assert.ok(!found || isSame(found, bytes), name);
      }
    },
    check: async () => undefined,
  },
};

for (const [name, each] of Object.entries(cases)) {
  test(`a failure at each operation: ${name}`, async (context) => {
    context.diagnostic(`${await failEverywhere(name, each)} runs`);
  });
}

suite('a failure at each operation of a database', () => {
  test('a backup that fails leaves the one before it', async () => {
    await using made = await openFolder('backup');
    const database = join(made.path, 'oxbow.db');
    await (await openStore({ file: database, log: createSilentLog(), start: serveHere }))[Symbol.asyncDispose]();
    const write = (target: string, name: string, disk: Files = systemFiles) =>
      writeBackup({
        database,
        target,
        disk,
        files: [{ name, content: Buffer.from(name) }],
        version: '1',
        nowMs: 0,
        signal: never,
      });
    await write(join(made.path, 'first'), 'first');
    const smallFile = (path: string) => {
      using db = new DatabaseSync(path, { readOnly: true });
      return db.prepare("SELECT name FROM oxbow_backup WHERE name <> 'manifest'").get()!.name;
    };
    await failEverywhere('backup', {
      codes: ['EIO', 'ENOSPC'],
      prepare: (folder) => copyFile(join(made.path, 'first'), join(folder, 'backup')),
      work: (files, folder) => write(join(folder, 'backup'), 'second', files),
      async check(files, folder, done) {
        const path = join(folder, 'backup');
        const found = smallFile(path);
        assert.ok(found === 'second' || (!done && found === 'first'));
        await write(path, 'third', files);
        assert.equal(smallFile(path), 'third');
      },
    });
  });

  test('a restore that fails can be repeated, and the database before it is kept', async () => {
    await using made = await openFolder('restore');
    const mark = async (file: string, text: string) => {
      await using store = await openStore({ file, log: createSilentLog(), start: serveHere });
      await store.db.insertInto('marker').values({ id: text, stream_id: 's', at_us: 1, text }).execute();
    };
    const database = join(made.path, 'oxbow.db');
    await mark(database, 'of the backup');
    const backup = join(made.path, 'backup');
    const files = [{ name: 'watch-secret', content: Buffer.from('a secret of sixteen letters') }];
    await writeBackup({ database, target: backup, files, version: '1', nowMs: 0, signal: never });
    const newer = join(made.path, 'newer.db');
    await mark(newer, 'newer');
    const textOf = (path: string) => {
      using db = new DatabaseSync(path, { readOnly: true });
      return db.prepare('SELECT text FROM marker').get()!.text;
    };
    const restore = (folder: string, disk: Files) =>
      restoreBackup({ backup, database: join(folder, 'oxbow.db'), files: ['watch-secret'], nowMs: 0, disk });
    await failEverywhere('restore', {
      codes: ['EIO'],
      prepare: (folder) => copyFile(newer, join(folder, 'oxbow.db')),
      work: (disk, folder) => restore(folder, disk),
      async check(disk, folder) {
        await restore(folder, disk);
        assert.equal(textOf(join(folder, 'oxbow.db')), 'of the backup');
        assert.deepEqual(await readFile(join(folder, 'watch-secret')), files[0]!.content);
        const asides = (await readdir(folder)).filter((name) => /before-restore-[^.]+Z(?:-\d+)?$/.test(name));
        assert.ok(asides.some((name) => name.startsWith('oxbow.db') && textOf(join(folder, name)) === 'newer'));
      },
    });
  });

  test('retention deletes later what it could not delete, and nothing else', async () => {
    await using store = await openTemporaryStore();
    let streams = 0;
    await failEverywhere('retention', {
      async work(files, folder) {
        const streamId = `s${streams++}`;
        await using recorded = openDiskRecording({ files: systemFiles, folder, store, streamId, sync: 'off' });
        for (let index = 0; index < 6; index++) await recorded.write(index);
        await recorded.close();
        await using segments = openLocalSegmentStore({ folder, files });
        const clock = createManualClock(START_US / 1000 + 45_000);
        const failures: unknown[] = [];
        const retention = new Retention({
          segments,
          table: recorded.table,
          chunks: recorded.chunks,
          clock,
          horizons: new Horizons({ clock }),
          settings: { now: { record: { maxDisk: undefined } } },
          streams: () => [{ streamId, keepMs: 3600_000 }],
          release: (location) => segments.release(location),
          deleted() {},
          failed: (error: unknown) => failures.push(error),
        });
        const filesNow = () => Array.fromAsync(recorded.segments.list(recordingPrefix(streamId)));
        const all = await filesNow();
        clock.advance(3600_000 + 25_000 + 600_000); // past the window of the first file alone
        await retention.pass();
        clock.advance(61_000);
        await retention.pass();
        await retention.pass();
        const kept = await filesNow();
        const groups = await recorded.recording.between(0, Number.MAX_SAFE_INTEGER);
        for (const { location } of groups) assert.ok(kept.includes(location), `${location} is in the index`);
        await writeFile(join(folder, 'counts'), JSON.stringify([all.length, kept.length, failures.length]));
      },
      async check(_files, folder) {
        const [all, kept, failures] = JSON.parse(await readFile(join(folder, 'counts'), 'utf8')) as number[];
        assert.ok(kept! < all! || failures! > 0, 'the file is deleted, or the failure is reported');
      },
    });
  });
});
