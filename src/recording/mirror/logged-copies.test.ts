import assert from 'node:assert/strict';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { seeded } from '@oxbow/media/random.fixture';
import { temporaryFolder } from '../../archive/media.fixture.ts';
import { adoptObjects } from '../../archive/objects/adopt-objects.ts';
import { BlockFiles } from '../../archive/objects/block-files.ts';
import { isLoggedKey } from '../../archive/objects/logged/logged-file.ts';
import { RewrittenFiles } from '../../archive/objects/logged/rewritten-files.ts';
import { ObjectDeletions } from '../../archive/objects/object-deletions.ts';
import { ObjectReader } from '../../archive/objects/object-reader.ts';
import { ObjectRows } from '../../archive/objects/object-rows.ts';
import { ObjectUploads } from '../../archive/objects/object-uploads.ts';
import { StoredObjects } from '../../archive/objects/stored-objects.ts';
import { identityLocation, listChunks } from '../../archive/recording-locations.ts';
import type { SegmentLocation } from '../../archive/segment-store.ts';
import { openTemporaryStore } from '../../store/store.fixture.ts';
import { LoggedCopies } from './logged-copies.ts';
import { openMirrorRig, STREAM } from './mirror.fixture.ts';
import { restoreMirrors } from './mirror-restore.ts';

const { signal } = new AbortController();
const MINUTE_US = 60_000_000;

/** A mirror whose files are described in its bucket, with an index. */
async function openRig() {
  const opened = new AsyncDisposableStack();
  const database = opened.use(await openTemporaryStore());
  const folder = opened.use(await temporaryFolder()).path;
  const state = { nowUs: 1_700_000_000_000_000 };
  const rows = ObjectRows.in(database.db, () => database.fence);
  const deletions = new ObjectDeletions(rows, () => state.nowUs);
  const uploads = new ObjectUploads(rows, () => state.nowUs, deletions);
  const index = new StoredObjects(rows, () => state.nowUs, deletions);
  const rig = opened.use(openMirrorRig({ index, keepsLog: true }));
  const { mirror, bucket, segments } = rig;
  const rewritten = new RewrittenFiles();
  const copies = new LoggedCopies({ mirror, index, deletions, rewritten, prefixOf: () => 'o' });
  const blocks = await BlockFiles.open({ folder: join(folder, 'c'), maxBytes: () => 2 ** 24, hasRoom: () => true });
  const reader = opened.use(new ObjectReader({ clientOf: async () => bucket, blocks, keeps: () => false }));
  const stored: SegmentLocation[] = [];
  let playedS = 0;
  return {
    rig,
    index,
    copies,
    rewritten,
    uploads,
    deletions,
    reader,
    state,
    stored,
    database,
    /** Plays, and stores each file that is complete. */
    async play(untilS: number) {
      while (playedS < untilS) {
        playedS++;
        await rig.play(playedS);
        await rig.pass();
        // All but the last are complete.
        for (const { location } of (await listChunks(segments, STREAM)).slice(0, -1)) {
          if (stored.includes(location)) continue;
          await this.upload(location);
          stored.push(location);
          mirror.stored();
        }
      }
    },
    async upload(location: SegmentLocation) {
      const options = { local: segments, uploads, objects: index, client: bucket, target: 'b', prefix: 'o', signal };
      assert.equal(await copies.upload(location, options), 'stored');
      // With the first file the name of the stream goes there.
      const name = identityLocation(STREAM);
      await index.adopt({ location: name, target: 'b', key: `o/1/${name}`, size: 1, fence: 1 }, true);
    },
    /** Deletes a file as retention does. */
    async remove(location: SegmentLocation) {
      await reader.forget(await index.remove(location));
      await segments.delete(location);
      await mirror.forget(location);
    },
    async runDeletions(isUrgent = false) {
      for (const due of await deletions.due(1000)) await copies.delete(due, bucket, { isUrgent, signal });
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

type Rig = Awaited<ReturnType<typeof openRig>>;

/** Reads ranges of a copy, and compares them with the file. */
async function assertReadable({ rig, index, reader }: Rig, location: SegmentLocation) {
  const object = await index.find(location);
  assert.ok(object && isLoggedKey(object.key));
  const size = await rig.segments.size(location);
  const file = Buffer.from(await rig.segments.read(location, { offset: 0, length: size }));
  assert.equal(object.size, size);
  const random = seeded(3);
  const ranges = [
    { offset: 0, length: size },
    { offset: size - 10, length: 100 },
  ];
  for (let i = 0; i < 50; i++) ranges.push({ offset: random(size), length: random(100_000) });
  for (const range of ranges) {
    const bytes = Buffer.from(await reader.read(object, range, { signal }));
    assert.ok(bytes.equals(file.subarray(range.offset, range.offset + range.length)), JSON.stringify(range));
  }
}

suite('a copy of ranges of the mirror', () => {
  test('has every byte of its file, and media is sent once', async () => {
    await using opened = await openRig();
    const { rig, stored } = opened;
    await opened.play(150);
    assert.equal(stored.length, 2);
    for (const location of stored) await assertReadable(opened, location);
    const sent = [...rig.bucket.objects.values()].reduce((sum, { length }) => sum + length, 0);
    const recorded = [...rig.sealed.values()].flat().reduce((sum, { length }) => sum + length, 0);
    assert.ok(sent < 1.15 * recorded, `${sent} bytes for ${recorded}`);
    // Only what is not complete is in memory, and is read by a restore.
    assert.ok(rig.mirror.states[0]!.objects < 60, `${rig.mirror.states[0]!.objects} objects`);
  });

  test('loses a deleted file after two minutes, and no byte of another one', async () => {
    await using opened = await openRig();
    const { rig, stored, index, state } = opened;
    await opened.play(215);
    const [first, second, third] = stored as [SegmentLocation, SegmentLocation, SegmentLocation];
    const media = await bytesOf(opened, second);
    await opened.remove(second);
    await opened.runDeletions();
    state.nowUs += 2 * MINUTE_US;
    await opened.runDeletions();
    assert.deepEqual(findMedia(opened, media), []);
    await assertReadable(opened, first);
    await assertReadable(opened, third);
    await opened.remove(first);
    await opened.runDeletions();
    state.nowUs += 2 * MINUTE_US;
    await opened.runDeletions();
    await assertReadable(opened, third);
    const { log_first: from } = (await index.find(third))!;
    const left = [...rig.bucket.objects.keys()].filter((key) => key.startsWith('o/mirror/') && key < from);
    assert.deepEqual(left, [], 'nothing that only deleted files needed is left');
  });

  test('erases what was requested at once, from objects that others need too', async () => {
    await using opened = await openRig();
    const { stored } = opened;
    await opened.play(150);
    const media = await bytesOf(opened, stored[1]!);
    await opened.remove(stored[1]!);
    await opened.runDeletions(true);
    assert.deepEqual(findMedia(opened, media), []);
    await assertReadable(opened, stored[0]!);
    const restored = await opened.rig.restore();
    assert.ok(!restored.locations.includes(stored[1]!));
    assert.ok(restored.groups.length > 0, 'the open file is restored');
  });

  test('is found in the bucket by a new database, and restored with what follows', async () => {
    await using opened = await openRig();
    const { rig, stored, database, reader } = opened;
    await opened.play(150);
    const files = await Promise.all(stored.map((location) => bytesOf(opened, location)));
    await database.db.deleteFrom('stored_object').execute();
    await reader.forget([]);
    const targets = { names: ['b'], find: () => ({ prefix: 'o' }), client: async () => rig.bucket };
    const { segments } = await rig.restore();
    const store = Object.assign(segments, { local: segments });
    for (const location of stored) await segments.delete(location);
    const fresh = new StoredObjects(
      ObjectRows.in(database.db, () => database.fence),
      () => 0,
      opened.deletions,
    );
    const tiered = { store, index: fresh, targets } as never;
    assert.equal(await adoptObjects(tiered, { signal }), 2);
    for (const [i, location] of stored.entries()) {
      const object = (await fresh.find(location))!;
      const bytes = await reader.read(object, { offset: 0, length: object.size }, { signal });
      assert.ok(Buffer.from(bytes).equals(files[i]!));
    }
    rig.bucket.requests.length = 0;
    await restoreMirrors(tiered, { signal });
    const reads = new Set(rig.bucket.requests.filter((request) => request.startsWith('read o/mirror/')));
    assert.ok(reads.size < 60, `${reads.size} objects are read, not the archive`);
  });

  test('keeps its objects after a restart, and those that it does not need are deleted', async () => {
    await using opened = await openRig();
    const { rig, stored } = opened;
    await opened.play(80);
    const next = rig.again();
    next.open(STREAM, rig.packaged.list.copied);
    for (let pass = 0; pass < 5; pass++) {
      rig.packaged.clock.advance(20_000);
      await next.pass('b', { signal });
      await next.compact('b', { signal });
    }
    await assertReadable(opened, stored[0]!);
  });

  test('is a whole file where the mirror does not have all of it', async () => {
    await using opened = await openRig();
    const { rig, copies } = opened;
    await opened.play(5);
    const [open] = await listChunks(rig.segments, STREAM);
    rig.bucket.isCut = true;
    await rig.play(7);
    for (let pass = 0; pass < 4; pass++) await rig.pass();
    const options = { local: rig.segments, client: rig.bucket, target: 'b', prefix: 'o', signal } as never;
    assert.equal(await copies.upload(open!.location, options), 'unknown', 'the place is away');
    const other = `recordings/${STREAM}/2020/1/1/1/1-1.mp4` as SegmentLocation;
    assert.equal(await copies.upload(other, options), 'unknown', 'it did not have the file');
  });

  test('is a whole file where the file was written again', async () => {
    await using opened = await openRig();
    const { rig, copies, index, uploads, stored, rewritten } = opened;
    await opened.play(80);
    const [location] = stored as [SegmentLocation];
    await index.remove(location);
    rewritten.add(location);
    const place = { local: rig.segments, client: rig.bucket, target: 'b', prefix: 'o', signal };
    assert.equal(await copies.upload(location, { ...place, uploads, objects: index }), 'unknown');
    assert.equal(await index.find(location), undefined);
  });
});

async function bytesOf({ rig }: Rig, location: SegmentLocation): Promise<Buffer> {
  return Buffer.from(await rig.segments.read(location, { offset: 0, length: await rig.segments.size(location) }));
}

/** Keys of objects that have some of the media of a file. */
function findMedia({ rig }: Rig, file: Buffer): string[] {
  const samples: Buffer[] = [];
  // Samples are random bytes; the start and the end are boxes.
  for (let at = 5_000; at < file.length - 100_000; at += 20_000) samples.push(file.subarray(at, at + 24));
  assert.ok(samples.length > 10);
  return [...rig.bucket.objects].flatMap(([key, bytes]) => {
    const object = Buffer.from(bytes);
    return samples.some((sample) => object.includes(sample)) ? [key] : [];
  });
}
