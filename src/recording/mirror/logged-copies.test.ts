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
import { MAX_LOG_SPAN_MS, StoredObjects } from '../../archive/objects/stored-objects.ts';
import { identityLocation, listChunks } from '../../archive/recording-locations.ts';
import type { SegmentLocation } from '../../archive/segment-store.ts';
import { openTemporaryStore } from '../../store/store.fixture.ts';
import { LoggedCopies } from './logged-copies.ts';
import { MemoryBucket, openMirrorRig, STREAM } from './mirror.fixture.ts';
import { type MirrorRecord, printBatch } from './mirror-batch.ts';
import { eraseFrom, eraseQueued, isErasure } from './mirror-erasure.ts';
import { timeText, writeMark } from './mirror-log.ts';
import { type ErasedFile, MirrorObjects } from './mirror-objects.ts';
import { restoreMirrors } from './mirror-restore.ts';

const { signal } = new AbortController();
const MINUTE_US = 60_000_000;

/** A mirror whose files are described in its bucket, with an index. */
async function openRig({ isShared = false } = {}) {
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
  const copies = new LoggedCopies({ mirror, index, deletions, rewritten, prefixOf: () => 'o', isShared });
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

  test('is erased again until nothing is left, where another process puts objects back', async () => {
    await using opened = await openRig({ isShared: true });
    const { rig, stored, deletions, state } = opened;
    await opened.play(80);
    const media = await bytesOf(opened, stored[0]!);
    await opened.remove(stored[0]!);
    const [last] = findMedia(opened, media).slice(-1) as [string];
    const stale = rig.bucket.objects.get(last)!;
    await opened.runDeletions(true);
    assert.deepEqual(findMedia(opened, media), []);
    rig.bucket.objects.set(last, stale);
    for (let pass = 0; pass < 3; pass++) {
      state.nowUs += 2 * MINUTE_US;
      await opened.runDeletions(true);
    }
    assert.deepEqual(findMedia(opened, media), []);
    assert.deepEqual(await deletions.due(1000), []);
  });

  test('keeps the start of the next file when the last one is deleted at once', async () => {
    await using opened = await openRig();
    const { rig, stored } = opened;
    await opened.play(61);
    const [{ location } = { location: C }] = await listChunks(rig.segments, STREAM);
    const keys = [...rig.bucket.objects.keys()].filter((key) => key.startsWith('o/mirror/'));
    rig.mirror.keep(
      'b',
      C,
      keys.map((key) => ({ key, offset: 0, at: 0, length: 1 })),
    );
    stored.push(location);
    await rig.mirror.forget(location);
    for (const key of rig.removed.filter(isErasure)) await eraseQueued(key, rig.bucket, { signal });
    await opened.play(135);
    await assertReadable(opened, stored[1]!);
  });

  test('keeps its objects after an error of the database that stored it', async () => {
    await using opened = await openRig();
    const { rig, copies, index, uploads } = opened;
    for (let s = 1; s <= 70; s++) {
      await rig.play(s);
      await rig.pass();
    }
    opened.stored.push((await listChunks(rig.segments, STREAM))[0]!.location);
    const commit = async (object: Parameters<typeof index.commit>[0]) => {
      await index.commit(object);
      throw new Error('no answer');
    };
    const place = { local: rig.segments, client: rig.bucket, target: 'b', prefix: 'o', signal, uploads };
    const objects = { commit } as never;
    await assert.rejects(copies.upload(opened.stored[0]!, { ...place, objects }), /no answer/);
    rig.mirror.stored();
    for (let pass = 0; pass < 5; pass++) await rig.pass();
    await assertReadable(opened, opened.stored[0]!);
  });

  test('is a whole file where its objects are of more than an hour', async () => {
    await using opened = await openRig();
    const { rig, index, uploads, deletions, rewritten, stored } = opened;
    await opened.play(80);
    const size = await rig.segments.size(stored[0]!);
    await index.remove(stored[0]!);
    const first = { offset: 0, length: 100, key: `o/mirror/server/${timeText(1)}`, at: 0 };
    const last = { offset: 100, length: size - 200, key: `o/mirror/server/${timeText(MAX_LOG_SPAN_MS + 2)}`, at: 0 };
    const mirror = { whenSent: async () => () => [first, last], keep() {}, release() {}, holds: () => false };
    const copies = new LoggedCopies({ mirror, index, deletions, rewritten, prefixOf: () => 'o' });
    const place = { local: rig.segments, client: rig.bucket, target: 'b', prefix: 'o', signal };
    assert.equal(await copies.upload(stored[0]!, { ...place, uploads, objects: index }), 'unknown');
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

const C = 'recordings/c/2026/11/30/10/20261130T100000000Z-1.mp4' as SegmentLocation;
const fileOf = (msn: number) => `recordings/s/2026/11/30/10/20261130T100000000Z-${msn}.mp4` as SegmentLocation;
const fileRecord = (location: string) => ({ kind: 'file', location, offset: 0, length: 4 }) as const;
const partsRecord = (msn: number) => ({ kind: 'parts', streamId: 's', msn, length: 4 }) as MirrorRecord;

suite('objects that descriptions name', () => {
  /** Sweeps while the file of another stream is not complete. */
  async function sweep(objects: MirrorObjects, erased: ErasedFile[] = []) {
    const needs = { needsFile: (location: SegmentLocation) => location === C, needsSegment: () => false };
    await objects.sweep(new MemoryBucket(), needs, async (files) => void erased.push(...files), { signal });
    return erased;
  }

  test('keep the segments of a described file when the one before it is deleted', async () => {
    const objects = new MirrorObjects('o', 'a');
    objects.add('o/mirror/a/1', [partsRecord(5), fileRecord(C)]);
    objects.add('o/mirror/a/2', [fileRecord(fileOf(4)), partsRecord(6)]);
    objects.keep(['o/mirror/a/1', 'o/mirror/a/2'], fileOf(4));
    await sweep(objects);
    assert.equal(objects.count, 1);
    assert.deepEqual(objects.take(fileOf(1), 's').erased, []);
    const [{ msns } = { msns: undefined }] = objects.take(fileOf(4), 's', [fileOf(6)]).erased;
    assert.deepEqual(msns, { first: 4, end: 6 });
  });

  test('lose the parts and the names that are in the place as whole files', async () => {
    const objects = new MirrorObjects('o', 'a');
    objects.add('o/mirror/a/1', [partsRecord(2), partsRecord(5), fileRecord('recordings/s/stream.json')]);
    objects.add('o/mirror/a/2', [fileRecord(fileOf(1)), fileRecord(fileOf(4))]);
    objects.keep(['o/mirror/a/1'], fileOf(4));
    const erased = (await sweep(objects)).map(({ key, prefix, msns }) => [key, prefix, msns.first, msns.end]);
    assert.deepEqual(erased, [
      ['o/mirror/a/1', 'recordings/s/stream.json', 0, 0],
      ['o/mirror/a/1', fileOf(1), 2, 3],
    ]);
  });

  test('follow the keys of the place when the clock was set back', async () => {
    const bucket = new MemoryBucket();
    await writeMark(bucket, { prefix: 'o', owner: 'a' }, 5_000, { signal });
    bucket.objects.set(`o/mirror/a/${timeText(6_000)}`, Buffer.alloc(0));
    const objects = new MirrorObjects('o', 'a');
    await objects.begin(bucket, { signal });
    assert.equal(objects.nextKey(1_000), `o/mirror/a/${timeText(6_001)}`);
  });

  test('lose what two deletions at once erase', async () => {
    const bucket = new MemoryBucket();
    const filled = ['a', 'b', 'c'].map((name) => ({
      record: fileRecord(name.repeat(20)),
      bytes: [Buffer.from(name.repeat(4))],
    }));
    bucket.objects.set('x', printBatch(filled));
    const held = Promise.withResolvers<void>();
    bucket.hold = () => held.promise;
    const erase = (name: string) => eraseFrom(bucket, 'x', ({ record }) => isOf(record, name), { signal });
    const both = [erase('a'), erase('b')];
    setImmediate(() => held.resolve());
    await Promise.all(both);
    const text = Buffer.from(bucket.objects.get('x')!).toString('latin1');
    assert.ok(!text.includes('aaaa') && !text.includes('bbbb') && text.includes('cccc'));
  });

  test('lose known ranges, and nothing else, where they are damaged', async () => {
    const bucket = new MemoryBucket();
    const bytes = Buffer.from('damaged: 12345678 12345678');
    bucket.objects.set('x', bytes);
    await eraseFrom(bucket, 'x', () => false, { signal, ranges: [{ at: 9, length: 8 }] });
    assert.equal(Buffer.from(bucket.objects.get('x')!).toString('latin1'), `damaged: ${'\0'.repeat(8)} 12345678`);
    bucket.read = async () => Uint8Array.of(1);
    await assert.rejects(
      eraseFrom(bucket, 'x', () => false, { signal }),
      /ended before/,
    );
  });
});

const isOf = (record: MirrorRecord, name: string) => record.kind === 'file' && record.location.startsWith(name);

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
