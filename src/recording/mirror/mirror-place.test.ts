/**
 * The place of a mirror: objects of other owners in it, and other servers.
 */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { chunkLocation } from '../../archive/recording-locations.ts';
import { type SegmentPrefix, segmentPrefix } from '../../archive/segment-store.ts';
import { createManualClock } from '../../lib/clock.ts';
import { MemoryBucket, openMirrorRig, STREAM } from './mirror.fixture.ts';
import {
  checkBatch,
  ERASED,
  type MirrorRecord,
  type PartsRecord,
  type PlacedRecord,
  parseRecords,
  printBatch,
} from './mirror-batch.ts';
import { MirrorObjects } from './mirror-objects.ts';
import { OtherObjects } from './mirror-others.ts';
import { claimKey, PrefixClaim } from './prefix-claim.ts';

const { signal } = new AbortController();
const NOW_MS = 1_795_000_000_000;
const file = (id: string, msn: number) => chunkLocation(id, NOW_MS, msn);

/** What is deleted with a file. */
const prefixOf = (msn: number) => file(STREAM, msn) as string as SegmentPrefix;

/** A record with bytes that are its number. */
function recordOf(record: MirrorRecord, number: number) {
  return { record, bytes: record.length > 0 ? [new Uint8Array(record.length).fill(number)] : [] };
}

function partsOf(streamId: string, msn: number): PartsRecord {
  const run = { id: 1, utcOffsetUs: 0, clock: 'source' } as const;
  const init = { number: 1, hash: 'h' };
  const parts = [{ trackId: 1, length: 7 }];
  const at = { msn, first: 0, startUs: 1, discontinuity: false, discontinuitySequence: 0 };
  return { kind: 'parts', streamId, run, init, parts, length: 7, ...at };
}

const rangeOf = (location: string): MirrorRecord => ({ kind: 'file', location, offset: 0, length: 5 });

/** A bucket with an object of another node, that is old, and one that is young. */
function openPlace(limits?: { readonly known: number; readonly reads: number }) {
  const clock = createManualClock(NOW_MS);
  const bucket = new MemoryBucket();
  const own = new MirrorObjects('o', 'b');
  const others = new OtherObjects('o', own, clock, limits);
  const keyOf = (ageMs: number, owner = 'a') => `o/mirror/${owner}/${String(NOW_MS - ageMs).padStart(15, '0')}`;
  const put = (key: string, records: readonly MirrorRecord[]) => {
    bucket.objects.set(key, printBatch(records.map(recordOf)));
  };
  const recordsIn = (key: string) => {
    const bytes = bucket.objects.get(key);
    if (!bytes) return undefined;
    checkBatch(bytes);
    const placed = parseRecords(bytes);
    const isErased = ({ record }: PlacedRecord) => record.kind === 'file' && record.location === ERASED;
    for (const { record, at } of placed.filter(isErased)) {
      assert.ok(bytes.subarray(at, at + record.length).every((byte) => byte === 0));
    }
    return placed.filter((each) => !isErased(each)).map(({ record, at }) => [record, bytes[at]] as const);
  };
  const deleted = (prefix: SegmentPrefix, isUrgent: boolean) => others.deleted(prefix, STREAM, isUrgent);
  const work = () => others.work(bucket, { signal });
  return { clock, bucket, own, keyOf, put, recordsIn, deleted, work };
}

suite('objects of other owners in the place of a mirror', () => {
  test('lose what is deleted on request, and keep the rest', async () => {
    const place = openPlace();
    const [young, old, only] = [place.keyOf(2000), place.keyOf(3_600_000), place.keyOf(3_600_001)];
    const rest = [rangeOf(file('other', 1)), partsOf('other', 9), partsOf(STREAM, 20)];
    place.put(young, [rangeOf(file(STREAM, 10)), ...rest, partsOf(STREAM, 12)]);
    place.put(old, [partsOf(STREAM, 19), rangeOf(file(STREAM, 20))]);
    place.put(only, [partsOf(STREAM, 11)]);
    place.put(place.keyOf(1, 'b'), [rangeOf(file(STREAM, 10))]);
    place.bucket.objects.set('o/mirror/a/other program', Buffer.from('no object of a mirror'));
    place.deleted(prefixOf(10), true);
    assert.equal(await place.work(), 3);
    assert.deepEqual(
      place.recordsIn(young),
      rest.map((record, i) => [record, i + 1]),
    );
    assert.deepEqual(place.recordsIn(old), [[rangeOf(file(STREAM, 20)), 1]]);
    assert.equal(place.recordsIn(only), undefined);
    assert.ok(place.recordsIn(place.keyOf(1, 'b')), 'its own objects are left to the mirror');
    assert.ok(place.bucket.objects.has('o/mirror/a/other program'));
  });

  test('are read for retention when they are old alone, once, and seldom', async () => {
    const place = openPlace();
    const [young, old] = [place.keyOf(2000), place.keyOf(3_600_000)];
    for (const key of [young, old]) place.put(key, [rangeOf(file(STREAM, 10)), rangeOf(file('other', 1))]);
    const reads = () => place.bucket.requests.filter((request) => request.startsWith('read o/mirror/')).length;
    assert.equal(await place.work(), 0);
    assert.deepEqual(place.bucket.requests, [], 'nothing was deleted');
    place.deleted(prefixOf(99), false);
    await place.work();
    assert.equal(reads(), 1);
    place.deleted(prefixOf(10), false);
    assert.equal(await place.work(), 0, 'it is not due');
    place.clock.advance(61_000);
    assert.equal(await place.work(), 1);
    assert.equal(place.recordsIn(old)!.length, 1);
    // What its owner sent after the deletion, or keeps for longer, is found later.
    place.clock.advance(700_000);
    assert.equal(await place.work(), 1);
    assert.equal(place.recordsIn(young)!.length, 1);
    place.clock.advance(300_000);
    await place.work();
    const { length } = place.bucket.requests;
    place.clock.advance(300_000);
    await place.work();
    assert.equal(place.bucket.requests.length, length, 'no deletion waits');
  });

  test('lose what is deleted, also if they are more than are remembered', async () => {
    const place = openPlace({ known: 20, reads: 7 });
    const keys = Array.from({ length: 60 }, (_, i) => place.keyOf(3_600_000 - i));
    // The last file ends the deleted one: nothing of it may go.
    for (const [i, key] of keys.entries()) {
      place.put(key, [partsOf(STREAM, 10 + i), rangeOf(file(i < 59 ? 'other' : STREAM, i < 59 ? 1 : 40))]);
    }
    place.deleted(prefixOf(10), true);
    let [changed, calls] = [0, 0];
    for (; changed < 30 && calls < 100; calls++) {
      changed += await place.work();
      place.clock.advance(2000);
    }
    assert.equal(changed, 30, `after ${calls} calls`);
    const left = keys.map((key) => place.recordsIn(key)!.filter(([record]) => record.kind === 'parts').length);
    assert.deepEqual(left, [...Array<number>(30).fill(0), ...Array<number>(30).fill(1)]);
    for (let more = 0; more < 30; more++) {
      assert.equal(await place.work(), 0);
      place.clock.advance(2000);
    }
  });

  test('are looked at again when the bucket failed', async () => {
    const place = openPlace();
    place.put(place.keyOf(2000), [rangeOf(file(STREAM, 10))]);
    place.deleted(segmentPrefix(`recordings/${STREAM}`), true);
    place.bucket.isCut = true;
    await assert.rejects(place.work());
    place.bucket.isCut = false;
    assert.equal(await place.work(), 1);
    assert.equal(place.bucket.objects.size, 0);
  });

  test('lose a deleted stream, also when no stream is mirrored there any more', async () => {
    await using rig = openMirrorRig();
    await rig.play(4);
    await rig.pass();
    const other = `o/mirror/lost/${String(rig.packaged.clock.nowMs()).padStart(15, '0')}`;
    rig.bucket.objects.set(other, printBatch([recordOf(partsOf(STREAM, 1), 1)]));
    rig.target = undefined;
    await rig.mirror.forget(segmentPrefix(`recordings/${STREAM}`), { isRequested: true });
    await rig.pass();
    await rig.pass();
    assert.deepEqual(
      [...rig.bucket.objects.keys()].filter((key) => key.includes('/mirror/')),
      [],
    );
  });
});

suite('two servers with one prefix', () => {
  /** Two servers that look every few seconds. */
  function openServers() {
    const clock = createManualClock(NOW_MS);
    const bucket = new MemoryBucket();
    const open = (id: string, run?: string) =>
      new PrefixClaim({ prefix: 'o', server: { id, host: `host-${id}`, run }, monotonicMs: () => clock.monotonicMs() });
    const run = async (claims: readonly PrefixClaim[], seconds: number) => {
      for (let s = 0; s < seconds; s += 2) {
        for (const claim of claims) await claim.look(bucket, { signal });
        clock.advance(2000);
      }
    };
    const holder = () => (JSON.parse(Buffer.from(bucket.objects.get(claimKey('o'))!).toString()) as { id: string }).id;
    return { bucket, open, run, holder };
  }

  test('are found: the second one stops, the first one continues, and both say it', async () => {
    const { open, run, holder } = openServers();
    const first = open('1');
    await run([first], 100);
    assert.deepEqual([first.isTaken, first.problem], [false, undefined]);
    const second = open('2');
    const said = new Set<string | undefined>();
    for (let s = 0; s < 100; s += 2) {
      await run([second, first], 2);
      said.add(first.problem);
    }
    assert.ok(second.isTaken && !first.isTaken);
    assert.match(second.problem!, /another server \(host-1\) uses this prefix: nothing is sent there/);
    assert.match([...said].join(), /another server \(host-2\) uses this prefix/);
    await run([second, first], 2000);
    assert.deepEqual([second.isTaken, first.isTaken, first.problem, holder()], [true, false, undefined, '1']);
  });

  test('one after the other are no problem: a new machine takes the place of a lost one at once', async () => {
    const { open, run, holder } = openServers();
    await run([open('1')], 100);
    const second = open('2');
    await run([second], 2);
    assert.deepEqual([second.isTaken, second.problem, holder()], [false, undefined, '2']);
    await run([second], 300);
    assert.deepEqual([second.isTaken, second.problem], [false, undefined]);
  });

  test('the second one takes the place when the first one has been silent for minutes', async () => {
    const { open, run, holder } = openServers();
    const [first, second] = [open('1'), open('2')];
    await run([first], 100);
    await run([second, first], 200);
    assert.ok(second.isTaken);
    await run([second], 200);
    assert.ok(second.isTaken, 'it may be slow');
    await run([second], 200);
    assert.deepEqual([second.isTaken, second.problem, holder()], [false, undefined, '2']);
  });

  test('are found where one has a copy of the data folder of the other, and so its name', async () => {
    const { open, run } = openServers();
    const first = open('1', 'process a');
    await run([first], 100);
    const copy = open('1', 'process b');
    const said = new Set<string | undefined>();
    for (let s = 0; s < 100; s += 2) {
      await run([copy, first], 2);
      said.add(first.problem);
    }
    assert.ok(copy.isTaken && !first.isTaken);
    assert.match(
      copy.problem!,
      /another server \(host-1\) has a copy of this data folder, and uses this prefix: nothing/,
    );
    assert.match([...said].join(), /has a copy of this data folder/);
  });

  test('are one where a process follows another: nothing is wrong', async () => {
    const { open, run } = openServers();
    await run([open('1', 'process a')], 100);
    const next = open('1', 'process b');
    await run([next], 300);
    assert.deepEqual([next.isTaken, next.problem], [false, undefined]);
  });

  test('nodes of one cluster, and processes of one server, share their place', async () => {
    const { open, run } = openServers();
    const nodes = [open('1'), open('1'), open('1')];
    await run(nodes, 300);
    assert.ok(nodes.every(({ isTaken, problem }) => !isTaken && problem === undefined));
  });

  test('a mirror whose place is taken sends nothing, says so, and sends what waited when it is free', async () => {
    await using rig = openMirrorRig();
    await rig.play(2);
    await rig.pass();
    const claim = () => rig.bucket.objects.get('o/mirror-owner')!;
    for (let beat = 1; beat < 6; beat++) {
      rig.bucket.objects.set('o/mirror-owner', Buffer.from(JSON.stringify({ id: 'x', host: 'other', beat })));
      rig.packaged.clock.advance(31_000);
      await rig.pass();
      // It was here first: it writes its name again.
      assert.match(Buffer.from(claim()).toString(), /"host":"one"/);
      assert.match(rig.mirror.states[0]!.problem!, /another server \(other\) uses this prefix/);
    }
  });

  test('a mirror that came second sends nothing while the other one runs, and all that waited afterwards', async () => {
    await using rig = openMirrorRig();
    let beat = 1;
    const other = () =>
      rig.bucket.objects.set('o/mirror-owner', Buffer.from(JSON.stringify({ id: 'x', host: 'other', beat: beat++ })));
    other();
    await rig.pass();
    other();
    rig.packaged.clock.advance(31_000);
    await rig.pass();
    const { size } = rig.bucket.objects;
    await rig.play(5);
    await rig.pass();
    assert.equal(rig.bucket.objects.size, size);
    assert.match(rig.mirror.states[0]!.problem!, /nothing is sent there/);
    for (let looks = 0; looks < 12; looks++) {
      rig.packaged.clock.advance(31_000);
      await rig.pass();
    }
    await rig.pass();
    assert.equal(rig.mirror.states[0]!.problem, undefined);
    assert.ok((await rig.restore()).groups.length > 0);
  });
});
