import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { sameBytes } from '@oxbow/media/bytes';
import { seeded } from '@oxbow/media/random.fixture';
import { identityLocation, recordingPrefix } from '../../archive/recording-locations.ts';
import { RIG_START_US } from '../../packager/packager.fixture.ts';
import { type MirrorRig, openMirrorRig, passOf, type Restored, STREAM } from './mirror.fixture.ts';

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

const keysOf = ({ bucket }: MirrorRig) => [...bucket.objects.keys()];

suite('a mirror', () => {
  test('has at any moment what was recorded up to the last pass, parts of the open segment included', async () => {
    await using rig = openMirrorRig();
    const random = seeded(7);
    let untilS = 0;
    for (let pass = 0; pass < 60; pass++) {
      untilS += 0.2 + random(1300) / 1000;
      await rig.play(untilS);
      await rig.pass();
      if (rig.packaged.groups.length === 0 && rig.bucket.objects.size === 0) continue;
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
