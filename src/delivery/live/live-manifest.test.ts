import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Part } from '@oxbow/media/segment';
import { type Element, named, parseXml } from '../../../test/conformance/mpd.ts';
import { OxbowError } from '../../lib/errors.ts';
import { START_US } from '../../recording/recording.fixture.ts';
import { type Delivery, generation, makeGroup, openDelivery, openLive, tracks } from '../delivery.fixture.ts';

const startS = START_US / 1_000_000;
const MANIFEST = '/live/door/index.mpd';
const SECOND = 1_000_000;

const periodsOf = (manifest: string): Element[] => named(parseXml(manifest), 'Period');
const templates = (period: Element): Element[] =>
  named(period, 'AdaptationSet').flatMap((set) =>
    named(set, 'Representation').flatMap((one) => named(one, 'SegmentTemplate')),
  );
const times = (addressing: Element): string[] =>
  named(named(addressing, 'SegmentTimeline')[0]!, 'S').map(({ attributes: { t, d, r = '0' } }) => `${t} ${d} ${r}`);
const isOffline = (error: unknown) => error instanceof OxbowError && error.code === 'stream-offline';

/** Completes an open segment from part `from` on. */
function fill(live: Delivery, msn: number, from: number): void {
  for (let i = from; i < 10; i++) live.part({ msn }, i);
  live.seal({ msn });
}

/** The first audio part of a segment. */
function audioPart(live: Delivery, msn: number): Part {
  const pts = (startS + 2 * (msn - 100)) * 48_000;
  const bytes = Uint8Array.of(live.init.number);
  return { bytes, pts, duration: 9600, independent: true, crc: 0 };
}

async function manifestOf(live: Delivery): Promise<string> {
  return live.text(MANIFEST);
}

suite('the DASH manifest of a live stream (ISO 23009-1)', () => {
  test('counts from 1970: the Period begins at the UTC of its run, numbers are MSNs (docs/media.md 19)', async () => {
    await using live = await openLive();
    const root = parseXml(await manifestOf(live));
    assert.deepEqual(root.attributes, {
      xmlns: 'urn:mpeg:dash:schema:mpd:2011',
      profiles: 'urn:mpeg:dash:profile:isoff-live:2011',
      type: 'dynamic',
      availabilityStartTime: '1970-01-01T00:00:00Z',
      publishTime: '2026-11-18T10:59:45.8Z',
      minimumUpdatePeriod: 'PT2S',
      timeShiftBufferDepth: 'PT10S',
      suggestedPresentationDelay: 'PT6S',
      minBufferTime: 'PT2S',
      maxSegmentDuration: 'PT2S',
    });
    const [period] = named(root, 'Period');
    assert.deepEqual(period!.attributes, { id: '1', start: `PT${startS}S` });
    const [video, audio] = templates(period!);
    assert.deepEqual(video!.attributes, {
      timescale: '90000',
      presentationTimeOffset: String(startS * 90_000),
      startNumber: '100',
      initialization: 'v0/init-1.mp4',
      media: 'v0/$Number$.m4s',
    });
    assert.deepEqual(times(video!), [`${startS * 90_000} 180000 1`, `${(startS + 4) * 90_000} 162000 0`]);
    assert.deepEqual(times(audio!), [`${startS * 48_000} 96000 1`, `${(startS + 4) * 48_000} 86400 0`]);
    const clocks = named(root, 'UTCTiming').map(({ attributes }) => `${attributes.schemeIdUri} ${attributes.value}`);
    assert.deepEqual(clocks, ['urn:mpeg:dash:utc:http-iso:2014 time.txt', 'urn:mpeg:dash:utc:http-head:2014 time.txt']);
  });

  test('the clock of its players is a text that no cache keeps', async () => {
    await using live = await openLive();
    const reply = await live.get('/live/door/time.txt');
    assert.equal(reply.cacheControl, 'no-store');
    assert.equal(await live.text('/live/door/time.txt'), new Date(live.rig.clock.nowMs()).toISOString());
  });

  test('is printed once for a segment: parts do not change it, nor do the hot path and the slow one differ', async () => {
    await using live = await openLive();
    const reply = await live.get(MANIFEST);
    live.part({ msn: 103 }, 2);
    assert.equal(await live.get(MANIFEST), reply);
    assert.equal(live.lookup.find({ kind: 'manifest', stream: 'door' }, new URLSearchParams()), reply);
    for (let i = 3; i < 10; i++) live.part({ msn: 103 }, i);
    live.seal({ msn: 103 });
    const next = await live.get(MANIFEST);
    assert.notEqual(next, reply);
    assert.notEqual(next.etag, reply.etag);
  });

  test('a Period begins where it began, after its first segments have left the window', async () => {
    const limits = { windowUs: 10 * SECOND, memoryUs: 4 * SECOND, maxBytes: 1e6 };
    await using live = await openLive({ limits });
    const before = periodsOf(await manifestOf(live))[0]!;
    for (let i = 2; i < 10; i++) live.part({ msn: 103 }, i);
    live.seal({ msn: 103 });
    for (let msn = 104; msn < 112; msn++) live.live({ msn });
    const after = periodsOf(await manifestOf(live))[0]!;
    assert.deepEqual(after.attributes, before.attributes);
    const [was, is] = [templates(before)[0]!.attributes, templates(after)[0]!.attributes];
    assert.equal(is.presentationTimeOffset, was.presentationTimeOffset);
    assert.ok(Number(is.startNumber) > Number(was.startNumber));
    assert.equal(live.list.segments[0]!.msn, Number(is.startNumber), 'as in the HLS playlist');
  });

  test('another run is another Period; the one before stays, also where the playlist of HLS is another', async () => {
    await using live = await openLive();
    live.listWriter.end();
    live.listWriter.begin({ ...generation, number: 8, firstMsn: 104 }, tracks);
    live.live({ msn: 104, run: 2, startUs: START_US + 20 * SECOND, discontinuity: true });
    const periods = periodsOf(await manifestOf(live));
    assert.deepEqual(
      periods.map(({ attributes }) => attributes),
      [
        { id: '1', start: `PT${startS}S` },
        { id: '2', start: `PT${startS + 20}S` },
      ],
    );
    assert.deepEqual(
      periods.map((period) => templates(period)[0]!.attributes.startNumber),
      ['100', '104'],
    );
  });

  test('the open segment is listed with its track times while the last ten are equally long', async () => {
    await using live = await openLive();
    fill(live, 103, 2);
    const openTimes = async () => {
      const text = await manifestOf(live);
      const [video, audio] = templates(periodsOf(text)[0]!).map((one) => times(one).at(-1));
      const { availabilityTimeOffset: offset, availabilityTimeComplete: complete } = templates(periodsOf(text)[0]!)[0]!
        .attributes;
      const { minimumUpdatePeriod, publishTime } = parseXml(text).attributes;
      const [service] = named(parseXml(text), 'ServiceDescription');
      return { video, audio, offset, complete, minimumUpdatePeriod, publishTime, service: service?.children.length };
    };
    live.live({ msn: 104, parts: 8 });
    for (let msn = 105; msn < 113; msn++) live.live({ msn });
    const before = await openTimes();
    assert.deepEqual([before.offset, before.minimumUpdatePeriod, before.service], [undefined, 'PT2S', undefined]);
    for (let msn = 113; msn < 115; msn++) live.live({ msn });
    const between = await openTimes();
    assert.deepEqual([between.offset, between.complete, between.minimumUpdatePeriod], ['1.778', 'false', 'PT1S']);
    live.open({ msn: 115 });
    live.part({ msn: 115, without: [2] }, 0);
    const withVideo = await openTimes();
    assert.equal(withVideo.video, `${(startS + 10) * 90_000} 180000 10`);
    assert.equal(withVideo.audio, `${(startS + 10) * 48_000} 96000 9`);
    live.listWriter.addPart(115, 2, audioPart(live, 115));
    const withBoth = await openTimes();
    assert.equal(withBoth.audio, `${(startS + 10) * 48_000} 96000 10`);
    const said = [before, between, withVideo, withBoth].map(({ publishTime }) => Date.parse(publishTime!));
    assert.deepEqual(
      said,
      [...new Set(said)].sort((a, b) => a - b),
      'a later manifest has a later time of publication',
    );
  });

  test('where one segment is longer, the next manifest lists complete segments only', async () => {
    await using live = await openLive();
    fill(live, 103, 2);
    for (let msn = 104; msn < 114; msn++) live.live({ msn });
    live.live({ msn: 114, parts: 12 });
    live.open({ msn: 115, startUs: START_US + 30.4 * SECOND });
    live.part({ msn: 115, startUs: START_US + 30.4 * SECOND }, 0);
    const text = await manifestOf(live);
    const [video] = templates(periodsOf(text)[0]!);
    assert.equal(times(video!).at(-1), `${(startS + 28) * 90_000} 216000 0`);
    assert.doesNotMatch(text, /availabilityTimeOffset|ServiceDescription/);
  });

  test('at the end of the stream those who watch learn its duration, then it is static; later it is offline', async () => {
    await using live = await openLive();
    live.rig.clock.advance((START_US + 30 * SECOND) / 1000 - live.rig.clock.nowMs());
    live.listWriter.end();
    const head = async () => {
      const { attributes } = parseXml(await manifestOf(live));
      const { type, mediaPresentationDuration, minimumUpdatePeriod, publishTime } = attributes;
      assert.equal(mediaPresentationDuration, `PT${startS + 5.799}S`);
      return { type, minimumUpdatePeriod, publishedMs: Date.parse(publishTime!) };
    };
    const first = await head();
    assert.deepEqual([first.type, first.minimumUpdatePeriod], ['dynamic', 'PT2S']);
    live.rig.clock.advance(3_900);
    assert.deepEqual(await head(), first);
    live.rig.clock.advance(100);
    const last = await head();
    assert.deepEqual([last.type, last.minimumUpdatePeriod], ['static', undefined]);
    assert.ok(last.publishedMs > first.publishedMs);
    live.rig.clock.advance(600_000);
    await assert.rejects(live.get(MANIFEST), isOffline);
  });

  test('it ends where its first track does: Shaka Player waits for the others for ever', async () => {
    await using live = await openLive();
    fill(live, 103, 2);
    live.open({ msn: 104 });
    const group = makeGroup({ msn: 104 }, live.init);
    const frame = 1024;
    const tracks = group.tracks.map((one) => (one.trackId === 2 ? { ...one, duration: one.duration - frame } : one));
    live.listWriter.seal({ ...group, tracks });
    live.listWriter.end();
    const { mediaPresentationDuration } = parseXml(await manifestOf(live)).attributes;
    const endUs = START_US + 10 * SECOND - Math.floor((frame / 48_000) * SECOND);
    assert.equal(mediaPresentationDuration, `PT${(endUs - 1000) / SECOND}S`);
  });

  test('a stream that is not live has none', async () => {
    await using live = await openDelivery();
    await assert.rejects(live.get(MANIFEST), isOffline);
  });
});
