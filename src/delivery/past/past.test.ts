import assert from 'node:assert/strict';
import path from 'node:path';
import { suite, test } from 'node:test';
import { parsePlaylist } from '@oxbow/media/m3u8/parse';
import type { MediaPlaylist } from '@oxbow/media/m3u8/playlist';
import { OxbowError } from '../../lib/errors.ts';
import { START_US } from '../../recording/recording.fixture.ts';
import { type Delivery, generation, makeGroup, openDelivery, type SegmentPlan, tracks } from '../delivery.fixture.ts';

const SECOND = 1_000_000;
/** A ten-minute mark. */
const MARK = START_US + 20 * SECOND;
const markS = MARK / SECOND;
const startS = START_US / SECOND;

const refusal = (code: string) => (error: unknown) => error instanceof OxbowError && error.code === code;

/** Records segments of 2 s from START_US on: 100 starts there, 110 at the mark. */
async function openPast(plans: readonly SegmentPlan[]): Promise<Delivery> {
  const past = await openDelivery();
  await past.record(...plans.map((plan) => makeGroup(plan, plan.init ?? past.init)));
  return past;
}

const plansOf = (from: number, to: number): SegmentPlan[] =>
  Array.from({ length: to - from }, (_, i) => ({ msn: from + i }));

async function list(past: Delivery, url: string): Promise<MediaPlaylist> {
  return parsePlaylist(await past.text(url)).playlist as MediaPlaylist;
}

/** MSNs that a list names. */
async function msnsOf(past: Delivery, url: string): Promise<number[]> {
  return (await list(past, url)).segments.map(({ uri }) => Number.parseInt(path.basename(uri), 10));
}

suite('a window of the past (docs/media.md 16)', () => {
  test('on the grid holds what starts in it: two windows that touch never share a segment', async () => {
    await using past = await openPast([
      ...plansOf(100, 109),
      { msn: 109, parts: 15 },
      { msn: 110, startUs: MARK + SECOND },
      { msn: 111, startUs: MARK + 3 * SECOND },
    ]);
    assert.deepEqual(
      await msnsOf(past, `/vod/door/${markS - 600}/${markS}/av0.m3u8`),
      [100, 101, 102, 103, 104, 105, 106, 107, 108, 109],
    );
    assert.deepEqual(await msnsOf(past, `/vod/door/${markS}/${markS + 600}/av0.m3u8`), [110, 111]);
    assert.deepEqual(await msnsOf(past, `/vod/door/${markS}/10m/av0.m3u8`), [110, 111]);
  });

  test('anywhere else rounds outward to segments', async () => {
    await using past = await openPast(plansOf(100, 110));
    assert.deepEqual(await msnsOf(past, `/vod/door/${startS + 3}/${startS + 5}/av0.m3u8`), [101, 102]);
    assert.deepEqual(await msnsOf(past, `/vod/door/${startS + 4}/2s/av0.m3u8`), [102]);
    assert.deepEqual(await msnsOf(past, `/vod/door/${startS + 3}500/1s/av0.m3u8`), [101, 102]);
    assert.deepEqual(await msnsOf(past, `/vod/door/${startS - 100}/${startS + 1}/av0.m3u8`), [100]);
  });

  test('starts at the key frame before it, unless a hole is between', async () => {
    await using past = await openPast([
      { msn: 100 },
      { msn: 101, key: false },
      { msn: 102, key: false },
      // 103 was lost.
      { msn: 104, key: false },
      { msn: 105 },
    ]);
    assert.deepEqual(await msnsOf(past, `/vod/door/${startS + 5}/1s/av0.m3u8`), [100, 101, 102]);
    assert.deepEqual(await msnsOf(past, `/vod/door/${startS + 9}/2s/av0.m3u8`), [104, 105]);
  });

  test('is EVENT from its first answer to its last, and ends when it is over; by its revision it is VOD (RFC 8216bis 6.2.1)', async () => {
    await using past = await openPast(plansOf(100, 105));
    const url = `/vod/door/${startS}/8s/av0.m3u8`;
    const growing = await past.text(url);
    assert.match(growing, /#EXT-X-PLAYLIST-TYPE:EVENT/);
    assert.doesNotMatch(growing, /ENDLIST/);
    past.state.settledUs = START_US + 8 * SECOND;
    const over = await past.text(url);
    assert.match(over, /#EXT-X-PLAYLIST-TYPE:EVENT/);
    assert.match(over, /\n#EXT-X-ENDLIST\n$/);
    assert.equal(over.replace('#EXT-X-ENDLIST\n', ''), growing);
    assert.match(await past.text(`/vod/door/${startS}/8s/v4/av0.m3u8`), /TYPE:VOD[\s\S]*ENDLIST/);
    assert.match(await past.text(`/vod/door/${startS}/8s/v3/av0.m3u8`), /TYPE:EVENT[\s\S]*ENDLIST/);
    assert.match(over, /#EXT-X-MEDIA-SEQUENCE:100\n/);
  });

  test('keeps its TARGETDURATION when segments become longer, and when it ends (RFC 8216bis 6.2.1)', async () => {
    await using past = await openPast(plansOf(100, 105));
    const targetOf = async () => (await list(past, `/vod/door/${startS}/30s/av0.m3u8`)).targetDurationS;
    past.listWriter.begin(generation, tracks);
    assert.equal(await targetOf(), 6);
    past.listWriter.begin({ ...generation, number: 8, targetDurationS: 4 }, tracks);
    await past.record(makeGroup({ msn: 105, parts: 20 }, past.init));
    assert.equal(await targetOf(), 6);
    past.state.settledUs = START_US + 30 * SECOND;
    assert.equal(await targetOf(), 6);
  });

  test('has at least the TARGETDURATION of the live playlist: segments of that length may follow', async () => {
    await using past = await openPast(plansOf(100, 105));
    past.listWriter.begin({ ...generation, targetDurationS: 10 }, tracks);
    const targetOf = async (rev = '') => (await list(past, `/vod/door/${startS}/30s/${rev}av0.m3u8`)).targetDurationS;
    assert.equal(await targetOf(), 10);
    past.listWriter.begin({ ...generation, number: 8, targetDurationS: 4 }, tracks);
    assert.equal(await targetOf(), 10, 'another source follows');
    past.state.settledUs = START_US + 30 * SECOND;
    assert.equal(await targetOf(), 10, 'it is over');
    assert.equal(await targetOf('v5/'), 6, 'what never changes depends on its segments alone');
  });

  test('by its revision is for good only while it has that many segments and is over', async () => {
    await using past = await openPast(plansOf(110, 113));
    const url = (rev: number, what: string) => `/vod/door/${markS}/${markS + 600}/v${rev}/${what}.m3u8`;
    const cached = async (rev: number, what = 'av0') => (await past.get(url(rev, what))).cacheControl;
    assert.equal(await cached(3), 'public, max-age=1', 'it grows: players at its end reload every few seconds');
    past.state.settledUs = MARK + 600 * SECOND;
    assert.match(await cached(3), /immutable/);
    assert.match(await cached(3, 'index'), /immutable/);
    assert.equal(await cached(2), 'public, max-age=10');
    assert.equal((await past.get(`/vod/door/${markS}/${markS + 600}/av0.m3u8`)).cacheControl, 'public, max-age=10');
    await past.record(makeGroup({ msn: 113 }, past.init));
    assert.equal(await cached(3), 'public, max-age=10', 'something was filled in');
    assert.match(await cached(4), /immutable/);
  });

  test('of more than an hour says the date once a minute and after each DISCONTINUITY, a shorter one at each segment', async () => {
    const plans = Array.from({ length: 60 }, (_, i) => ({ msn: 110 + i, ...(i >= 40 && { run: 2 }) }));
    await using past = await openPast(plans);
    const dated = async (to: string) =>
      (await list(past, `/vod/door/${markS}/${to}/av0.m3u8`)).segments.flatMap((segment, i) =>
        segment.programDateTimeMs === undefined ? [] : [i],
      );
    assert.equal((await dated('1h')).length, 60);
    const sparse = await dated('2h');
    assert.ok(sparse.includes(0) && sparse.includes(40) && sparse.length <= 5, sparse.join());
  });

  test('names segments by relative URLs, which keep the playback token in front of the path', async () => {
    await using past = await openPast(plansOf(110, 112));
    for (const revision of ['', 'v2/']) {
      const { segments } = await list(past, `/vod/door/${markS}/${markS + 600}/${revision}a0.m3u8`);
      for (const prefix of ['', '/t/eyJ0']) {
        const base = `http://host${prefix}/vod/door/${markS}/${markS + 600}/${revision}a0.m3u8`;
        assert.equal(new URL(segments[0]!.uri, base).pathname, `${prefix}/live/door/a0/110.m4s`);
        assert.equal(
          new URL(segments[0]!.map!.uri, base).pathname,
          `${prefix}/live/door/a0/init-${past.init.number}.mp4`,
        );
      }
    }
  });

  test('dates each segment, each rendition by its own first frame', async () => {
    await using past = await openPast(plansOf(110, 112));
    for (const id of ['av0', 'v0', 'a0']) {
      const { segments } = await list(past, `/vod/door/${markS}/${markS + 600}/${id}.m3u8`);
      assert.deepEqual(
        segments.map(({ programDateTimeMs, durationS }) => [programDateTimeMs, durationS]),
        [
          [MARK / 1000, 2],
          [MARK / 1000 + 2000, 2],
        ],
      );
    }
  });

  test('steps over holes, lost segments and new runs with a DISCONTINUITY, and changes its init where it changes', async () => {
    const past = await openDelivery();
    await using _closing = past;
    const other = past.inits.of([tracks[0]!]);
    const plans: SegmentPlan[] = [
      { msn: 110 },
      { msn: 111 },
      { msn: 113 }, // 112 was lost
      { msn: 114, run: 2, startUs: MARK + 8 * SECOND },
      { msn: 115, run: 3, startUs: MARK + 60 * SECOND },
      { msn: 116, run: 4, startUs: MARK + 62 * SECOND, init: other },
    ];
    await past.record(...plans.map((plan) => makeGroup({ ...plan, discontinuitySequence: 9 }, plan.init ?? past.init)));
    const url = `/vod/door/${markS}/${markS + 600}`;
    const { segments, discontinuitySequence } = await list(past, `${url}/av0.m3u8`);
    assert.deepEqual(
      segments.map((segment) => segment.discontinuity),
      [false, false, true, true, true, true],
    );
    assert.equal(discontinuitySequence, 9);
    assert.deepEqual(
      segments.map(({ uri }) => uri.split('/').slice(-2).join('/')),
      ['av0/110.m4s', 'av0/111.m4s', 'av0/113.m4s', 'av0/114.m4s', 'av0/115.m4s', 'v0/116.m4s'],
    );
    assert.equal(segments[5]!.map!.uri.endsWith(`v0/init-${other.number}.mp4`), true);
    // Sound has no stand-in of pictures: what has none is a gap.
    const sound = await list(past, `${url}/a0.m3u8`);
    assert.deepEqual(
      sound.segments.map(({ gap }) => gap),
      [false, false, false, false, false, true],
    );
    assert.equal(sound.segments[5]!.durationS, 2);
    await assert.rejects(past.get(`${url}/v7.m3u8`), refusal('not-found'));
  });

  test('marks a lost segment with a DISCONTINUITY however short it was', async () => {
    await using past = await openPast([{ msn: 110 }, { msn: 112, startUs: MARK + 2_400_000 }]);
    const { segments } = await list(past, `/vod/door/${markS}/${markS + 600}/av0.m3u8`);
    assert.equal(segments[1]!.discontinuity, true);
  });

  test('shows a segment without sound as a gap in the list of sound', async () => {
    await using past = await openPast([{ msn: 110 }, { msn: 111, without: [2] }]);
    const { segments } = await list(past, `/vod/door/${markS}/${markS + 600}/a0.m3u8`);
    assert.deepEqual(
      segments.map(({ gap, durationS }) => [gap, durationS]),
      [
        [false, 2],
        [true, 2],
      ],
    );
  });

  test('has a multivariant list that describes what is in it', async () => {
    await using past = await openPast(plansOf(110, 112));
    const bytes = makeGroup({ msn: 110 }, past.init).tracks.reduce((sum, track) => sum + track.bytes.length, 0);
    const url = `/vod/door/${markS}/${markS + 600}/index.m3u8`;
    const printed = (bandwidth: number) =>
      [
        '#EXTM3U',
        '#EXT-X-VERSION:6',
        `#EXT-X-STREAM-INF:BANDWIDTH=${bandwidth},CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=160x90,FRAME-RATE=5.000`,
        'av0.m3u8',
        '',
      ].join('\n');
    assert.equal(await past.text(url), printed(bytes * 5), 'while it grows a quarter is to spare');
    past.state.settledUs = MARK + 600 * SECOND;
    assert.equal(await past.text(url), printed(bytes * 4));
  });

  test('does not count a short segment as the peak (RFC 8216bis 4.4.6.2)', async () => {
    const steady = plansOf(110, 114).map((plan) => ({ ...plan, without: [2] }));
    await using past = await openPast([...steady, { msn: 115, parts: 1 }]); // with sound, its rate is twice as high
    past.state.settledUs = MARK + 600 * SECOND;
    const bytes = makeGroup(steady[0]!, past.init).tracks.reduce((sum, track) => sum + track.bytes.length, 0);
    const text = await past.text(`/vod/door/${markS}/${markS + 600}/index.m3u8`);
    const bandwidth = Number(/BANDWIDTH=(\d+)/.exec(text)![1]);
    assert.ok(bandwidth >= bytes * 4 && bandwidth < 1.1 * bytes * 4, text);
  });

  test('of several audio tracks offers each', async () => {
    const past = await openDelivery();
    await using _closing = past;
    const init = past.inits.of([...tracks, { ...tracks[1]!, id: 3, language: 'deu' }]);
    await past.record(makeGroup({ msn: 110 }, init));
    const text = await past.text(`/vod/door/${markS}/${markS + 600}/index.m3u8`);
    assert.match(text, /NAME="Audio 1",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="2",URI="a0\.m3u8"/);
    assert.match(text, /NAME="German",LANGUAGE="deu",AUTOSELECT=YES,CHANNELS="2",URI="a1-deu\.m3u8"/);
    assert.match(text, /AUDIO="audio"\nv0\.m3u8/);
  });
});

suite('an invalid window', () => {
  test('is refused with the reason: bad range, no media, deleted', async () => {
    await using past = await openPast(plansOf(110, 112));
    const ask = (from: number, to: number | string) => past.get(`/vod/door/${from}/${to}/av0.m3u8`);
    await assert.rejects(ask(markS + 10, markS + 10), refusal('bad-time'));
    await assert.rejects(ask(markS + 10, markS), refusal('bad-time'));
    await assert.rejects(ask(markS, '0s'), refusal('bad-time'));
    await assert.rejects(ask(markS, '25h'), refusal('window-too-long'));
    await assert.rejects(ask(markS + 600, '10m'), refusal('no-media'));
    await assert.rejects(ask(markS + 3000, '1m'), refusal('no-media'));
    await assert.rejects(ask(markS - 3, '2s'), refusal('no-media'));
    past.state.horizonUs = MARK;
    await assert.rejects(ask(markS - 3, '2s'), refusal('gone'));
    await assert.rejects(ask(markS - 3, '3s'), refusal('gone'));
    await assert.rejects(ask(startS - 100, '50s'), refusal('no-media'), 'before the stream was made');
    await assert.rejects(past.get(`/vod/gate/${markS}/1m/av0.m3u8`), refusal('stream-unknown'));
  });
});
