import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { parsePlaylist } from '@oxbow/media/m3u8/parse';
import type { MediaPlaylist } from '@oxbow/media/m3u8/playlist';
import type { SegmentGroup } from '@oxbow/media/segment';
import { named, parseXml, secondsOf } from '../../../test/conformance/mpd.ts';
import { DEFAULT_LIMITS } from '../../packager/live-window.ts';
import { START_US } from '../../recording/recording.fixture.ts';
import { type Delivery, generation, makeGroup, openDelivery, type SegmentPlan, tracks } from '../delivery.fixture.ts';

const SECOND = 1_000_000;
/** The live list holds six segments; what is older comes from the recording. */
const limits = { ...DEFAULT_LIMITS, windowUs: 12 * SECOND };
const LIST = '/live/door/dvr-30m/av0/g7.m3u8';
const MANIFEST = '/live/door/dvr-30m/index.mpd';

/** Before the generation: four segments of another run. */
const older: SegmentPlan[] = [60, 61, 62, 63].map((msn) => ({
  msn,
  run: 2,
  startUs: START_US - (50 - 2 * (msn - 60)) * SECOND,
  discontinuitySequence: 4,
  discontinuity: msn === 60,
}));

async function openDvr(): Promise<Delivery> {
  const dvr = await openDelivery({ limits, isDirect: () => true });
  await dvr.record(...older.map((plan) => makeGroup(plan, dvr.init)));
  dvr.listWriter.begin(generation, tracks);
  return dvr;
}

const planOf = (msn: number): SegmentPlan => ({
  msn,
  run: 3,
  discontinuity: msn === 100,
  discontinuitySequence: 5,
});

/** The recorder has written it. */
async function record(dvr: Delivery, group: SegmentGroup): Promise<void> {
  await dvr.record(group);
  dvr.listWriter.recorded(group.msn);
}

/** Live segments that are recorded at once, or lost. */
async function flow(dvr: Delivery, from: number, to: number, lost: readonly number[] = []): Promise<void> {
  for (let msn = from; msn <= to; msn++) {
    const group = dvr.live(planOf(msn));
    if (lost.includes(msn)) dvr.listWriter.lost(msn);
    else await record(dvr, group);
  }
}

async function read(dvr: Delivery, path = LIST): Promise<MediaPlaylist> {
  return parsePlaylist(await dvr.text(path)).playlist as MediaPlaylist;
}

const printed = ({ segments, mediaSequence }: MediaPlaylist) =>
  new Map(
    segments.map(({ uri, byteRange, durationS }, i) => [
      mediaSequence + i,
      `${uri} ${byteRange?.length}@${byteRange?.offset} ${durationS}`,
    ]),
  );

suite('a DVR playlist where a bucket may answer (RFC 8216bis 6.2.1, docs/decisions/0110)', () => {
  test('lists each segment as the range of its file, recorded long ago or just now', async () => {
    await using dvr = await openDvr();
    await flow(dvr, 100, 108);
    const list = await read(dvr);
    assert.equal(list.segments.length, older.length + 9);
    for (const { uri, byteRange } of list.segments) {
      const [, msn, offset] = /^\.\.\/\.\.\/av0\/(\d+)-(\d+)\.mp4$/.exec(uri)!;
      assert.equal(byteRange!.offset, Number(offset));
      const reply = await dvr.get(`/live/door/av0/${msn}-${offset}.mp4`);
      assert.deepEqual([reply.length, reply.startsAt], [byteRange!.length, byteRange!.offset]);
      assert.deepEqual(reply.stored?.offset, byteRange!.offset, 'a bucket may answer');
    }
  });

  test('changes no address while it grows and slides, after a time without requests, and after eviction', async () => {
    await using dvr = await openDvr();
    const seen = new Map<number, string>();
    let end = 100;
    for (const to of [106, 107, 112, 140, 141, 600, 960, 961, 1010]) {
      await flow(dvr, end, to);
      end = to + 1;
      const now = printed(await read(dvr));
      for (const [position, segment] of now) {
        assert.equal(segment, seen.get(position) ?? segment);
        seen.set(position, segment);
      }
      assert.equal([...now.keys()].at(-1), to);
      // More lists than are kept.
      if (to === 141)
        for (const length of ['1h', '2h', '4h', '8h', '12h', '24h'])
          for (const id of ['av0', 'v0', 'a0', 'av0', 'v0', 'a0'])
            await dvr.text(`/live/door/dvr-${length}/${id}/g7.m3u8`);
    }
  });

  test('lists a segment when the recorder has it, and holds a reload for it', async () => {
    await using dvr = await openDvr();
    await flow(dvr, 100, 104);
    const group = dvr.live(planOf(105));
    const before = await read(dvr);
    assert.match(before.segments.at(-1)!.uri, /\/104-\d+\.mp4$/, 'it is sealed, and not recorded');
    let isAnswered = false;
    const held = read(dvr, `${LIST}?_HLS_msn=105`).finally(() => {
      isAnswered = true;
    });
    await new Promise(setImmediate);
    assert.equal(isAnswered, false);
    await record(dvr, group);
    assert.match((await held).segments.at(-1)!.uri, /\/105-\d+\.mp4$/);
  });

  test('a first request waits for the first segment of the recorder, and gives up', async (t) => {
    await using dvr = await openDelivery({ limits, isDirect: () => true });
    dvr.listWriter.begin(generation, tracks);
    const group = dvr.live(planOf(100));
    const waiting = read(dvr);
    await new Promise(setImmediate);
    await record(dvr, group);
    assert.equal((await waiting).segments.length, 1);
    t.mock.timers.enable({ apis: ['setTimeout'] });
    await using slow = await openDelivery({ limits, isDirect: () => true });
    slow.listWriter.begin(generation, tracks);
    slow.live(planOf(100));
    const refused = assert.rejects(read(slow), { code: 'part-timeout' });
    t.mock.timers.tick(6_000);
    await refused;
    t.mock.timers.reset(); // the real timers of the first store end with it
  });

  test('a segment that is never recorded keeps its usual address, and becomes a GAP when it leaves memory', async () => {
    await using dvr = await openDvr();
    await flow(dvr, 100, 106, [103]);
    const of103 = ({ segments }: MediaPlaylist) => segments.find(({ uri }) => /\/103\b/.test(uri))!;
    const before = of103(await read(dvr));
    assert.deepEqual([before.uri, before.byteRange, before.gap], ['../../av0/103.m4s', undefined, false]);
    await flow(dvr, 107, 114);
    const after = of103(await read(dvr));
    assert.deepEqual([after.uri, after.byteRange, after.gap], ['../../av0/103.m4s', undefined, true]);
  });

  test('ends with its last segment, once that is recorded', async () => {
    await using dvr = await openDvr();
    await flow(dvr, 100, 104);
    const group = dvr.live(planOf(105));
    dvr.listWriter.end();
    let isAnswered = false;
    const held = read(dvr, `${LIST}?_HLS_msn=106`).finally(() => {
      isAnswered = true;
    });
    await new Promise(setImmediate);
    assert.equal(isAnswered, false);
    await record(dvr, group);
    const list = await held;
    assert.ok(list.endList);
    assert.match(list.segments.at(-1)!.uri, /\/105-\d+\.mp4$/);
  });

  test('skips what a player has, with places after it', async () => {
    await using dvr = await openDvr();
    await flow(dvr, 100, 130);
    const whole = await read(dvr);
    const delta = await read(dvr, `${LIST}?_HLS_skip=YES`);
    assert.ok(delta.skippedSegments! > 0);
    const uris = (list: MediaPlaylist) => list.segments.map(({ uri, byteRange }) => [uri, byteRange]);
    assert.deepEqual(uris(delta), uris(whole).slice(delta.skippedSegments));
  });

  test('its DASH manifest lists the same files, changes no range, and a long one is loaded less often', async () => {
    await using dvr = await openDvr();
    await flow(dvr, 100, 106);
    const places = async () => {
      const root = parseXml(await dvr.text(MANIFEST));
      const lists = named(root, 'Period').flatMap((period) =>
        named(period, 'AdaptationSet').flatMap((set) =>
          named(set, 'Representation').flatMap((one) => named(one, 'SegmentList')),
        ),
      );
      const urls = lists.flatMap((list) => named(list, 'SegmentURL').map(({ attributes }) => attributes));
      return { root, ranges: new Map(urls.map(({ media, mediaRange }) => [media!, mediaRange])) };
    };
    const before = await places();
    assert.equal(before.ranges.size, 2 * (older.length + 7));
    for (const [media, range] of before.ranges) {
      assert.match(media, /^[av]0\/\d+-\d+\.mp4$/);
      assert.equal(range!.split('-')[0], /-(\d+)\.mp4/.exec(media)![1]);
    }
    dvr.live(planOf(107));
    assert.equal((await places()).ranges.size, before.ranges.size, 'what is not recorded yet is not listed');
    assert.equal(before.root.attributes.minimumUpdatePeriod, 'PT2S');
    await record(dvr, makeGroup(planOf(107), dvr.init));
    await flow(dvr, 108, 108 + 700);
    const after = await places();
    for (const [media, range] of before.ranges) assert.equal(after.ranges.get(media), range);
    assert.equal(after.root.attributes.minimumUpdatePeriod, 'PT3S');
    assert.equal(secondsOf(after.root.attributes.suggestedPresentationDelay), generation.holdBackS + 1);
  });
});
