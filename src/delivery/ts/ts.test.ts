import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { parsePlaylist } from '@oxbow/media/m3u8/parse';
import type { MediaPlaylist, MultivariantPlaylist } from '@oxbow/media/m3u8/playlist';
import { parsePmt, SectionReader } from '@oxbow/media/mpegts/psi';
import { OxbowError } from '../../lib/errors.ts';
import { createMetrics } from '../../observe/metrics.ts';
import { DEFAULT_LIMITS } from '../../packager/live-window.ts';
import { START_US } from '../../recording/recording.fixture.ts';
import { type Delivery, generation, makeGroup, openDelivery, openLive, tracks } from '../delivery.fixture.ts';
import { TsSegments } from './ts-segments.ts';

const startS = START_US / 1_000_000;
const PACKET = 188;

const refusal = (code: string) => (error: unknown) => error instanceof OxbowError && error.code === code;

async function list(delivery: Delivery, url: string): Promise<MediaPlaylist> {
  return parsePlaylist(await delivery.text(url)).playlist as MediaPlaylist;
}

/** Which PIDs have payload, and which the PMT declares. */
function pidsOf(bytes: Uint8Array): { present: number[]; declared: number[] } {
  const present = new Set<number>();
  let declared: number[] = [];
  const reader = new SectionReader((section) => {
    declared = parsePmt(section)!.streams.map(({ pid }) => pid);
  }, assert.fail);
  for (let at = 0; at < bytes.length; at += PACKET) {
    assert.equal(bytes[at], 0x47);
    const pid = ((bytes[at + 1]! & 0x1f) << 8) | bytes[at + 2]!;
    const starts = (bytes[at + 1]! & 0x40) !== 0;
    if (pid === 0x1000) reader.push(bytes, at + 4, at + PACKET, starts);
    else if (pid !== 0 && bytes[at + 3]! & 0x10) present.add(pid);
  }
  return { present: [...present].sort((a, b) => a - b), declared };
}

suite('the MPEG-TS rendition, live (docs/media.md 34)', () => {
  test('has one variant with all its codecs, and a bit rate above that of its tracks', async () => {
    await using live = await openLive();
    const parsed = parsePlaylist(await live.text('/live/door/ts/index.m3u8'));
    const { variants, renditions } = parsed.playlist as MultivariantPlaylist;
    assert.equal(renditions.length, 0);
    assert.equal(variants.length, 1);
    const [variant] = variants;
    assert.equal(variant!.uri, 'g7.m3u8');
    assert.equal(variant!.codecs, 'avc1.64001f,mp4a.40.2');
    assert.deepEqual(variant!.resolution, { width: 160, height: 90 });
    assert.ok(variant!.bandwidth > 900_000 * (188 / 184));
  });

  test('has the dates of the audio itself where its rate changed within the list', async () => {
    await using live = await openDelivery();
    const audio = tracks[1]!;
    assert(audio.kind === 'audio');
    const slower = { ...audio, timescale: 44_100, config: { ...audio.config, sampleRate: 44_100 } };
    live.listWriter.begin(generation, [slower]);
    live.live({ msn: 100, init: live.inits.of([audio]) });
    live.live({ msn: 101, init: live.inits.of([slower]), run: 2, discontinuity: true });
    const dates = (await list(live, '/live/door/ts/g7.m3u8')).segments.map((one) => one.programDateTimeMs);
    assert.deepEqual(dates, [START_US / 1000, START_US / 1000 + 2000]);
  });

  test('is a plain list with the same MSNs, dates and discontinuities as that of fragmented MP4, and exact durations', async () => {
    await using live = await openLive();
    const text = await live.text('/live/door/ts/g7.m3u8');
    assert.doesNotMatch(text, /PART|BLOCK|SKIP|PRELOAD|RENDITION-REPORT|EXT-X-MAP/);
    assert.match(text, /#EXT-X-SERVER-CONTROL:HOLD-BACK=6\.00000\n/);
    const ts = await list(live, '/live/door/ts/g7.m3u8');
    const mp4 = await list(live, '/live/door/av0/g7.m3u8');
    const what = ({ mediaSequence, targetDurationS, discontinuitySequence }: MediaPlaylist) => [
      ...[mediaSequence, targetDurationS, discontinuitySequence],
    ];
    assert.deepEqual(what(ts), what(mp4));
    assert.deepEqual(
      ts.segments.map(({ uri, durationS, programDateTimeMs, discontinuity }) => [
        ...[uri, durationS, programDateTimeMs, discontinuity],
      ]),
      mp4.segments
        .filter(({ uri }) => uri !== '')
        .map(({ uri, durationS, programDateTimeMs, discontinuity }) => [
          // With parts they are written 1 ms short, for hls.js.
          ...[
            uri.replace('.m4s', '.ts'),
            Math.round((durationS + 0.001) * 1000) / 1000,
            programDateTimeMs,
            discontinuity,
          ],
        ]),
    );
  });

  test('is rendered once as long as it shows the same segments, whatever parts come', async () => {
    await using live = await openLive();
    const first = await live.get('/live/door/ts/g7.m3u8');
    live.part({ msn: 103 }, 1);
    assert.equal(await live.get('/live/door/ts/g7.m3u8'), first);
    live.seal({ msn: 103 });
    assert.notEqual(await live.get('/live/door/ts/g7.m3u8'), first);
  });

  test('ends with its generation, and is offline when there is no other', async () => {
    await using live = await openLive();
    live.listWriter.end();
    assert.match(await live.text('/live/door/ts/g7.m3u8'), /#EXT-X-ENDLIST/);
    await assert.rejects(live.get('/live/door/ts/index.m3u8'), refusal('stream-offline'));
    await assert.rejects(live.get('/live/door/ts/g8.m3u8'), refusal('stream-offline'));
  });

  test('a first request waits for a stream that is starting', async () => {
    await using live = await openDelivery();
    live.state.starting = true;
    const asked = live.text('/live/door/ts/index.m3u8');
    live.listWriter.begin(generation, tracks);
    live.live({ msn: 100 });
    assert.match(await asked, /^g7\.m3u8$/m);
  });
});

suite('an MPEG-TS segment', () => {
  test('has the same bytes from memory, from the open file and from the sealed one, for good', async () => {
    await using live = await openDelivery({ limits: { ...DEFAULT_LIMITS, memoryUs: 3_000_000 } });
    live.listWriter.begin(generation, tracks);
    const group = live.live({ msn: 100 });
    // Each with nothing kept from before.
    const read = async () => {
      const segments = new TsSegments({ reader: live.reader });
      return live.bytes(await segments.answer(live.stream, 100));
    };
    const inMemory = await read();
    await live.record(group);
    live.listWriter.recorded(100);
    for (const msn of [101, 102, 103]) live.live({ msn });
    assert.equal(live.list.find(100)!.bytes, undefined, 'it left memory');
    assert.deepEqual(await read(), inMemory);
    await live.rig.recorder.seal();
    assert.deepEqual(await read(), inMemory);
    const reply = await live.get('/live/door/ts/100.ts');
    assert.deepEqual(await live.bytes(reply), inMemory);
    assert.equal(reply.contentType, 'video/mp2t');
    assert.equal(reply.cacheControl, 'public, max-age=31536000, immutable');
  });

  test('lacks the track that has a hole, and only where all have one there is a GAP', async () => {
    await using live = await openDelivery();
    live.listWriter.begin(generation, tracks);
    live.live({ msn: 100 });
    live.live({ msn: 101, without: [1] });
    live.live({ msn: 102, without: [2] });
    live.live({ msn: 103, without: [1, 2] });
    live.live({ msn: 104 });
    const { segments } = await list(live, '/live/door/ts/g7.m3u8');
    assert.deepEqual(
      segments.map(({ gap }) => gap),
      [false, false, false, true, false],
    );
    const pids = async (msn: number) => pidsOf(await live.bytes(await live.get(`/live/door/ts/${msn}.ts`)));
    for (const [msn, present] of [
      [100, [0x100, 0x101]],
      [101, [0x101]],
      [102, [0x100]],
    ] as const) {
      assert.deepEqual(await pids(msn), { present: [...present], declared: [0x100, 0x101] }, `${msn}`);
    }
    await assert.rejects(live.get('/live/door/ts/103.ts'), refusal('not-found'));
  });

  test('is muxed once for concurrent requests, then cached, and counted', async () => {
    await using live = await openLive();
    using metrics = createMetrics();
    const segments = new TsSegments({ reader: live.reader, metrics });
    await Promise.all([1, 2, 3].map(() => segments.answer(live.stream, 100)));
    await segments.answer(live.stream, 100);
    const printed = await metrics.print();
    assert.match(printed, /oxbow_ts_segments_total\{result="made"\} 1\n/);
    assert.match(printed, /oxbow_ts_segments_total\{result="joined"\} 2\n/);
    assert.match(printed, /oxbow_ts_segments_total\{result="kept"\} 1\n/);
    assert.match(printed, new RegExp(`oxbow_ts_cache_bytes ${segments.bytes}\n`));
  });

  test('is evicted when there is no room, the least recently used first', async () => {
    await using live = await openLive();
    using metrics = createMetrics();
    const one = (await live.get('/live/door/ts/100.ts')).length;
    const segments = new TsSegments({ reader: live.reader, metrics, bounds: { maxBytes: Math.floor(2.5 * one) } });
    for (const msn of [100, 101, 100, 102, 100]) await segments.answer(live.stream, msn);
    assert.ok(segments.bytes <= 2.5 * one && segments.bytes > one);
    await segments.answer(live.stream, 101);
    assert.match(await metrics.print(), /result="made"\} 4\n/);
  });

  test('that does not exist is 404, one that was deleted 410', async () => {
    await using live = await openLive();
    await assert.rejects(live.get('/live/door/ts/103.ts'), refusal('not-found'), 'it is in the making');
    await assert.rejects(live.get('/live/door/ts/900.ts'), refusal('not-found'));
    await assert.rejects(live.get('/live/door/ts/9.ts'), refusal('not-found'));
    live.state.horizonUs = START_US + 1;
    await assert.rejects(live.get('/live/door/ts/99.ts'), refusal('gone'));
    await assert.rejects(live.get('/live/gate/ts/100.ts'), refusal('stream-unknown'));
  });
});

suite('a window as MPEG-TS', () => {
  test('lists the same segments by the addresses that they had live', async () => {
    await using past = await openDelivery();
    await past.record(...[100, 101, 102, 104].map((msn) => makeGroup({ msn }, past.init)));
    past.state.settledUs = START_US + 1e9;
    const url = `/vod/door/${startS}/10s/ts.m3u8`;
    const ts = await list(past, url);
    assert.equal(ts.endList, true);
    assert.deepEqual(
      ts.segments.map(({ uri, discontinuity, gap, map }) => [uri, discontinuity, gap, map]),
      [100, 101, 102, 104].map((msn) => [`../../../../live/door/ts/${msn}.ts`, msn === 104, false, undefined]),
    );
    const mp4 = await list(past, `/vod/door/${startS}/10s/av0.m3u8`);
    const times = ({ segments }: MediaPlaylist) => segments.map((one) => [one.durationS, one.programDateTimeMs]);
    assert.deepEqual(times(ts), times(mp4));
    assert.deepEqual(pidsOf(await past.bytes(await past.get('/live/door/ts/104.ts'))).present, [0x100, 0x101]);
    assert.doesNotMatch(await past.text(`/vod/door/${startS}/10s/index.m3u8`), /ts\.m3u8/);
  });

  test('is for good under the revision that the window has, one folder further down', async () => {
    await using past = await openDelivery();
    await past.record(...[100, 101].map((msn) => makeGroup({ msn }, past.init)));
    past.state.settledUs = START_US + 1e9;
    const reply = await past.get(`/vod/door/${startS}/4s/v2/ts.m3u8`);
    assert.match(reply.cacheControl, /immutable/);
    assert.match(
      await past.text(`/vod/door/${startS}/4s/v2/ts.m3u8`),
      /^\.\.\/\.\.\/\.\.\/\.\.\/\.\.\/live\/door\/ts\/100\.ts$/m,
    );
  });

  test('refuses as every window does', async () => {
    await using past = await openDelivery();
    await assert.rejects(past.get(`/vod/door/${startS}/4s/ts.m3u8`), refusal('no-media'));
    await assert.rejects(past.get(`/vod/door/${startS}/25h/ts.m3u8`), refusal('window-too-long'));
  });
});
