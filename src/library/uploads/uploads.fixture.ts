/**
 * Uploads on a temporary database and folder, for tests.
 * In: what a test replaces. Out: Uploads, what they reported, the stored originals.
 */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openLocalUploadStore } from '../../archive/local-upload-store.ts';
import type { UploadStore } from '../../archive/upload-store.ts';
import { createManualClock } from '../../lib/clock.ts';
import type { Store } from '../../store/db.ts';
import { openLeaseTable } from '../../store/lease-table.ts';
import { openTemporaryStore } from '../../store/store.fixture.ts';
import { openUploads } from './open-uploads.ts';
import type { UploadsOptions } from './uploads.ts';

/** Opens uploads; `change` gets the store of files and the database, and replaces options. */
export async function openTestUploads(
  change: (files: UploadStore, database: Store) => Partial<UploadsOptions> = () => ({}),
) {
  const folder = await mkdtemp(join(tmpdir(), 'oxbow-uploads-'));
  const database = await openTemporaryStore();
  const files = openLocalUploadStore({ folder });
  const clock = createManualClock();
  /** Reports to the library and results, in order. */
  const reports: string[] = [];
  const failures: unknown[] = [];
  let assets = 0;
  const open = (more: Partial<UploadsOptions> = {}) =>
    openUploads({
      db: database.db,
      clock,
      store: files,
      leases: openLeaseTable(database.db, clock),
      intake: {
        async begin() {
          return `asset${++assets}`;
        },
        async grows(id, length) {
          reports.push(`${id} grows ${length}`);
        },
        async complete(id, { bytes, sha256 }) {
          reports.push(`${id} complete ${bytes} ${sha256}`);
        },
        async fail(id, { code }) {
          reports.push(`${id} failed ${code}`);
        },
      },
      events: { publish: () => undefined },
      settings: { now: { library: { maxUpload: undefined, uploadExpiry: 3_600_000, parallelUploads: 10 } } },
      room: () => 1e12,
      counters: { bytes: () => undefined, receiving: () => undefined, ended: () => undefined },
      failed: (error) => failures.push(error),
      holder: 'test',
      signal: new AbortController().signal,
      ...change(files, database),
      ...more,
    });
  return {
    ...open(),
    /** Opens the same uploads as another process would. */
    open,
    clock,
    database,
    reports,
    failures,
    /** Names of the files of an asset. */
    filesOf: (asset: string) => readdir(join(folder, 'assets', asset)).catch(() => []),
    original: (asset: string) => readFile(join(folder, 'assets', asset, 'original')),
    async [Symbol.asyncDispose]() {
      await files[Symbol.asyncDispose]();
      await database[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
