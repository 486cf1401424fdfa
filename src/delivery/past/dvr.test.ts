import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { parsePlaylist } from '@oxbow/media/m3u8/parse';
import type { MediaPlaylist } from '@oxbow/media/m3u8/playlist';
import { DEFAULT_LIMITS } from '../../packager/live-window.ts';
import { START_US } from '../../recording/recording.fixture.ts';
import { type Delivery, generation, makeGroup, openDelivery, type SegmentPlan, tracks } from '../delivery.fixture.ts';

const SECOND = 1_000_000;
/** The live list holds six segments; what is older comes from the recording. */
const limits = { ...DEFAULT_LIMITS, windowUs: 12 * SECOND };
const LIST = '/live/door/dvr-30m/av0/g7.m3u8';

/** Before the list's own generation: five segments of one run, a hole, four of another. */
const older: SegmentPlan[] = [
  ...[50, 51, 52, 53, 54].map((msn) => ({ msn, run: 1, startUs: START_US - (80 - 2 * (msn - 50)) * SECOND })),
  ...[60, 61, 62, 63].map((msn) => ({
    msn,
    run: 2,
    startUs: START_US - (50 - 2 * (msn - 60)) * SECOND,
    discontinuitySequence: 4,
    discontinuity: msn === 60,
  })),
];

async function openDvr(): Promise<Delivery> {
  const dvr = await openDelivery({ limits });
  await dvr.record(...older.map((plan) => makeGroup(plan, dvr.init)));
  dvr.listWriter.begin(generation, tracks);
  return dvr;
}

/** Segments of the generation itself: live, then recorded. */
async function flow(dvr: Delivery, from: number, to: number, lost: readonly number[] = []): Promise<void> {
  for (let msn = from; msn <= to; msn++) {
    const own = { run: 3, discontinuity: msn === 100, discontinuitySequence: 5 };
    const group = dvr.live({ msn, ...own });
    if (!lost.includes(msn)) await dvr.record(group);
  }
}

async function read(dvr: Delivery, path = LIST): Promise<MediaPlaylist> {
  const parsed = parsePlaylist(await dvr.text(path));
  assert.equal(parsed.kind, 'media');
  return parsed.playlist as MediaPlaylist;
}

/**
 * Each segment by its position, and the discontinuities before it: what a client knows it by (RFC 8216bis
 * 6.2.2).
 */
function known({ segments, mediaSequence, discontinuitySequence }: MediaPlaylist): Map<number, string> {
  let sequence = discontinuitySequence;
  return new Map(
    segments.map(({ uri, durationS, discontinuity, gap, programDateTimeMs, map }, i) => {
      if (discontinuity) sequence++;
      return [mediaSequence + i, [uri, durationS, sequence, gap, programDateTimeMs, map?.uri].join(' ')];
    }),
  );
}

suite('a live list that reaches far back (docs/media.md 33)', () => {
  test('goes from recorded segments, of older generations too, to live ones', async () => {
    await using dvr = await openDvr();
    await flow(dvr, 100, 110);
    const list = await read(dvr);
    const msns = list.segments.map(({ uri }) => Number(/(\d+)\.m4s$/.exec(uri)![1]));
    const expected = [...older.map(({ msn }) => msn), ...Array.from({ length: 11 }, (_, i) => 100 + i)];
    assert.deepEqual(msns, expected);
    assert.equal(list.mediaSequence, 100 - older.length, 'positions before the generation are counted back');
    assert.deepEqual(
      list.segments.flatMap(({ discontinuity }, i) => (discontinuity ? [msns[i]] : [])),
      [60, 100],
    );
    assert.equal(list.discontinuitySequence, 3);
    assert.deepEqual([list.endList, list.playlistType, list.partTargetS], [false, undefined, undefined]);
    assert.ok(list.serverControl!.holdBackS! >= 3 * list.targetDurationS);
    assert.equal(list.segments[0]!.uri, '../../av0/50.m4s');
    assert.equal(list.segments[0]!.map!.uri, '../../av0/init-1.mp4');
    assert.ok(list.segments.every(({ durationS }) => durationS === 2));
  });

  test('changes no listed segment while it grows and slides, nor after a time without requests', async () => {
    await using dvr = await openDvr();
    const seen = new Map<number, string>();
    let first = 0;
    let end = 100;
    // Thirty minutes of two seconds, and more: the oldest leave one by one.
    for (const to of [106, 107, 112, 140, 141, 600, 960, 961, 1010]) {
      await flow(dvr, end, to);
      end = to + 1;
      const list = await read(dvr);
      const now = known(list);
      assert.ok(list.mediaSequence >= first);
      first = list.mediaSequence;
      for (const [position, segment] of now) {
        assert.equal(segment, seen.get(position) ?? segment);
        seen.set(position, segment);
      }
      assert.equal([...now.keys()].at(-1), to);
      assert.equal(list.targetDurationS, generation.targetDurationS);
    }
    assert.ok(first > 100, 'the list is full');
  });

  test('is the same after eviction', async () => {
    await using dvr = await openDvr();
    await flow(dvr, 100, 108);
    const before = known(await read(dvr));
    // More lists than are kept.
    for (const length of ['1h', '2h', '4h', '8h', '12h', '24h'])
      for (const id of ['av0', 'v0', 'a0']) await dvr.text(`/live/door/dvr-${length}/${id}/g7.m3u8`);
    await flow(dvr, 109, 130);
    const after = known(await read(dvr));
    for (const [position, segment] of before) assert.equal(after.get(position), segment);
  });

  test('lists lost segments as GAPs, and begins after a longer hole', async () => {
    await using dvr = await openDvr();
    await flow(dvr, 100, 120, [103, 104]);
    const list = await read(dvr);
    const gaps = list.segments.filter(({ gap }) => gap);
    assert.deepEqual(
      gaps.map(({ uri, durationS }) => [uri, durationS]),
      [
        ['../../av0/103.m4s', 2],
        ['../../av0/104.m4s', 2],
      ],
    );
    assert.equal(list.mediaSequence, 91);
    await using holed = await openDvr();
    await flow(
      holed,
      100,
      160,
      Array.from({ length: 40 }, (_, i) => 105 + i),
    );
    assert.equal((await read(holed)).mediaSequence, 145);
  });

  test('makes a GAP of a segment that the recorder lost when it leaves the live list, and changes nothing else', async () => {
    await using dvr = await openDvr();
    await flow(dvr, 100, 106, [103, 104]);
    dvr.listWriter.lost(103);
    dvr.listWriter.lost(104);
    const before = await read(dvr);
    assert.ok(
      before.segments.every(({ gap }) => !gap),
      'they are still in memory',
    );
    await flow(dvr, 107, 112);
    const left = await read(dvr);
    dvr.listWriter.recorded(112);
    await flow(dvr, 113, 113);
    const after = await read(dvr);
    const gapsOf = ({ segments }: MediaPlaylist) => segments.filter(({ gap }) => gap).map(({ uri }) => uri);
    assert.deepEqual(gapsOf(left), ['../../av0/103.m4s', '../../av0/104.m4s']);
    assert.deepEqual(gapsOf(after), ['../../av0/103.m4s', '../../av0/104.m4s']);
    const listed = known(after);
    for (const [position, segment] of known(before)) {
      const isLost = /\/10[34]\.m4s/.test(segment);
      assert.equal(listed.get(position), isLost ? segment.replace(' false ', ' true ') : segment);
    }
  });

  test('of a stream that is not recorded lists what can be loaded, not hours of GAPs', async () => {
    await using dvr = await openDelivery({ limits });
    dvr.listWriter.begin(generation, tracks);
    for (let msn = 100; msn <= 130; msn++) {
      dvr.live({ msn });
      dvr.listWriter.lost(msn);
      if (msn % 3 === 0) await read(dvr);
    }
    const list = await read(dvr);
    assert.ok(list.segments.every(({ gap }) => !gap));
    assert.equal(list.mediaSequence, dvr.list.segments[0]!.msn);
  });

  test('counts what was lost before a DISCONTINUITY of its generation, evicted or not', async () => {
    await using dvr = await openDvr();
    await flow(dvr, 100, 103);
    const before = known(await read(dvr));
    dvr.live({ msn: 104, run: 3, discontinuitySequence: 5 }); // and never recorded
    for (let msn = 105; msn <= 116; msn++) {
      const own = { run: 4, discontinuity: msn === 105, discontinuitySequence: 6 };
      await dvr.record(dvr.live({ msn, ...own }));
    }
    const list = await read(dvr, '/live/door/dvr-1h/av0/g7.m3u8');
    const after = known(list);
    for (const [position, segment] of before) assert.equal(after.get(position), segment);
    assert.deepEqual(
      list.segments.filter(({ gap }) => gap).map(({ uri }) => uri),
      ['../../av0/104.m4s'],
    );
  });

  test('holds a reload until its segment is there, and refuses what is too far ahead (RFC 8216bis 6.2.5.2)', async () => {
    await using dvr = await openDvr();
    await flow(dvr, 100, 106);
    let answered = false;
    const held = read(dvr, `${LIST}?_HLS_msn=107`).then((list) => {
      answered = true;
      return list;
    });
    await new Promise(setImmediate);
    assert.equal(answered, false);
    await flow(dvr, 107, 107);
    assert.equal((await held).segments.at(-1)!.uri, '../../av0/107.m4s');
    await assert.rejects(read(dvr, `${LIST}?_HLS_msn=110`), { code: 'bad-request' });
  });

  test('skips what a player has (RFC 8216bis 6.2.5.1), and no more', async () => {
    await using dvr = await openDvr();
    await flow(dvr, 100, 130);
    const whole = await read(dvr);
    const delta = await read(dvr, `${LIST}?_HLS_skip=YES`);
    assert.equal(delta.version, 9);
    const skipped = delta.skippedSegments!;
    assert.ok(skipped > 0);
    assert.deepEqual(
      delta.segments.map(({ uri }) => uri),
      whole.segments.slice(skipped).map(({ uri }) => uri),
    );
    const leftS = delta.segments.reduce((sum, { durationS }) => sum + durationS, 0);
    assert.ok(leftS >= whole.serverControl!.canSkipUntilS!);
  });

  test('skips nothing after the Skip Boundary in playlist time, also after a hole (RFC 8216bis 4.4.3.8)', async () => {
    await using dvr = await openDvr();
    await flow(dvr, 100, 120);
    for (let msn = 121; msn <= 122; msn++) {
      const own = { run: 4, discontinuity: msn === 121, discontinuitySequence: 6 };
      await dvr.record(dvr.live({ msn, ...own, startUs: START_US + (msn - 100 + 600) * 2 * SECOND }));
    }
    const whole = await read(dvr);
    const delta = await read(dvr, `${LIST}?_HLS_skip=YES`);
    const leftS = delta.segments.reduce((sum, { durationS }) => sum + durationS, 0);
    assert.ok(delta.skippedSegments! > 0);
    assert.ok(leftS >= whole.serverControl!.canSkipUntilS!, `${leftS} s are left`);
  });

  test('holds to the length of older segments, forgets what retention deleted, and ends with its generation', async () => {
    await using dvr = await openDelivery({ limits });
    await dvr.record(makeGroup({ msn: 40, run: 1, startUs: START_US - 60 * SECOND, parts: 35 }, dvr.init));
    dvr.listWriter.begin(generation, tracks);
    await flow(dvr, 100, 110);
    const before = await read(dvr);
    assert.deepEqual([before.targetDurationS, before.segments.length], [7, 12]);
    assert.equal(before.serverControl!.holdBackS, 21);
    dvr.state.horizonUs = START_US + 3 * SECOND;
    await flow(dvr, 111, 111);
    const after = await read(dvr);
    assert.deepEqual([after.targetDurationS, after.mediaSequence, after.discontinuitySequence], [7, 102, 5]);
    dvr.listWriter.end();
    assert.equal((await read(dvr)).endList, true);
    await assert.rejects(dvr.text('/live/door/dvr-30m/index.m3u8'), { code: 'stream-offline' });
  });

  test('is offered by a separate multivariant list, in lengths from a fixed set', async () => {
    await using dvr = await openDvr();
    await flow(dvr, 100, 106);
    assert.match(await dvr.text('/live/door/dvr-4h/index.m3u8'), /\nav0\/g7\.m3u8\n/);
    for (const path of ['dvr-3h/index.m3u8', 'dvr-99h/av0/g7.m3u8', 'dvr-4h/nope/g7.m3u8']) {
      await assert.rejects(dvr.text(`/live/door/${path}`), { code: 'not-found' });
    }
    await assert.rejects(dvr.text('/live/door/dvr-4h/av0/g6.m3u8'), { code: 'stream-offline' });
  });
});
