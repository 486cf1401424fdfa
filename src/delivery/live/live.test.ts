import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Track } from '@oxbow/media/frame';
import { parsePlaylist } from '@oxbow/media/m3u8/parse';
import type { MediaPlaylist } from '@oxbow/media/m3u8/playlist';
import { usToTicks } from '@oxbow/media/run';
import { OxbowError } from '../../lib/errors.ts';
import { START_US } from '../../recording/recording.fixture.ts';
import { generation, makeGroup, openDelivery, openLive, tracks } from '../delivery.fixture.ts';

const refusal = (code: string) => (error: unknown) => error instanceof OxbowError && error.code === code;

function media(text: string): MediaPlaylist {
  const parsed = parsePlaylist(text);
  assert.equal(parsed.kind, 'media');
  return parsed.playlist as MediaPlaylist;
}

suite('a live list', () => {
  test('has all that a low-latency player needs, and writes complete segments 1 ms short (docs/media.md 8)', async () => {
    await using live = await openLive();
    const lines = (await live.text('/live/door/av0/g7.m3u8')).split('\n');
    assert.deepEqual(lines.slice(0, 9), [
      '#EXTM3U',
      '#EXT-X-VERSION:6',
      '#EXT-X-TARGETDURATION:2',
      '#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=12.00000,HOLD-BACK=6.00000,PART-HOLD-BACK=0.66699',
      '#EXT-X-PART-INF:PART-TARGET=0.20100',
      '#EXT-X-MEDIA-SEQUENCE:100',
      // The first segment's own tag is counted when the segment leaves.
      '#EXT-X-DISCONTINUITY-SEQUENCE:2',
      '#EXT-X-DISCONTINUITY',
      `#EXT-X-MAP:URI="init-${live.init.number}.mp4"`,
    ]);
    assert.equal(lines[9], `#EXT-X-PROGRAM-DATE-TIME:${new Date(START_US / 1000).toISOString()}`);
    assert.equal(lines[10], '#EXT-X-PART:DURATION=0.20000,URI="100.0.m4s",INDEPENDENT=YES');
    assert.equal(lines[11], '#EXT-X-PART:DURATION=0.20000,URI="100.1.m4s"');
    assert.deepEqual(lines.slice(19, 22), [
      '#EXT-X-PART:DURATION=0.20000,URI="100.9.m4s"',
      '#EXTINF:1.99900,',
      '100.m4s',
    ]);
    assert.ok(lines.includes('#EXTINF:1.79900,'));
    assert.deepEqual(lines.slice(-7), [
      `#EXT-X-PROGRAM-DATE-TIME:${new Date(START_US / 1000 + 6000).toISOString()}`,
      '#EXT-X-PART:DURATION=0.20000,URI="103.0.m4s",INDEPENDENT=YES',
      '#EXT-X-PART:DURATION=0.20000,URI="103.1.m4s"',
      '#EXT-X-PRELOAD-HINT:TYPE=PART,URI="103.2.m4s"',
      '#EXT-X-RENDITION-REPORT:URI="../v0/g7.m3u8",LAST-MSN=103,LAST-PART=1',
      '#EXT-X-RENDITION-REPORT:URI="../a0/g7.m3u8",LAST-MSN=103,LAST-PART=1',
      '',
    ]);
  });

  test('of audio next to video has its own PART-TARGET and durations, and all parts independent', async () => {
    await using live = await openLive();
    const text = await live.text('/live/door/a0/g7.m3u8');
    assert.match(text, /PART-TARGET=0\.22233/);
    const list = media(text);
    assert.ok(list.segments.every((segment) => segment.parts.every((part) => part.independent)));
    assert.match(text, /RENDITION-REPORT:URI="\.\.\/av0\/g7\.m3u8"/);
  });

  test('is rendered once per change and is the same bytes for everyone', async () => {
    await using live = await openLive();
    const first = await live.get('/live/door/av0/g7.m3u8');
    assert.equal(await live.get('/live/door/av0/g7.m3u8'), first);
    assert.notEqual(await live.get('/live/door/v0/g7.m3u8'), first);
    live.part({ msn: 103 }, 2);
    const second = await live.get('/live/door/av0/g7.m3u8');
    assert.notEqual(second, first);
    assert.notEqual(second.etag, first.etag);
    assert.equal(first.cacheControl, 'public, max-age=1');
  });

  test('skips what is older than six target durations, and only on request (RFC 8216bis 6.2.5.1)', async () => {
    await using live = await openDelivery();
    live.listWriter.begin(generation, tracks);
    for (let msn = 100; msn < 120; msn++) live.live({ msn });
    const whole = media(await live.text('/live/door/av0/g7.m3u8'));
    assert.equal(whole.segments.length, 20);
    const text = await live.text('/live/door/av0/g7.m3u8?_HLS_skip=YES');
    assert.match(text, /#EXT-X-VERSION:9/);
    const delta = media(text);
    // The list is 40 s long: what ends 12 s before the start of the last segment, which is 14 s before the
    // end, may go.
    assert.equal(delta.skippedSegments, 13);
    assert.deepEqual(
      delta.segments.map(({ uri }) => uri),
      whole.segments.slice(13).map(({ uri }) => uri),
    );
    assert.equal(delta.mediaSequence, 100);
    assert.equal(await live.text('/live/door/av0/g7.m3u8?_HLS_skip=v2'), text);
    // Parts are listed for the last three target durations.
    assert.deepEqual(
      whole.segments.filter(({ parts }) => parts.length > 0).map(({ uri }) => uri),
      ['116.m4s', '117.m4s', '118.m4s', '119.m4s'],
    );
  });

  test('keeps the parts of the last three target durations of media, also across a hole (RFC 8216bis 6.2.2)', async () => {
    await using live = await openDelivery();
    live.listWriter.begin(generation, tracks);
    for (let msn = 100; msn < 104; msn++) live.live({ msn });
    const startUs = START_US + 60_000_000;
    live.live({ msn: 104, startUs, discontinuity: true });
    const { segments } = media(await live.text('/live/door/av0/g7.m3u8'));
    assert.deepEqual(
      segments.map(({ parts }) => parts.length > 0),
      [false, true, true, true, true],
    );
  });

  test('lists a segment and its parts the same while it grows and when it is complete (RFC 8216bis 6.2.1)', async () => {
    await using live = await openDelivery();
    live.listWriter.begin(generation, tracks);
    live.live({ msn: 100 });
    const plan = { msn: 101, startUs: START_US + 2_000_000 };
    live.open(plan);
    for (const { id, timescale } of tracks) {
      // The audio begins with the first frame behind the cut.
      const pts = usToTicks(plan.startUs + (id === 2 ? 20_000 : 0), timescale);
      live.listWriter.addPart(101, id, {
        bytes: new Uint8Array(9),
        pts,
        duration: timescale / 5,
        independent: true,
        crc: 0,
      });
    }
    for (const id of ['av0', 'v0', 'a0']) {
      const { programDateTimeMs, parts } = media(await live.text(`/live/door/${id}/g7.m3u8`)).segments[1]!;
      assert.equal(programDateTimeMs, plan.startUs / 1000 + (id === 'a0' ? 20 : 0));
      assert.equal(parts[0]!.durationS, 0.2);
    }
    live.seal({ ...plan, parts: 1 });
    const { parts, durationS } = media(await live.text('/live/door/a0/g7.m3u8')).segments[1]!;
    assert.deepEqual([parts[0]!.durationS, durationS], [0.2, 0.199]);
  });

  test('dates each segment by the clock of its configuration', async () => {
    await using live = await openDelivery();
    live.listWriter.begin(generation, tracks);
    live.live({ msn: 100 });
    const before = await live.text('/live/door/a0/g7.m3u8');
    const faster = tracks.map((track) => (track.kind === 'audio' ? { ...track, timescale: 96_000 } : track));
    live.listWriter.begin(generation, faster);
    live.live({ msn: 101, init: live.inits.of(faster), discontinuity: true });
    const [was] = media(before).segments;
    const [now, next] = media(await live.text('/live/door/a0/g7.m3u8')).segments;
    assert.deepEqual(now, was);
    assert.deepEqual([next!.durationS, next!.parts[0]!.durationS], [1.999, 0.2]);
  });

  test('without parts has none of what goes with them, and does not block', async () => {
    await using live = await openDelivery();
    const { parts: _parts, partHoldBackS: _hold, ...plain } = generation;
    live.listWriter.begin({ ...plain, holdBackS: 12 }, tracks);
    live.open({ msn: 100 });
    live.seal({ msn: 100 });
    live.open({ msn: 101 });
    const text = await live.text('/live/door/av0/g7.m3u8?_HLS_msn=900&_HLS_part=3');
    assert.doesNotMatch(text, /PART|PRELOAD|REPORT|CAN-BLOCK/);
    assert.match(text, /HOLD-BACK=12/);
    assert.doesNotMatch(text, /101/);
  });

  test('shows a segment that a rendition does not have as a gap of the same length', async () => {
    await using live = await openDelivery();
    live.listWriter.begin(generation, tracks);
    live.live({ msn: 100 });
    live.live({ msn: 101, without: [2] });
    const audio = media(await live.text('/live/door/a0/g7.m3u8'));
    assert.deepEqual(
      audio.segments.map(({ gap, durationS }) => [gap, durationS]),
      [
        [false, 1.999],
        [true, 1.999],
      ],
    );
    assert.equal(media(await live.text('/live/door/av0/g7.m3u8')).segments[1]!.gap, false);
    await assert.rejects(live.get('/live/door/a0/101.m4s'), refusal('not-found'));
    assert.ok((await live.get('/live/door/av0/101.m4s')).length > 0);
  });
});

suite('the multivariant list', () => {
  test('offers video and audio together, described by the generation', async () => {
    await using live = await openLive();
    assert.equal(
      await live.text('/live/door/index.m3u8'),
      [
        '#EXTM3U',
        '#EXT-X-VERSION:9',
        '#EXT-X-STREAM-INF:BANDWIDTH=900000,CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=160x90,FRAME-RATE=25.000',
        'av0/g7.m3u8',
        '',
      ].join('\n'),
    );
  });

  test('follows the measured rate where the first frames were more than a fifth off (RFC 8216bis 4.4.6.2)', async () => {
    const listed = async (share: number, segments: number) => {
      await using live = await openDelivery();
      const bytes = makeGroup({ msn: 100 }, live.init).tracks.reduce((sum, track) => sum + track.bytes.length, 0);
      const wanted = bytes * 4 * 1.25;
      live.listWriter.begin({ ...generation, bandwidths: { 1: wanted * share, 2: 0 } }, tracks);
      for (let msn = 100; msn < 100 + segments; msn++) live.live({ msn });
      live.part({ msn: 100 + segments }, 2);
      const text = await live.text('/live/door/index.m3u8');
      return Number(/BANDWIDTH=(\d+)/.exec(text)![1]) / wanted;
    };
    for (const share of [0.85, 1, 1.15]) assert.ok(Math.abs((await listed(share, 8)) - share) < 0.01, `${share}`);
    for (const share of [0.1, 0.4, 0.75, 1.3, 2, 10]) {
      const found = await listed(share, 8);
      assert.ok(found >= 0.99 && found <= 1.21, `${share} becomes ${found}`);
    }
    assert.ok((await listed(0.5, 2)) >= 0.99, 'too low is repaired at once');
    assert.ok(Math.abs((await listed(1.5, 2)) - 1.5) < 0.01, 'too high after five target durations');
  });

  test('says the average of the window once it has five target durations (4.4.6.2, AVERAGE-BANDWIDTH)', async () => {
    await using live = await openDelivery();
    const average = makeGroup({ msn: 100 }, live.init).tracks.reduce((sum, { bytes }) => sum + bytes.length * 4, 0);
    live.listWriter.begin({ ...generation, bandwidths: { 1: average * 1.25, 2: 0 } }, tracks);
    const said = async () => /AVERAGE-BANDWIDTH=(\d+)/.exec(await live.text('/live/door/index.m3u8'))?.[1];
    for (let msn = 100; msn < 102; msn++) live.live({ msn });
    live.part({ msn: 102 }, 2);
    assert.equal(await said(), undefined);
    for (let msn = 102; msn < 108; msn++) live.live({ msn });
    live.part({ msn: 108 }, 2);
    const found = Number(await said());
    assert.ok(found >= average && found < average * 1.1, `${found} of ${average}`);
  });

  test('of several audio tracks offers each, and each variant counts the loudest', async () => {
    await using live = await openDelivery();
    const two = [
      tracks[0]!,
      { ...tracks[1]!, language: 'eng' },
      { ...tracks[1]!, id: 3, language: 'deu', label: 'Kommentar' },
    ];
    live.listWriter.begin({ ...generation, bandwidths: { 1: 800_000, 2: 100_000, 3: 200_000 } }, two);
    live.live({ msn: 100, init: live.inits.of(two) });
    const text = await live.text('/live/door/index.m3u8');
    assert.match(text, /TYPE=AUDIO,GROUP-ID="audio",NAME="English|NAME="Original/);
    assert.match(text, /NAME="Kommentar",LANGUAGE="deu",AUTOSELECT=YES,CHANNELS="2",URI="a1-deu\/g7\.m3u8"/);
    assert.match(text, /BANDWIDTH=1000000,CODECS="avc1\.64001f,mp4a\.40\.2".*AUDIO="audio"\nv0\/g7\.m3u8/);
  });

  test('of sound that browsers do not decode offers the pictures alone as well, last', async () => {
    await using live = await openDelivery();
    const config = { codec: 'ac3', record: Uint8Array.of(16, 17, 64), codecs: 'ac-3', sampleRate: 48_000, channels: 2 };
    const dolby = [tracks[0]!, { ...tracks[1]!, config } as Track];
    live.listWriter.begin({ ...generation, bandwidths: { 1: 800_000, 2: 100_000 } }, dolby);
    live.live({ msn: 100, init: live.inits.of(dolby) });
    const text = await live.text('/live/door/index.m3u8');
    assert.match(text, /CODECS="avc1\.64001f,ac-3".*\nav0\/.*\n.*BANDWIDTH=800000,CODECS="avc1\.64001f",.*\nv0\//);
  });

  test('of audio in several codecs makes a group for each, and a variant that names its codec (4.4.6.2)', async () => {
    await using live = await openDelivery();
    const config = { codec: 'eac3', record: Uint8Array.of(0, 0, 32), codecs: 'ec-3', sampleRate: 48_000, channels: 6 };
    const both = [tracks[0]!, { ...tracks[1]!, id: 2, config } as Track, { ...tracks[1]!, id: 3 }];
    live.listWriter.begin({ ...generation, bandwidths: { 1: 800_000, 2: 300_000, 3: 100_000 } }, both);
    live.live({ msn: 100, init: live.inits.of(both) });
    const text = await live.text('/live/door/index.m3u8');
    assert.match(text, /BANDWIDTH=1100000,CODECS="avc1\.64001f,ec-3".*AUDIO="audio"\nv0\//);
    assert.match(text, /BANDWIDTH=900000,CODECS="avc1\.64001f,mp4a\.40\.2".*AUDIO="audio-aac"\nv0\//);
    assert.doesNotMatch(text, /CODECS="avc1\.64001f",/, 'one of them is heard everywhere');
  });

  test('answers stream-offline with a time to come back while there is nothing, and after the end', async () => {
    await using live = await openDelivery();
    const offline = (error: unknown) =>
      refusal('stream-offline')(error) && (error as OxbowError).extra.retryAfterSeconds === 2;
    await assert.rejects(live.get('/live/door/index.m3u8'), offline);
    live.listWriter.begin(generation, tracks);
    live.live({ msn: 100 });
    assert.ok(await live.text('/live/door/index.m3u8'));
    live.listWriter.end();
    await assert.rejects(live.get('/live/door/index.m3u8'), offline);
    assert.match(await live.text('/live/door/av0/g7.m3u8'), /#EXT-X-ENDLIST/);
    await assert.rejects(live.get('/live/door/av0/g6.m3u8'), offline);
  });

  test('waits for a stream that is starting', async () => {
    await using live = await openDelivery();
    live.state.starting = true;
    const pending = live.text('/live/door/index.m3u8');
    live.listWriter.begin(generation, tracks);
    live.live({ msn: 100 });
    assert.match(await pending, /av0\/g7\.m3u8/);
  });
});

suite('a blocking reload (RFC 8216bis 6.2.5.2)', () => {
  test('is answered with the requested part, as soon as every track has it', async () => {
    await using live = await openLive();
    let done = false;
    const pending = live.get('/live/door/av0/g7.m3u8?_HLS_msn=103&_HLS_part=2').finally(() => {
      done = true;
    });
    live.listWriter.addPart(103, 1, { bytes: new Uint8Array(9), pts: 0, duration: 18_000, independent: false, crc: 0 });
    await new Promise(setImmediate);
    assert.equal(done, false, 'audio is missing');
    live.listWriter.addPart(103, 2, { bytes: new Uint8Array(9), pts: 0, duration: 9600, independent: true, crc: 0 });
    const reply = await pending;
    assert.equal(reply.cacheControl, 'public, max-age=12');
    assert.match(
      new TextDecoder().decode(await live.bytes(reply)),
      /URI="103\.2\.m4s"\n.*HINT:TYPE=PART,URI="103\.3\.m4s"/,
    );
    assert.equal(
      (await live.get('/live/door/av0/g7.m3u8?_HLS_msn=103&_HLS_part=1')).cacheControl,
      'public, max-age=12',
    );
  });

  test('for a whole segment waits until it is sealed; a part after its last is the next one’s first', async () => {
    await using live = await openLive();
    const whole = live.text('/live/door/av0/g7.m3u8?_HLS_msn=103');
    const behind = live.text('/live/door/av0/g7.m3u8?_HLS_msn=103&_HLS_part=2');
    live.seal({ msn: 103, parts: 2 });
    assert.match(await whole, /\n103\.m4s\n/);
    live.open({ msn: 104 });
    live.part({ msn: 104 }, 0);
    assert.match(await behind, /URI="104\.0\.m4s"/);
  });

  test('for what is too far ahead is refused', async () => {
    await using live = await openLive();
    for (const query of [
      '_HLS_msn=105',
      '_HLS_msn=103&_HLS_part=17',
      '_HLS_msn=104&_HLS_part=15',
      '_HLS_msn=9000000',
    ]) {
      await assert.rejects(live.get(`/live/door/av0/g7.m3u8?${query}`), refusal('bad-request'), query);
    }
    for (const query of ['_HLS_part=1', '_HLS_msn=x', '_HLS_msn=-1', '_HLS_msn=1.5', '_HLS_msn=']) {
      await assert.rejects(live.get(`/live/door/av0/g7.m3u8?${query}`), refusal('bad-request'), query);
    }
    assert.ok(await live.text('/live/door/av0/g7.m3u8?_HLS_msn=1'));
    assert.ok(await live.text('/live/door/av0/g7.m3u8?CMCD=x&_foo=1'));
  });

  test('is refused with 503 when nothing came for three target durations', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    await using live = await openLive();
    const list = assert.rejects(live.get('/live/door/av0/g7.m3u8?_HLS_msn=103&_HLS_part=2'), refusal('part-timeout'));
    const part = assert.rejects(live.get('/live/door/av0/103.2.m4s'), refusal('part-timeout'));
    t.mock.timers.tick(6000);
    await list;
    await part;
  });

  test('is answered when the list ends, and a held part is refused', async () => {
    await using live = await openLive();
    const list = live.text('/live/door/av0/g7.m3u8?_HLS_msn=103&_HLS_part=5');
    const part = assert.rejects(live.get('/live/door/av0/103.2.m4s'), refusal('not-found'));
    live.listWriter.end();
    assert.match(await list, /#EXT-X-ENDLIST/);
    await part;
  });

  test('ends when the client disconnects, without a leak', async () => {
    await using live = await openLive();
    const viewer = new AbortController();
    const pending = live.get('/live/door/av0/g7.m3u8?_HLS_msn=103&_HLS_part=5', viewer.signal);
    viewer.abort(new Error('gone'));
    await assert.rejects(pending, /gone/);
    await assert.rejects(live.get('/live/door/av0/g7.m3u8?_HLS_msn=103&_HLS_part=5', viewer.signal), /gone/);
  });

  test('of a generation that was replaced ends it, and its media stays', async () => {
    await using live = await openLive();
    const pending = live.text('/live/door/av0/g7.m3u8?_HLS_msn=103&_HLS_part=5');
    live.listWriter.begin({ ...generation, number: 8 }, tracks);
    live.live({ msn: 104 });
    assert.match(await pending, /ENDLIST/);
    assert.match(await live.text('/live/door/av0/g7.m3u8'), /\n102\.m4s\n#EXT-X-ENDLIST/);
    assert.match(await live.text('/live/door/av0/g8.m3u8'), /MEDIA-SEQUENCE:104/);
    assert.ok((await live.get('/live/door/av0/101.m4s')).length > 0);
    assert.ok((await live.get('/live/door/av0/101.2.m4s')).length > 0);
  });
});
