import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { copyFile, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { seeded } from '@oxbow/media/random.fixture';
import { openWatchSecret } from '../../src/accounts/watch-secret.ts';
import { scanChunk } from '../../src/archive/chunk-reader.ts';
import { openLocalSegmentStore } from '../../src/archive/local-segment-store.ts';
import { openLocalUploadStore } from '../../src/archive/local-upload-store.ts';
import { isMissing, type SegmentStore, segmentLocation } from '../../src/archive/segment-store.ts';
import type { UploadStore } from '../../src/archive/upload-store.ts';
import { openCrashFiles } from '../../src/lib/files/crash-files.fixture.ts';
import { openFaultyFiles } from '../../src/lib/files/faulty-files.fixture.ts';
import { systemFiles } from '../../src/lib/files/files.ts';
import { createSilentLog } from '../../src/observe/log.ts';
import { ChunkQueries } from '../../src/recording/chunks/chunk-queries.ts';
import { RecordingReader } from '../../src/recording/recording-reader.ts';
import { openStore } from '../../src/store/db.ts';
import { MsnMarks } from '../../src/store/msn-marks.ts';
import { serveHere } from '../../src/store/store.fixture.ts';
import { openFolder } from '../fixtures/server.ts';
import { perTier } from '../full.ts';
import { assertListed, openDiskRecording, readGroup, recover } from './disk.fixture.ts';

const STATES = perTier({ first: 80, full: 200 });
const SEED = 20_261_126;
const GROUPS = 14;
const STREAM = 's';
const object = segmentLocation('assets/a1/film.mp4');
const upload = segmentLocation('assets/a2/upload.mp4');
const content = (text: string, length: number) => Buffer.alloc(length, text);
const sha = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** What clients were answered, each with the position of the log: kept outside of the folder. */
interface Answered {
  readonly segments: { readonly msn: number; readonly hash: string; readonly at: number }[];
  /** Segments that retention has begun to delete. */
  readonly deleted: { readonly msns: readonly number[]; readonly at: number }[];
  readonly objects: { readonly hash: string; readonly begunAt: number; readonly at: number }[];
  readonly secrets: { readonly secret: string; readonly at: number }[];
  readonly announced: { readonly msn: number; readonly at: number }[];
  /** Bytes of the upload that the client need not send again. */
  readonly uploaded: { readonly bytes: number; readonly at: number }[];
  /** The upload is complete. */
  readonly finished: { readonly at: number }[];
  /**
   * Copies of the database, which SQLite keeps consistent; a power failure may take the last transactions.
   */
  readonly databases: { readonly path: string; readonly at: number }[];
}

const newest = <T extends { readonly at: number }>(list: readonly T[], at: number): T | undefined =>
  list.findLast((each) => each.at <= at);

test(`${STATES} states that a power failure leaves: each starts, and nothing that a client was answered is missing or changed`, async (context) => {
  await using folder = await openFolder('power');
  const root = join(folder.path, 'data');
  await mkdir(root);
  const crash = openCrashFiles(systemFiles, root);
  const answered: Answered = {
    segments: [],
    deleted: [],
    objects: [],
    secrets: [],
    announced: [],
    uploaded: [],
    finished: [],
    databases: [],
  };
  const uploadBytes = content('upload ', 90_000);

  {
    const file = join(folder.path, 'live.db');
    await using store = await openStore({ file, log: createSilentLog(), start: serveHere });
    const keepDatabase = () => {
      const path = join(folder.path, `database-${answered.databases.length}.db`);
      using db = new DatabaseSync(file);
      db.prepare('VACUUM INTO ?').run(path);
      answered.databases.push({ path, at: crash.position });
    };
    keepDatabase();
    const { files } = crash;
    await using recorded = openDiskRecording({
      files,
      folder: root,
      store,
      streamId: STREAM,
      onListed: (msn, hash) => answered.segments.push({ msn, hash, at: crash.position }),
      onIndexed: keepDatabase,
    });
    await using marks = await MsnMarks.open({
      folder: root,
      files,
      lost: async () => undefined,
      failed: (error) => assert.fail(String(error)),
    });
    await using uploads = openLocalUploadStore({ folder: root, files });
    using claim = await marks.claim('door', 0);
    const announce = async (msn: number) => {
      claim.announced(msn);
      answered.announced.push({ msn, at: crash.position });
      // Little of the block is left, so this waits for the next one: the log is the same each time.
      await claim.ready({ signal: new AbortController().signal });
    };
    const put = async (bytes: Uint8Array) => {
      const begunAt = crash.position;
      await recorded.segments.put(object, bytes);
      answered.objects.push({ hash: sha(bytes), begunAt, at: crash.position });
    };
    {
      await using uploading = await uploads.open(upload);
      for (let index = 0; index < GROUPS; index++) {
        await recorded.write(index);
        await announce(claim.first + index * 3500);
        if (index === 2) {
          const secret = (await openWatchSecret(root, undefined, undefined, files)).toString();
          answered.secrets.push({ secret, at: crash.position });
        }
        if (index === 3 || index === 9) await put(content(`version ${index} `, 20_000));
        if (index < 9) {
          const position = index * 10_000;
          await uploading.write([uploadBytes.subarray(position, position + 10_000)], position);
          if (index % 2 === 0) {
            await uploading.sync(true);
            answered.uploaded.push({ bytes: position + 10_000, at: crash.position });
          }
        }
        if (index === 11) {
          // As retention: the rows, then the files.
          const row = (await recorded.chunks.holding(STREAM, answered.segments[0]!.msn))!;
          const msns = Array.from({ length: row.last_msn - row.first_msn + 1 }, (_, i) => row.first_msn + i);
          answered.deleted.push({ msns, at: crash.position });
          await recorded.table.remove(STREAM, [row.first_msn], 1);
          await recorded.segments.delete(segmentLocation(row.path));
          keepDatabase();
        }
      }
    }
    await uploads.finish(upload, uploadBytes.length);
    answered.finished.push({ at: crash.position });
    await recorded.close();
    keepDatabase();
  }

  const { position: end, writes } = crash;
  /** Without a fault: syncs, which take most of the time, are left out. */
  const { files } = openFaultyFiles(systemFiles);
  const random = seeded(SEED);
  let segmentsSeen = 0;
  for (let state = 0; state < STATES; state++) {
    const at = random(4) === 0 ? random(end + 1) : writes[random(writes.length)]!;
    const what = `state ${state}, after ${at} of ${end}`;
    const data = join(folder.path, 'state');
    await crash.rebuild(at, random, data);
    const databases = answered.databases.filter((each) => each.at <= at);
    if (databases.length > 0 && random(5) > 0) {
      await copyFile(databases[random(databases.length)]!.path, join(data, 'oxbow.db'));
    }
    await using store = await openStore({ file: join(data, 'oxbow.db'), log: createSilentLog(), start: serveHere });
    await using segments = openLocalSegmentStore({ folder: data, files });
    await recover(segments, store, STREAM);
    const chunks = new ChunkQueries(store.rows);
    const recording = new RecordingReader({ streamId: STREAM, chunks, endUs: 0 });
    const gone = new Set(answered.deleted.filter((each) => each.at <= at).flatMap(({ msns }) => msns));
    const listed = answered.segments.filter((each) => each.at <= at && !gone.has(each.msn));
    segmentsSeen += listed.length;
    await assertListed({ recording, segments }, new Map(listed.map(({ msn, hash }) => [msn, hash])), what);
    for (const group of await recording.between(0, Number.MAX_SAFE_INTEGER)) {
      if (gone.has(group.msn)) continue;
      const original = answered.segments.find(({ msn }) => msn === group.msn)!;
      assert.equal(await readGroup(segments, group), original.hash, `${what}: segment ${group.msn}, listed or not`);
      const { state } = await scanChunk(segments, group.location);
      assert.equal(state, 'sealed', `${what}: ${group.location} is in the index`);
    }
    assert.deepEqual(await recover(segments, store, STREAM).then(({ files }) => files), 0, `${what}: a second start`);

    const marks = await MsnMarks.open({
      folder: data,
      files,
      lost: async () => 1e6,
      failed: (error) => assert.fail(String(error)),
    });
    using claim = await marks.claim('door', 0);
    const announced = newest(answered.announced, at)?.msn ?? 0;
    assert.ok(claim.first > announced, `${what}: MSN ${claim.first} is used again after ${announced}`);
    await marks[Symbol.asyncDispose]();

    const secret = (await openWatchSecret(data, undefined, undefined, files)).toString();
    const known = newest(answered.secrets, at);
    if (known) assert.equal(secret, known.secret, what);

    await assertObject(segments, answered, at, what);
    await using uploads = openLocalUploadStore({ folder: data, files });
    await assertUpload(segments, uploads, { answered, at, uploadBytes, what });
    await rm(data, { recursive: true });
  }
  assert.ok(segmentsSeen > STATES, 'segments were listed in most states');
  context.diagnostic(`${end} changes, ${segmentsSeen} segments checked`);
});

/** Whole content of an object; undefined if there is none. */
async function readObject(segments: SegmentStore, location: typeof object): Promise<Uint8Array | undefined> {
  try {
    return await segments.read(location, { offset: 0, length: await segments.size(location) });
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** An object has the content that was answered, or that of a later `put` that was not; never a part. */
async function assertObject(segments: SegmentStore, { objects }: Answered, at: number, what: string): Promise<void> {
  const bytes = await readObject(segments, object);
  const hash = bytes && sha(bytes);
  const stored = newest(objects, at);
  const allowed = objects.filter((each) => each.begunAt <= at && each.at >= (stored?.at ?? 0)).map((each) => each.hash);
  if (hash === undefined) assert.equal(stored, undefined, `${what}: the object is missing`);
  else assert.ok(allowed.includes(hash), `${what}: the object has ${bytes!.length} other bytes`);
}

interface UploadCheck {
  readonly answered: Answered;
  readonly at: number;
  readonly uploadBytes: Uint8Array;
  readonly what: string;
}

/** An upload continues at the offset that its client knows, and can be completed again. */
async function assertUpload(
  segments: SegmentStore,
  uploads: UploadStore,
  { answered, at, uploadBytes, what }: UploadCheck,
): Promise<void> {
  const isFinished = newest(answered.finished, at) !== undefined;
  const object = await readObject(segments, upload);
  if (isFinished) assert.ok(object, `${what}: the complete upload is missing`);
  if (object) {
    assert.equal(sha(object), sha(uploadBytes), `${what}: the upload`);
    return;
  }
  const offset = newest(answered.uploaded, at)?.bytes ?? 0;
  {
    await using file = await uploads.open(upload);
    await file.write([uploadBytes.subarray(offset)], offset);
  }
  await uploads.finish(upload, uploadBytes.length);
  assert.equal(
    sha((await readObject(segments, upload))!),
    sha(uploadBytes),
    `${what}: the upload, resumed at ${offset}`,
  );
}
