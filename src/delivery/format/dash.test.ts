import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Track } from '@oxbow/media/frame';
import { readFragments, readInit } from '../../../test/conformance/boxes.ts';
import { type Element, named, parseXml } from '../../../test/conformance/mpd.ts';
import { START_US } from '../../recording/recording.fixture.ts';
import { type Delivery, makeGroup, openDelivery, type SegmentPlan, tracks } from '../delivery.fixture.ts';

const startS = START_US / 1_000_000;
const text: Track = {
  id: 3,
  kind: 'text',
  timescale: 1000,
  language: 'eng',
  label: 'English <for> "all" & more',
  config: { codec: 'webvtt', record: new TextEncoder().encode('WEBVTT\n\nNOTE oxbow: forced'), codecs: 'wvtt' },
};

async function openPast(plans: readonly SegmentPlan[]): Promise<Delivery> {
  const past = await openDelivery();
  await past.record(...plans.map((plan) => makeGroup(plan, plan.init ?? past.init)));
  return past;
}

const periodsOf = (manifest: string): Element[] => named(parseXml(manifest), 'Period');
const representations = (period: Element): Element[] =>
  named(period, 'AdaptationSet').flatMap((set) => named(set, 'Representation'));
const times = (addressing: Element): string[] =>
  named(named(addressing, 'SegmentTimeline')[0]!, 'S').map(({ attributes: { t, d, r = '0' } }) => `${t} ${d} ${r}`);

suite('the DASH manifest of a window (ISO 23009-1)', () => {
  test('has video and audio apart, their times in their own timescale, and one instant as offset', async () => {
    await using past = await openPast([{ msn: 100 }, { msn: 101 }, { msn: 102, parts: 5 }]);
    const manifest = await past.text(`/vod/door/${startS}/10s/index.mpd`);
    const [period, ...more] = periodsOf(manifest);
    assert.equal(more.length, 0);
    assert.deepEqual(period!.attributes, { id: '1', start: 'PT0S' });
    const [video, audio] = representations(period!).map((one) => named(one, 'SegmentTemplate')[0]!);
    assert.deepEqual(video!.attributes, {
      timescale: '90000',
      presentationTimeOffset: String(startS * 90_000),
      startNumber: '100',
      initialization: 'v0/init-1.mp4',
      media: 'v0/$Number$.m4s',
    });
    assert.deepEqual(times(video!), [`${startS * 90_000} 180000 1`, `${(startS + 4) * 90_000} 90000 0`]);
    assert.deepEqual(times(audio!), [`${startS * 48_000} 96000 1`, `${(startS + 4) * 48_000} 48000 0`]);
    assert.equal(named(parseXml(manifest), 'BaseURL')[0]!.text, '../../../../live/door/');
    assert.match(manifest, /availabilityStartTime="2026-11-18T10:59:40Z"/);
  });

  test('names the segments one by one where one is missing: numbers have no holes (5.3.9.5.3)', async () => {
    const plans = [{ msn: 100 }, { msn: 101, without: [2] }, { msn: 102 }, { msn: 104 }];
    await using past = await openPast(plans);
    const manifest = await past.text(`/vod/door/${startS}/10s/index.mpd`);
    const lists = representations(periodsOf(manifest)[0]!).map((one) => named(one, 'SegmentList')[0]!);
    const urls = lists.map((list) => named(list, 'SegmentURL').map(({ attributes }) => attributes.media));
    assert.deepEqual(urls, [
      ['v0/100.m4s', 'v0/101.m4s', 'v0/102.m4s', 'v0/104.m4s'],
      ['a0/100.m4s', 'a0/102.m4s', 'a0/104.m4s'],
    ]);
    assert.deepEqual(
      times(lists[1]!),
      [0, 4, 8].map((s) => `${(startS + s) * 48_000} 96000 0`),
    );
    assert.match(manifest, /profile:full:2011/);
  });

  test('has a Period for each run, at its UTC, whatever its media time is', async () => {
    await using past = await openPast([{ msn: 100 }, { msn: 101, run: 2, startUs: START_US + 62_500_001 }]);
    const manifest = await past.text(`/vod/door/${startS}/90s/index.mpd`);
    const starts = periodsOf(manifest).map(({ attributes }) => `${attributes.id} ${attributes.start}`);
    assert.deepEqual(starts, ['1 PT0S', '2 PT62.500001S']);
  });

  test('has subtitles as ISO 14496-30 text, with language, role and an escaped label', async () => {
    await using past = await openDelivery();
    const init = past.inits.of([...tracks, text]);
    const withText = [100, 102, 103].map((msn) => ({ msn, init, without: msn === 102 ? [3] : [] }));
    await past.record(...withText.map((plan) => makeGroup(plan, init)));
    const sets = named(periodsOf(await past.text(`/vod/door/${startS}/10s/index.mpd`))[0]!, 'AdaptationSet');
    const { attributes, children } = sets.find((set) => set.attributes.contentType === 'text')!;
    assert.deepEqual(attributes, { id: '3', contentType: 'text', mimeType: 'application/mp4', lang: 'eng' });
    assert.equal(children[0]!.text, text.label);
    assert.equal(children[1]!.attributes.value, 'forced-subtitle');
    const [list] = named(children[2]!, 'SegmentList');
    assert.deepEqual(times(list!), [
      `${startS * 1000} 2000 0`,
      `${(startS + 4) * 1000} 2000 0`,
      `${(startS + 6) * 1000} 2000 0`,
    ]);
  });

  test('has a text segment under every number; without cues it is one empty sample (ISO 14496-30)', async () => {
    await using past = await openDelivery();
    const init = past.inits.of([...tracks, text]);
    const plans = [100, 101, 102].map((msn) => ({ msn, init, without: msn === 101 ? [3] : [] }));
    await past.record(...plans.map((plan) => makeGroup(plan, init)));
    const [set] = named(periodsOf(await past.text(`/vod/door/${startS}/10s/index.mpd`))[0]!, 'AdaptationSet').slice(2);
    const [template] = named(named(set!, 'Representation')[0]!, 'SegmentTemplate');
    assert.equal(template!.attributes.media, 's0-eng/$Number$.m4s');
    assert.deepEqual(times(template!), [`${startS * 1000} 2000 2`]);
    const reply = await past.get('/live/door/s0-eng/101.m4s');
    assert.deepEqual([reply.contentType, reply.cacheControl.includes('immutable')], ['video/iso.segment', true]);
    const { fragments } = readFragments(
      await past.bytes(reply),
      readInit(await past.bytes(await past.get('/live/door/s0-eng/init-2.mp4'))),
    );
    const samples = fragments.flatMap((one) => one.samples);
    assert.deepEqual(
      samples.map(({ dts, duration }) => [dts, duration]),
      [[(startS + 2) * 1000, 2000]],
    );
  });

  test('is served as playlists are: its own type, ETag and gzip; dynamic while it grows, immutable under its revision', async () => {
    await using past = await openPast(Array.from({ length: 5 }, (_, i) => ({ msn: 100 + i })));
    const plain = `/vod/door/${startS}/10s`;
    const growing = await past.get(`${plain}/index.mpd`);
    assert.equal(growing.contentType, 'application/dash+xml');
    assert.ok(growing.etag && growing.gzip);
    const manifest = await past.text(`${plain}/index.mpd`);
    assert.match(manifest, / type="dynamic" .* publishTime="2026-11-18T10:59:50Z" minimumUpdatePeriod="PT6S"/);
    past.state.settledUs = START_US + 10_000_000;
    assert.match(await past.text(`${plain}/index.mpd`), / type="static" .* mediaPresentationDuration="PT10S"/);
    assert.match((await past.get(`${plain}/v5/index.mpd`)).cacheControl, /immutable/);
    assert.match(await past.text(`${plain}/v5/index.mpd`), /<BaseURL>\.\.\/\.\.\/\.\.\/\.\.\/\.\.\/live\/door\/</);
  });
});

suite('HDR', () => {
  /** VP9 of profile 2 whose `vpcC` says BT.2020 with this transfer. */
  const hdr = (id: number, transfer: number): Track => ({
    id,
    kind: 'video',
    timescale: 90_000,
    language: 'und',
    label: '',
    config: {
      codec: 'vp9',
      codecs: 'vp09.02.31.10',
      width: 3840,
      height: 2160,
      record: Uint8Array.of(1, 0, 0, 0, 2, 31, 0xa2, 9, transfer, 9, 0, 0),
    },
  });
  const sdr: Track = { ...hdr(3, 1), id: 3 };

  async function listsOf(set: readonly Track[]): Promise<{ hls: string; sets: Element[] }> {
    await using past = await openDelivery();
    const init = past.inits.of(set);
    await past.record(makeGroup({ msn: 100, init }, init), makeGroup({ msn: 101, init }, init));
    const [period] = periodsOf(await past.text(`/vod/door/${startS}/10s/index.mpd`));
    return { hls: await past.text(`/vod/door/${startS}/10s/index.m3u8`), sets: named(period!, 'AdaptationSet') };
  }
  const rangesOf = (hls: string) =>
    [...hls.matchAll(/^#EXT-X-STREAM-INF:.*$/gm)].map(([line]) => /VIDEO-RANGE=(\w+)/.exec(line)?.[1]);
  const propertiesOf = (set: Element, name: string) =>
    named(set, name).map(({ attributes }) => `${attributes.schemeIdUri!.split(':').at(-1)} ${attributes.value}`);

  test('beside SDR is announced, and is in no set in which players switch to SDR (RFC 8216bis 4.4.6.2)', async () => {
    for (const [transfer, range] of [
      [16, 'PQ'],
      [18, 'HLG'],
    ] as const) {
      const { hls, sets } = await listsOf([hdr(1, transfer), sdr, tracks[1]!]);
      assert.deepEqual(rangesOf(hls), [range, 'SDR']);
      const videos = sets.filter(({ attributes }) => attributes.contentType === 'video');
      assert.deepEqual(
        videos.map((set) => propertiesOf(set, 'EssentialProperty')),
        [['ColourPrimaries 9', `TransferCharacteristics ${transfer}`, 'MatrixCoefficients 9'], []],
      );
    }
  });

  test('alone is announced without keeping other players from it; SDR alone is not announced', async () => {
    const { hls, sets } = await listsOf([hdr(1, 16), tracks[1]!]);
    assert.deepEqual(rangesOf(hls), ['PQ']);
    assert.deepEqual(propertiesOf(sets[0]!, 'EssentialProperty'), []);
    assert.equal(propertiesOf(sets[0]!, 'SupplementalProperty')[1], 'TransferCharacteristics 16');
    const plain = await listsOf(tracks);
    assert.deepEqual(rangesOf(plain.hls), [undefined]);
    assert.deepEqual(propertiesOf(plain.sets[0]!, 'SupplementalProperty'), []);
  });
});
