import assert from 'node:assert/strict';
import { copyFile, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { crc32 } from 'node:zlib';
import { seeded } from '@oxbow/media/random.fixture';
import { openLocalSegmentStore } from '../../src/archive/local-segment-store.ts';
import type { SegmentStore } from '../../src/archive/segment-store.ts';
import { openCrashFiles } from '../../src/lib/files/crash-files.fixture.ts';
import { openFaultyFiles } from '../../src/lib/files/faulty-files.fixture.ts';
import { systemFiles } from '../../src/lib/files/files.ts';
import { createSilentLog } from '../../src/observe/log.ts';
import { ChunkQueries } from '../../src/recording/chunks/chunk-queries.ts';
import { type RecordedGroup, RecordingReader } from '../../src/recording/recording-reader.ts';
import { openStore } from '../../src/store/db.ts';
import { serveHere } from '../../src/store/store.fixture.ts';
import { openFolder } from '../fixtures/server.ts';
import { perTier } from '../full.ts';
import { openDiskRecording, readGroup, recover } from './disk.fixture.ts';

const STATES = perTier({ first: 30, full: 60 });
/** Three files, and the open one. */
const GROUPS = 14;
const STREAM = 's';

/**
 * Whether the stored bytes are those that the recording has checksums of: other bytes are reported as
 * damaged.
 */
async function isIntact(segments: SegmentStore, { tracks, location }: RecordedGroup): Promise<boolean> {
  for (const { offset, length, crc } of tracks) {
    const bytes = await segments.read(location, { offset, length }).catch(() => undefined);
    if (bytes?.length !== length || crc32(bytes) !== crc) return false;
  }
  return true;
}

for (const sync of ['chunk', 'off'] as const) {
  test(`record.sync ${sync}: ${STATES} states that a power failure leaves: each starts, and ${sync === 'chunk' ? 'closed files are complete' : 'no segment has other bytes without being reported as damaged'}`, async (context) => {
    await using folder = await openFolder('sync');
    const root = join(folder.path, 'data');
    await mkdir(root);
    const crash = openCrashFiles(systemFiles, root);
    const hashes = new Map<number, string>();
    const databases: { readonly path: string; readonly at: number; readonly closed: readonly number[] }[] = [];
    {
      const file = join(folder.path, 'live.db');
      await using store = await openStore({ file, log: createSilentLog(), start: serveHere });
      const keepDatabase = () => {
        const path = join(folder.path, `database-${databases.length}.db`);
        using db = new DatabaseSync(file);
        db.prepare('VACUUM INTO ?').run(path);
        databases.push({ path, at: crash.position, closed: [] });
      };
      keepDatabase();
      const indexed: number[] = [];
      await using recorded = openDiskRecording({
        files: crash.files,
        folder: root,
        store,
        streamId: STREAM,
        sync,
        onListed: (msn, hash) => hashes.set(msn, hash),
        onIndexed() {
          keepDatabase();
          indexed.push(databases.length - 1);
        },
      });
      for (let index = 0; index < GROUPS; index++) await recorded.write(index);
      for (const i of indexed) {
        using db = new DatabaseSync(databases[i]!.path);
        const rows = db.prepare('SELECT first_msn, last_msn FROM chunk_file').all() as Record<string, number>[];
        const closed = rows.flatMap(({ first_msn: first, last_msn: last }) =>
          Array.from({ length: last! - first! + 1 }, (_, k) => first! + k),
        );
        databases[i] = { ...databases[i]!, closed };
      }
    }
    const { position: end, writes } = crash;
    const { files } = openFaultyFiles(systemFiles);
    const random = seeded(20_261_126);
    let [intact, damaged] = [0, 0];
    for (let state = 0; state < STATES; state++) {
      const at = random(4) === 0 ? random(end + 1) : writes[random(writes.length)]!;
      const what = `state ${state}, after ${at} of ${end}`;
      const data = join(folder.path, 'state');
      await crash.rebuild(at, random, data);
      const database = databases.findLast((each) => each.at <= at)!;
      await copyFile(database.path, join(data, 'oxbow.db'));
      await using store = await openStore({ file: join(data, 'oxbow.db'), log: createSilentLog(), start: serveHere });
      await using segments = openLocalSegmentStore({ folder: data, files });
      await recover(segments, store, STREAM);
      const chunks = new ChunkQueries(store.rows);
      const recording = new RecordingReader({ streamId: STREAM, chunks, endUs: 0 });
      const readable = new Set<number>();
      for (const group of await recording.between(0, Number.MAX_SAFE_INTEGER)) {
        if (!(await isIntact(segments, group))) {
          damaged++;
          continue;
        }
        intact++;
        readable.add(group.msn);
        assert.equal(await readGroup(segments, group), hashes.get(group.msn), `${what}: segment ${group.msn}`);
      }
      if (sync === 'chunk') {
        const lost = database.closed.filter((msn) => !readable.has(msn));
        assert.deepEqual(lost, [], `${what}: segments of closed files`);
      }
      await recover(segments, store, STREAM);
      await rm(data, { recursive: true });
    }
    context.diagnostic(`${intact} segments are right, ${damaged} are reported as damaged`);
    assert.ok(intact + damaged > STATES);
    if (sync === 'chunk') assert.equal(damaged, 0);
  });
}
