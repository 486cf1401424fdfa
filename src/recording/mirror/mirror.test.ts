import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { sameBytes } from '@oxbow/media/bytes';
import { seeded } from '@oxbow/media/random.fixture';
import { ObjectError } from '../../archive/objects/object-client.ts';
import { chunkLocation, identityLocation, recordingPrefix } from '../../archive/recording-locations.ts';
import { type SegmentPrefix, segmentLocation, segmentPrefix } from '../../archive/segment-store.ts';
import { RIG_START_US } from '../../packager/packager.fixture.ts';
import { type MirrorRig, openMirrorRig, passOf, type Restored, STREAM } from './mirror.fixture.ts';
import { printBatch } from './mirror-batch.ts';
import { leaveToOffload, MirroredStream } from './mirrored-stream.ts';

/**
 * Asserts that what was restored is what was recorded, up to the end of the copy.
 *
 * @param isWhole false: a segment before the last one may lack its end
 */
function assertSame({ sealed }: MirrorRig, { groups }: Restored, isWhole = true): void {
  for (const [i, { msn, tracks }] of groups.entries()) {
    if (i > 0) assert.equal(msn, groups[i - 1]!.msn + 1, 'no segment is missing between others');
    const recorded = sealed.get(msn);
    if (!recorded) continue; // it was open, and is open still
    for (const [at, bytes] of tracks.entries()) {
      const name = `segment ${msn}, track ${at}`;
      assert.ok(sameBytes(bytes, recorded[at]!.subarray(0, bytes.length)), `${name} has the bytes of the recording`);
      if (isWhole && i < groups.length - 1) assert.equal(bytes.length, recorded[at]!.length, name);
    }
  }
}

const keysOf = ({ bucket }: MirrorRig) => [...bucket.objects.keys()].filter((key) => key.startsWith('o/mirror/'));

suite('a mirror', () => {
  test('forgets a deleted stream when it is closed, before or after its deletion, and no other one', async () => {
    await using rig = openMirrorRig();
    const { mirror } = rig;
    const before = mirror.size;
    const silent = { subscribe: () => () => undefined };
    const [closed, open, kept] = ['closed', 'open', 'kept'].map((id) => mirror.open(id, silent));
    closed![Symbol.dispose]();
    kept![Symbol.dispose]();
    for (const id of ['closed', 'open']) await mirror.forget(segmentPrefix(`recordings/${id}`), { isRequested: true });
    assert.equal(mirror.size, before + 2, 'one records on, one has its recording');
    open![Symbol.dispose]();
    await rig.pass();
    assert.equal(mirror.size, before + 1);
    mirror.open('kept', silent);
    await mirror.forget(chunkLocation('kept', 0, 1) as string as SegmentPrefix);
    assert.equal(mirror.size, before + 1);
  });

  test('has at any moment what was recorded up to the last pass, parts of the open segment included', async () => {
    await using rig = openMirrorRig();
    const random = seeded(7);
    let untilS = 0;
    for (let pass = 0; pass < 60; pass++) {
      untilS += 0.2 + random(1300) / 1000;
      await rig.play(untilS);
      await rig.pass();
      if (rig.packaged.groups.length === 0 && keysOf(rig).length === 0) continue;
      const restored = await rig.restore();
      assertSame(rig, restored);
      const missingS = (RIG_START_US + untilS * 1e6 - restored.endUs) / 1e6;
      assert.ok(missingS < 0.45, `pass ${pass}: ${missingS} s are missing`);
    }
    assert.ok(rig.packaged.groups.length > 10);
    const names = (await rig.restore()).segments.read(identityLocation(STREAM), { offset: 0, length: 100 });
    assert.match(Buffer.from(await names).toString(), /"cam"/);
  });

  test('sends media once: ranges of files name the parts that were sent', async () => {
    await using rig = openMirrorRig();
    for (let untilS = 1; untilS <= 40; untilS++) {
      await rig.play(untilS);
      await rig.pass();
    }
    const sent = [...rig.bucket.objects.values()].reduce((sum, { length }) => sum + length, 0);
    const recorded = [...rig.sealed.values()].flat().reduce((sum, { length }) => sum + length, 0);
    assert.ok(sent < 1.1 * recorded, `${sent} bytes for ${recorded}`);
  });

  test('catches up from the files after an outage, and holds no media meanwhile', async () => {
    await using rig = openMirrorRig();
    await rig.play(5);
    await rig.pass();
    rig.bucket.isCut = true;
    for (let untilS = 6; untilS <= 30; untilS++) {
      await rig.play(untilS);
      await rig.pass();
    }
    assert.ok(rig.reports.some((report) => /^changed .*cut off/.test(report)));
    const [state] = rig.mirror.states;
    assert.ok(state!.behindMs > 20_000, `${state!.behindMs} ms behind`);
    assert.ok(state!.behindBytes > 0);
    assert.match(state!.problem!, /cut off/);
    rig.bucket.isCut = false;
    rig.packaged.clock.advance(20_000);
    await rig.pass();
    assert.equal(rig.mirror.states[0]!.behindMs, 0);
    assert.ok(rig.reports.includes('changed undefined'));
    const restored = await rig.restore();
    assertSame(rig, restored);
    assert.ok(RIG_START_US + 30e6 - restored.endUs < 450_000);
  });

  test('catches up with small objects where large ones take too long', async () => {
    await using rig = openMirrorRig();
    rig.bucket.isCut = true;
    for (let untilS = 1; untilS <= 40; untilS++) {
      await rig.play(untilS);
      await rig.pass();
    }
    rig.bucket.isCut = false;
    const { put } = rig.bucket;
    rig.bucket.put = async (key, source) => {
      if (source.size > 400_000) throw new ObjectError('it took too long');
      return put.call(rig.bucket, key, source);
    };
    for (let pass = 0; pass < 20; pass++) {
      rig.packaged.clock.advance(20_000);
      await rig.pass();
    }
    assert.equal(rig.mirror.states[0]!.behindMs, 0);
    assertSame(rig, await rig.restore());
  });

  test('tries a target that fails with growing pauses', async () => {
    await using rig = openMirrorRig();
    rig.bucket.isCut = true;
    await rig.play(3);
    for (let pass = 0; pass < 3; pass++) await rig.pass();
    const { length } = rig.bucket.requests;
    for (let pass = 0; pass < 50; pass++) await rig.pass();
    assert.equal(rig.bucket.requests.length, length, 'it waits');
  });

  test('deletes its objects when the bucket has their files as a whole, and not before', async () => {
    await using rig = openMirrorRig();
    for (let untilS = 1; untilS <= 70; untilS++) {
      await rig.play(untilS);
      await rig.pass();
    }
    const first = (await rig.restore()).locations[0]!;
    const before = keysOf(rig).length;
    assert.ok(before > 60, 'nothing is whole yet');
    rig.stored.add(first).add(identityLocation(STREAM));
    rig.mirror.stored();
    for (let pass = 0; pass < 5; pass++) await rig.pass();
    assert.ok(keysOf(rig).length < 15, `${keysOf(rig).length} of ${before} objects are left`);
    const restored = await rig.restore();
    assert.ok(!restored.locations.includes(first), 'that is in the bucket as a whole');
    assertSame(rig, restored);
    assert.ok(RIG_START_US + 70e6 - restored.endUs < 450_000);
  });

  test('of a process that ended is deleted by the next one, when the files are whole', async () => {
    await using rig = openMirrorRig();
    for (let untilS = 1; untilS <= 20; untilS++) {
      await rig.play(untilS);
      await rig.pass();
    }
    const { locations } = await rig.restore();
    const next = rig.again();
    const pass = () => passOf(next);
    const copied = rig.packaged.list.copied;
    next.open(STREAM, copied);
    await pass();
    const before = keysOf(rig).length;
    assert.ok(before > 15);
    for (const location of locations) rig.stored.add(location);
    rig.stored.add(identityLocation(STREAM));
    next.stored();
    await pass();
    assert.equal(keysOf(rig).length, 0);
  });

  test('of streams that the database does not know is never deleted', async () => {
    await using rig = openMirrorRig();
    for (let untilS = 1; untilS <= 5; untilS++) {
      await rig.play(untilS);
      await rig.pass();
    }
    const before = keysOf(rig);
    const next = rig.again();
    next.open('another', rig.packaged.list.copied);
    for (let pass = 0; pass < 3; pass++) {
      rig.packaged.clock.advance(60_000);
      await passOf(next);
    }
    assert.deepEqual(keysOf(rig).slice(0, before.length), before);
  });

  test('loses what is deleted, and has the rest a pass later', async () => {
    await using rig = openMirrorRig();
    for (let untilS = 1; untilS <= 70; untilS++) {
      await rig.play(untilS);
      await rig.pass();
    }
    const [first, second] = (await rig.restore()).locations;
    await rig.segments.delete(first!);
    await rig.mirror.forget(first!);
    assert.ok(rig.removed.length > 50);
    await rig.pass();
    const restored = await rig.restore();
    assert.deepEqual(restored.locations.includes(first!), false);
    assert.ok(restored.locations.includes(second!));
    assertSame(rig, restored);
    assert.ok(RIG_START_US + 70e6 - restored.endUs < 2_450_000, 'parts of the open segment follow');
  });

  test('loses what is deleted while it is sent', async () => {
    await using rig = openMirrorRig();
    await rig.play(5);
    const arrived = Promise.withResolvers<void>();
    const goes = Promise.withResolvers<void>();
    rig.bucket.hold = async () => {
      arrived.resolve();
      await goes.promise;
    };
    const passed = rig.pass();
    await arrived.promise;
    await rig.segments.delete(recordingPrefix(STREAM));
    await rig.mirror.forget(recordingPrefix(STREAM));
    goes.resolve();
    await passed;
    assert.deepEqual(keysOf(rig), []);
  });

  test('keeps what it has when retention deletes an older file, or pictures', async () => {
    await using rig = openMirrorRig();
    for (let untilS = 1; untilS <= 10; untilS++) {
      await rig.play(untilS);
      await rig.pass();
    }
    const before = keysOf(rig);
    await rig.mirror.forget(chunkLocation(STREAM, RIG_START_US / 1000 - 86_400_000, 5));
    await rig.mirror.forget(segmentLocation(`${recordingPrefix(STREAM)}20240102/03/1.pictures`));
    await rig.pass();
    assert.deepEqual(rig.removed, []);
    assert.deepEqual(keysOf(rig), before);
  });

  test('loses what is deleted, also of objects that arrived though their requests failed', async () => {
    await using rig = openMirrorRig();
    await rig.pass();
    await rig.play(5);
    const { put } = rig.bucket;
    rig.bucket.put = async (key, source) => {
      await put.call(rig.bucket, key, source);
      throw new ObjectError('the answer is lost');
    };
    await rig.pass();
    assert.equal(keysOf(rig).length, 1);
    rig.bucket.put = put;
    await rig.segments.delete(recordingPrefix(STREAM));
    await rig.mirror.forget(recordingPrefix(STREAM));
    assert.deepEqual(keysOf(rig), []);
  });

  test('loses what is deleted before it knows the objects of an earlier process', async () => {
    await using rig = openMirrorRig();
    for (let untilS = 1; untilS <= 10; untilS++) {
      await rig.play(untilS);
      await rig.pass();
    }
    const next = rig.again();
    next.open(STREAM, rig.packaged.list.copied);
    await rig.segments.delete(recordingPrefix(STREAM));
    await next.forget(recordingPrefix(STREAM));
    await passOf(next);
    assert.deepEqual(keysOf(rig), []);
  });

  test('loses what is deleted, though the database fails at first', async () => {
    await using rig = openMirrorRig();
    await rig.pass();
    await rig.play(5);
    await rig.pass();
    const [key] = keysOf(rig);
    rig.removed.push = () => {
      throw new Error('the database is busy');
    };
    await rig.segments.delete(recordingPrefix(STREAM));
    await assert.rejects(rig.mirror.forget(recordingPrefix(STREAM)), /busy/);
    rig.removed.push = Array.prototype.push;
    rig.packaged.clock.advance(20_000);
    await rig.pass();
    assert.ok(!keysOf(rig).includes(key!));
  });

  test('keeps an object that it puts while it looks for those of earlier processes', async () => {
    await using rig = openMirrorRig();
    const { signal } = new AbortController();
    await rig.play(2.4);
    await rig.mirror.pass('b', { signal });
    await rig.play(2.8);
    const { list } = rig.bucket;
    rig.bucket.list = async function* (prefix) {
      await rig.mirror.pass('b', { signal });
      yield* list.call(rig.bucket, prefix);
    };
    await rig.mirror.compact('b', { signal });
    rig.packaged.clock.advance(20_000);
    await rig.mirror.compact('b', { signal });
    assert.equal(keysOf(rig).length, 2, 'its parts are in no file');
  });

  test('keeps its ranges of a complete file when the stream is opened again', async () => {
    await using rig = openMirrorRig();
    for (let untilS = 1; untilS <= 70; untilS++) {
      await rig.play(untilS);
      await rig.pass();
    }
    const { groups, locations } = await rig.restore();
    const stream = rig.mirror.open(STREAM, rig.packaged.list.copied);
    stream.written({ location: locations[1]!, length: 100, msn: 10_000, tracks: [] });
    for (let pass = 0; pass < 5; pass++) {
      rig.packaged.clock.advance(20_000);
      await rig.pass();
    }
    const msns = (await rig.restore()).groups.map(({ msn }) => msn);
    for (const { msn } of groups) assert.ok(msns.includes(msn), `segment ${msn}`);
  });

  test('leaves complete files to offload after an outage, and keeps what it sent of them', async () => {
    let nowMs = 0;
    const stream = new MirroredStream(STREAM, { subscribe: () => () => undefined }, () => nowMs++);
    stream.follow('b');
    const write = (file: number) => {
      const location = chunkLocation(STREAM, RIG_START_US / 1000 + file * 1000, file);
      stream.written({ location, length: 1000, msn: file, tracks: [] });
      return stream.files.get(location)!;
    };
    const partly = write(1);
    stream.sentFile(partly, 0, { records: [], end: 400 });
    const whole = write(2);
    stream.sentFile(whole, 0, { records: [], end: 1000 });
    for (let file = 3; file < 40; file++) write(file);
    leaveToOffload(stream, 20);
    const files = [...stream.files.values()];
    assert.deepEqual(files.slice(0, 2), [partly, whole], 'their objects are needed');
    assert.equal(files.length, 2 + 20 + 1, 'and the open one');
    assert.equal(partly.length, 400);
  });

  test('has nothing of a stream without a target, and the open file from its start of one that gets it', async () => {
    await using rig = openMirrorRig();
    rig.target = undefined;
    await rig.play(5);
    await rig.pass();
    assert.deepEqual(rig.bucket.requests, []);
    assert.deepEqual(rig.mirror.states, []);
    rig.target = 'b';
    await rig.pass();
    const restored = await rig.restore();
    assert.equal(restored.groups[0]!.msn, rig.packaged.groups[0]!.msn);
    assertSame(rig, restored);
  });

  test('is restored though an object in its place names files that are none of a recording', async () => {
    await using rig = openMirrorRig();
    for (let untilS = 1; untilS <= 10; untilS++) {
      await rig.play(untilS);
      await rig.pass();
    }
    const whole = await rig.restore();
    const bytes = [Buffer.from('x')];
    const names = ['recordings/../x', 'recordings/s//x', 'recordings/s/x.part', '../x', 'library/x', 'recordings/'];
    for (const location of names) {
      const tracks = [{ trackId: 1, offset: 0, length: 100 }];
      const records = [
        { record: { kind: 'file', location, offset: 0, length: 1 } as const, bytes },
        { record: { kind: 'joined', location, streamId: STREAM, msn: 101, tracks, length: 0 } as const, bytes: [] },
      ];
      rig.bucket.objects.set(`o/mirror/server/a${location}`, printBatch(records));
    }
    const { groups, segments } = await rig.restore();
    assert.equal(groups.length, whole.groups.length);
    for (const name of names.slice(3, 5)) await assert.rejects(segments.read(name as never, { offset: 0, length: 1 }));
  });

  test('is restored of ranges of any length', async () => {
    await using rig = openMirrorRig();
    for (let untilS = 1; untilS <= 10; untilS++) {
      await rig.play(untilS);
      await rig.pass();
    }
    const { locations, groups, segments } = await rig.restore();
    const location = locations[0]!;
    const file = await segments.read(location, { offset: 0, length: await segments.size(location) });
    rig.bucket.objects.clear();
    for (const [i, [from, to]] of [
      [0, 5],
      [5, 36],
      [36, 38],
      [38, file.length],
    ].entries()) {
      const record = { kind: 'file', location, offset: from!, length: to! - from! } as const;
      rig.bucket.objects.set(`o/mirror/server/${i}`, printBatch([{ record, bytes: [file.subarray(from, to)] }]));
    }
    const restored = await rig.restore();
    const msns = groups.filter(({ msn }) => restored.groups.some((each) => each.msn === msn));
    assert.deepEqual(restored.groups, msns);
    assert.ok(msns.length > 0);
  });

  test('has no bytes of a broken object in what is restored', async () => {
    await using rig = openMirrorRig();
    for (let untilS = 1; untilS <= 10; untilS++) {
      await rig.play(untilS);
      await rig.pass();
    }
    const whole = await rig.restore();
    const broken = keysOf(rig)[5]!;
    const bytes = rig.bucket.objects.get(broken)!;
    bytes[bytes.length - 40]! ^= 1;
    const restored = await rig.restore();
    const bytesOf = ({ groups }: Restored) =>
      groups.flatMap(({ tracks }) => tracks).reduce((sum, { length }) => sum + length, 0);
    assert.ok(bytesOf(restored) > 0 && bytesOf(restored) < bytesOf(whole));
    assertSame(rig, restored, false);
  });
});
