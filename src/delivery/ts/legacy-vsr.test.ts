import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { parsePlaylist } from '@oxbow/media/m3u8/parse';
import type { MediaPlaylist } from '@oxbow/media/m3u8/playlist';
import { seeded } from '@oxbow/media/random.fixture';
import { OxbowError, refusalRow } from '../../lib/errors.ts';
import { START_US } from '../../recording/recording.fixture.ts';
import { type Delivery, generation, makeGroup, openDelivery, type SegmentPlan, tracks } from '../delivery.fixture.ts';
import { legacyDurationUs, legacyInstantUs } from './legacy-vsr-time.ts';

const startMs = START_US / 1000;
const startS = startMs / 1000;
const compact = (ms: number) => new Date(ms).toISOString().replaceAll(/\D/g, '').slice(0, 14);

const refusal = (code: string) => (error: unknown) => error instanceof OxbowError && error.code === code;

async function list(delivery: Delivery, url: string): Promise<MediaPlaylist> {
  return parsePlaylist(await delivery.text(url)).playlist as MediaPlaylist;
}

const uris = ({ segments }: MediaPlaylist) => segments.map(({ uri }) => uri);
const plans = (from: number, to: number): SegmentPlan[] =>
  Array.from({ length: to - from }, (_, i) => ({ msn: from + i }));

async function openLive(count: number): Promise<Delivery> {
  const live = await openDelivery();
  live.listWriter.begin(generation, tracks);
  for (const plan of plans(100, 100 + count)) live.live(plan);
  return live;
}

async function openPast(count = 600): Promise<Delivery> {
  const past = await openDelivery();
  await past.record(...plans(100, 100 + count).map((plan) => makeGroup(plan, past.init)));
  past.state.settledUs = START_US + 1e12;
  return past;
}

suite('/live/stream.m3u8', () => {
  test('"5" is 5, and the newest is among them', async () => {
    await using live = await openLive(9);
    const shown = await list(live, '/live/stream.m3u8');
    assert.deepEqual(
      uris(shown),
      [104, 105, 106, 107, 108].map((msn) => `door/ts/${msn}.ts`),
    );
  });

  test('MEDIA-SEQUENCE is the number of the first, not of the last, and a segment keeps its number', async () => {
    await using live = await openLive(6);
    const before = await list(live, '/live/stream.m3u8');
    assert.equal(before.mediaSequence, 101);
    live.live({ msn: 106 });
    const after = await list(live, '/live/stream.m3u8');
    assert.equal(after.mediaSequence, 102);
    assert.deepEqual(uris(after).slice(0, 4), uris(before).slice(1));
    assert.equal(after.endList, false);
    assert.equal(after.playlistType, undefined);
  });

  test('EXTINF lines have their comma, and no segment is longer than TARGETDURATION', async () => {
    await using live = await openLive(6);
    const text = await live.text('/live/stream.m3u8');
    const lines = text.split('\n').filter((line) => line.startsWith('#EXTINF'));
    assert.ok(lines.length === 5 && lines.every((line) => /^#EXTINF:\d+\.\d+,$/.test(line)));
    const { segments, targetDurationS } = await list(live, '/live/stream.m3u8');
    assert.ok(segments.every(({ durationS }) => Math.round(durationS) <= targetDurationS));
  });

  test('has more than five where they are shorter than three target durations together (RFC 8216bis 6.2.2)', async () => {
    await using live = await openDelivery();
    live.listWriter.begin(generation, tracks);
    for (let i = 0; i < 20; i++) live.live({ msn: 100 + i, startUs: START_US + i * 400_000, parts: 2 });
    const { segments } = await list(live, '/live/stream.m3u8');
    assert.equal(segments.length, 15);
  });

  test('an empty store is 404, not an empty 200', async () => {
    await using live = await openDelivery();
    await assert.rejects(live.get('/live/stream.m3u8'), refusal('stream-offline'));
    await assert.rejects(live.get(`/live/stream.m3u8?utc=${startS}`), refusal('no-media'));
    live.state.defaultStream = undefined;
    await assert.rejects(live.get('/live/stream.m3u8'), refusal('stream-unknown'));
    live.state.defaultStream = 'gate';
    await assert.rejects(live.get('/live/stream.m3u8'), refusal('stream-unknown'));
  });

  test('a list that ended says so to those who follow it, and is offline after that', async () => {
    await using live = await openLive(6);
    live.listWriter.end();
    live.rig.clock.advance(12_000 + 60_000);
    assert.match(await live.text('/live/stream.m3u8'), /#EXT-X-ENDLIST/);
    live.rig.clock.advance(10_000);
    await assert.rejects(live.get('/live/stream.m3u8'), refusal('stream-offline'));
  });

  test('?utc= gives what was recorded from then on, for 300 minutes at most', async () => {
    await using past = await openPast(10);
    const text = await past.text(`/live/stream.m3u8?utc=${startS + 5}`);
    const shown = await list(past, `/live/stream.m3u8?utc=${startS + 5}`);
    assert.deepEqual(
      uris(shown),
      plans(102, 110).map(({ msn }) => `door/ts/${msn}.ts`),
    );
    assert.ok(shown.endList && shown.playlistType === 'EVENT');
    assert.deepEqual(shown.start, { timeOffsetS: 1, precise: true });
    assert.equal(await past.text(`/live/stream.m3u8?lutc=${startS + 999}&utc=${startMs + 5000}`), text);
    past.state.settledUs = START_US + (5 + 300 * 60) * 1e6 - 1;
    const growing = await list(past, `/live/stream.m3u8?utc=${startS + 5}`);
    assert.ok(!growing.endList && growing.playlistType === 'EVENT');
    await assert.rejects(past.get('/live/stream.m3u8?utc=yesterday'), refusal('bad-time'));
  });
});

suite('/start/{timestamp}/{minutes}/', () => {
  test('the duration is not ignored: five minutes of 2 s segments are 150, not all up to now', async () => {
    await using past = await openPast();
    const shown = await list(past, `/start/${compact(startMs + 120_000)}/5/vod.m3u8`);
    assert.equal(shown.segments.length, 150);
    assert.equal(shown.mediaSequence, 160);
    assert.equal(shown.segments[0]!.uri, '../../../live/door/ts/160.ts');
    assert.ok(shown.endList);
  });

  test('takes every form of a time, under both names, and gives the same bytes', async () => {
    await using past = await openPast(60);
    const at = startMs + 30_000;
    const forms = [
      String(at / 1000),
      String(at),
      compact(at),
      new Date(at).toISOString(),
      encodeURIComponent(new Date(at).toISOString()),
    ];
    const texts = new Set<string>();
    for (const form of forms) {
      for (const name of ['vod', 'stream']) {
        for (const duration of ['1', '1m', '60s', '1.0'])
          texts.add(await past.text(`/start/${form}/${duration}/${name}.m3u8`));
      }
    }
    assert.equal(texts.size, 1);
    assert.equal(
      await past.text(`/start/${at / 1000}/1/vod.m3u8?tz=Asia/Tokyo`),
      [...texts][0],
      'unix time has no zone',
    );
  });

  test('?tz= makes YYYYMMDDHHMMSS the time on the clocks of that zone', async () => {
    await using past = await openPast(60);
    const plain = await past.text(`/start/${compact(startMs)}/1/vod.m3u8`);
    const tokyo = compact(startMs + 9 * 3600_000);
    assert.equal(await past.text(`/start/${tokyo}/1/vod.m3u8?tz=Asia/Tokyo`), plain);
    await assert.rejects(past.get(`/start/${tokyo}/1/vod.m3u8`), refusal('no-media'));
    await assert.rejects(past.get(`/start/${tokyo}/1/vod.m3u8?tz=Moon/Sea`), /"Moon\/Sea" is not a time zone/);
  });

  test('refuses what it does not understand, in words, with a status', async () => {
    await using past = await openPast(6);
    for (const [code, path] of [
      ['bad-duration', `/start/${startS}/0/vod.m3u8`],
      ['bad-duration', `/start/${startS}/-5/vod.m3u8`],
      ['bad-duration', `/start/${startS}/five/vod.m3u8`],
      ['bad-time', '/start/20260231000000/5/vod.m3u8'],
      ['bad-time', '/start/123/5/vod.m3u8'],
      ['bad-time', '/start/%E0%A4%A/5/vod.m3u8'],
      ['window-too-long', `/start/${startS}/1441/vod.m3u8`],
      ['no-media', `/start/${startS - 3600}/5/vod.m3u8`],
      ['not-found', `/start/${startS}/vod.m3u8`],
      ['not-found', `/start/${startS}/5/other.m3u8`],
    ] as const) {
      await assert.rejects(past.get(path), refusal(code), path);
    }
  });
});

suite('/live/{segment} and /start/…/{segment}', () => {
  test('are the segments of the default stream, and not kept for good, for another may become it', async () => {
    await using live = await openLive(3);
    const canonical = await live.bytes(await live.get('/live/door/ts/101.ts'));
    for (const path of ['/live/101.ts', '/start/20260101000000/5/101.ts']) {
      const reply = await live.get(path);
      assert.deepEqual(await live.bytes(reply), canonical);
      assert.equal(reply.contentType, 'video/mp2t');
      assert.doesNotMatch(reply.cacheControl, /immutable/);
    }
  });

  test('a path that leaves the folder is not there', async () => {
    await using live = await openLive(3);
    for (const path of [
      ...[
        '/live/../etc/passwd',
        '/live/..%2f..%2fetc%2fpasswd',
        '/live/....//101.ts',
        '/live/%2e%2e/101.ts',
        '/live/101.ts/..',
      ],
      ...[
        '/start/1/2/../../x.ts',
        '/start/1/2/3/101.ts',
        '/live/0x65.ts',
        '/live/101.ts%00',
        '/live/1795000000000000000.ts',
      ],
    ]) {
      await assert.rejects(live.get(path), refusal('not-found'), path);
    }
  });

  test('one that never was, or is no longer, is refused: never 200 with nothing', async () => {
    await using live = await openLive(3);
    await assert.rejects(live.get('/live/555.ts'), refusal('not-found'));
    await assert.rejects(live.get('/live/5.ts'), refusal('not-found'));
    live.state.horizonUs = START_US + 1;
    await assert.rejects(live.get('/live/50.ts'), refusal('gone'));
  });
});

suite('a local time', () => {
  const utc = (text: string, zone: string) => new Date(legacyInstantUs(text, zone) / 1000).toISOString();
  test('is read on the clocks of its zone, in summer and in winter, east and west', () => {
    assert.equal(utc('20260115120000', 'Europe/Vienna'), '2026-01-15T11:00:00.000Z');
    assert.equal(utc('20260715120000', 'Europe/Vienna'), '2026-07-15T10:00:00.000Z');
    assert.equal(utc('20260715120000', 'America/St_Johns'), '2026-07-15T14:30:00.000Z');
    assert.equal(utc('20260101000000', 'Pacific/Kiritimati'), '2025-12-31T10:00:00.000Z');
    assert.equal(utc('20260715120000', 'UTC'), '2026-07-15T12:00:00.000Z');
  });

  test('that the clocks step over is refused; one that comes twice is the first', () => {
    assert.throws(() => legacyInstantUs('20260329023000', 'Europe/Vienna'), /does not exist in Europe\/Vienna/);
    assert.equal(utc('20260329030000', 'Europe/Vienna'), '2026-03-29T01:00:00.000Z');
    assert.equal(utc('20260329015959', 'Europe/Vienna'), '2026-03-29T00:59:59.000Z');
    assert.equal(utc('20261025023000', 'Europe/Vienna'), '2026-10-25T00:30:00.000Z');
    assert.equal(utc('20261025030000', 'Europe/Vienna'), '2026-10-25T02:00:00.000Z');
    // A whole day was left out when Samoa changed sides of the date line.
    assert.throws(() => legacyInstantUs('20111230120000', 'Pacific/Apia'), refusal('bad-time'));
  });

  test('of a zone that does not exist is refused with the zone', () => {
    for (const zone of ['', 'Mars/Base', '../etc', 'Europe/Vienna ', 'x'.repeat(300), 'é']) {
      assert.throws(() => legacyInstantUs('20260115120000', zone), refusal('bad-time-zone'), zone);
    }
  });

  test('a duration without a unit is minutes', () => {
    assert.equal(legacyDurationUs('90'), 5_400_000_000);
    assert.equal(legacyDurationUs('0.5'), 30_000_000);
    assert.equal(legacyDurationUs('1h30m'), 5_400_000_000);
    assert.equal(legacyDurationUs('90s'), 90_000_000);
  });

  test('a bad duration and a bad zone are refused by their own names, with a hint that says that plain numbers are minutes', () => {
    for (const text of ['five', '-5', '0', '1x']) {
      assert.throws(
        () => legacyDurationUs(text),
        (error) =>
          error instanceof OxbowError &&
          /duration/.test(refusalRow(error).title) &&
          /minutes/.test(refusalRow(error).hint),
      );
    }
    assert.throws(
      () => legacyInstantUs('20260115120000', 'Mars/Base'),
      (error) =>
        error instanceof OxbowError &&
        /zone/.test(refusalRow(error).title) &&
        /Area\/City/.test(refusalRow(error).hint),
    );
  });

  test('in any other form is refused, never anything else', () => {
    const random = seeded(11);
    const letters = '0123456789:-TZ+.%mhs/é';
    for (let round = 0; round < 2000; round++) {
      const text = Array.from({ length: random(20) }, () => letters[random(letters.length)]).join('');
      for (const parse of [
        () => legacyInstantUs(text, round % 20 === 0 ? 'Asia/Tokyo' : null),
        () => legacyDurationUs(text),
      ]) {
        try {
          assert.ok(Number.isSafeInteger(parse()), text);
        } catch (error) {
          assert.ok(error instanceof OxbowError && /^bad-(time|duration)$/.test(error.code), `${text}: ${error}`);
        }
      }
    }
  });
});
