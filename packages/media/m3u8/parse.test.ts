import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { concatBytes } from '../bytes.ts';
import { parseDateTime } from './date-time.ts';
import { PlaylistReader, parsePlaylist } from './parse.ts';
import type { MediaPlaylist, MultivariantPlaylist } from './playlist.ts';

function media(text: string, head = '#EXT-X-TARGETDURATION:6\n'): MediaPlaylist {
  const parsed = parsePlaylist(`#EXTM3U\n${head}${text}`);
  assert.equal(parsed.kind, 'media');
  return parsed.playlist as MediaPlaylist;
}

function multivariant(text: string): MultivariantPlaylist {
  const parsed = parsePlaylist(`#EXTM3U\n${text}`);
  assert.equal(parsed.kind, 'multivariant');
  return parsed.playlist as MultivariantPlaylist;
}

const refused = (text: string, message: RegExp) =>
  assert.throws(() => parsePlaylist(text), { name: 'FormatError', message });

test('the first line must be EXTM3U (RFC 8216bis 4.4.1.1)', () => {
  refused('', /empty/);
  refused('#EXTINF:4,\na.ts\n', /not a playlist/);
  refused('<html></html>', /not a playlist/);
});

test('CRLF, a byte order mark, comments and blank lines are accepted (RFC 8216bis 4.1)', () => {
  const { playlist } = parsePlaylist(
    '\uFEFF#EXTM3U\r\n# comment\r\n\r\n#EXT-X-TARGETDURATION:4\r\n#EXTINF:4,\r\na.ts\r\n',
  );
  assert.equal((playlist as MediaPlaylist).segments[0]?.uri, 'a.ts');
});

test('a playlist with tags of both kinds is refused (RFC 8216bis 4.4)', () => {
  refused('#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\na.m3u8\n#EXTINF:1,\na.ts\n', /Media and of a Multivariant/);
  refused('#EXTM3U\n#EXT-X-VERSION:3\n', /no segment/);
});

test('map, key, bitrate and byte ranges apply as far as the standard says (RFC 8216bis 4.4.4)', () => {
  const { segments } = media(
    [
      '#EXT-X-MAP:URI="init.mp4",BYTERANGE="720@0"',
      '#EXT-X-KEY:METHOD=AES-128,URI="k",IV=0xAB',
      '#EXT-X-BITRATE:900',
      '#EXT-X-BYTERANGE:100@720',
      '#EXTINF:4.0,first, with a comma',
      'all.mp4',
      '#EXT-X-KEY:METHOD=NONE',
      '#EXT-X-BYTERANGE:50',
      '#EXTINF:4',
      'all.mp4',
      '#EXT-X-DISCONTINUITY',
      '#EXT-X-GAP',
      '#EXT-X-MAP:URI="init2.mp4"',
      '#EXTINF:4,',
      'b.mp4',
    ].join('\n'),
  );
  const [a, b, c] = segments;
  assert.deepEqual(a?.map, { uri: 'init.mp4', byteRange: { offset: 0, length: 720 } });
  assert.deepEqual(a?.key, { method: 'AES-128', uri: 'k', iv: 'AB' });
  assert.deepEqual(a?.byteRange, { offset: 720, length: 100 });
  assert.equal(a?.title, 'first, with a comma');
  assert.deepEqual(b?.byteRange, { offset: 820, length: 50 });
  assert.equal(b?.key, undefined);
  assert.equal(b?.discontinuity, false);
  assert.equal(c?.discontinuity, true);
  assert.equal(c?.gap, true);
  assert.equal(c?.bitrateKbps, 900);
  assert.deepEqual(c?.map, { uri: 'init2.mp4' });
  assert.equal(c?.byteRange, undefined);
});

test('a byte range without an offset must follow one of the same resource (RFC 8216bis 4.4.4.2)', () => {
  refused('#EXTM3U\n#EXT-X-BYTERANGE:5\n#EXTINF:1,\na.ts\n', /nothing to follow/);
  refused(
    '#EXTM3U\n#EXT-X-BYTERANGE:5@0\n#EXTINF:1,\na.ts\n#EXT-X-BYTERANGE:5\n#EXTINF:1,\nb.ts\n',
    /nothing to follow/,
  );
});

test('parts belong to the segment they stand before, the last ones to an unfinished segment (RFC 8216bis 4.4.4.9)', () => {
  const list = media(
    [
      '#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=0.6,HOLD-BACK=9,CAN-SKIP-UNTIL=24',
      '#EXT-X-PART-INF:PART-TARGET=0.2',
      '#EXT-X-MEDIA-SEQUENCE:7',
      '#EXT-X-SKIP:SKIPPED-SEGMENTS=3',
      '#EXT-X-PART:DURATION=0.2,URI="p",BYTERANGE="10@0",INDEPENDENT=YES',
      '#EXT-X-PART:DURATION=0.2,URI="p",BYTERANGE="20"',
      '#EXTINF:0.4,',
      's10.m4s',
      '#EXT-X-PART:DURATION=0.2,URI="s11.0.m4s",GAP=YES',
      '#EXT-X-PRELOAD-HINT:TYPE=PART,URI="s11.1.m4s",BYTERANGE-START=5',
      '#EXT-X-RENDITION-REPORT:URI="../a/g.m3u8",LAST-MSN=10,LAST-PART=1',
    ].join('\n'),
  );
  assert.deepEqual(list.serverControl, { canBlockReload: true, partHoldBackS: 0.6, holdBackS: 9, canSkipUntilS: 24 });
  assert.equal(list.partTargetS, 0.2);
  assert.equal(list.skippedSegments, 3);
  assert.deepEqual(list.segments[0]?.parts[1], {
    uri: 'p',
    durationS: 0.2,
    independent: false,
    gap: false,
    byteRange: { offset: 10, length: 20 },
  });
  assert.equal(list.segments[1]?.uri, '');
  assert.equal(list.segments[1]?.parts[0]?.gap, true);
  assert.deepEqual(list.preloadHint, { type: 'PART', uri: 's11.1.m4s', byteRangeStart: 5 });
  assert.deepEqual(list.renditionReports, [{ uri: '../a/g.m3u8', lastMsn: 10, lastPart: 1 }]);
});

test('dates are read with zones, without colons, and with fractions of a millisecond (RFC 8216bis 4.4.4.6)', () => {
  assert.equal(parseDateTime('2026-01-02T03:04:05.678Z'), Date.UTC(2026, 0, 2, 3, 4, 5, 678));
  assert.equal(parseDateTime('2026-01-02T03:04:05.678+0130'), Date.UTC(2026, 0, 2, 1, 34, 5, 678));
  assert.equal(parseDateTime('2026-01-02T03:04:05-02:00'), Date.UTC(2026, 0, 2, 5, 4, 5));
  assert.equal(parseDateTime('2026-01-02 03:04:05'), Date.UTC(2026, 0, 2, 3, 4, 5));
  assert.ok(Math.abs(parseDateTime('2026-01-02T03:04:05.1234567Z')! - Date.UTC(2026, 0, 2, 3, 4, 5) - 123.4567) < 1e-3);
  for (const bad of [
    '',
    'now',
    '2026-13-01T00:00:00Z',
    '2026-01-01T25:00:00Z',
    `2026-01-02T03:04:05.${'1'.repeat(99)}Z`,
  ]) {
    assert.equal(parseDateTime(bad), undefined, bad);
  }
  assert.equal(media('#EXT-X-PROGRAM-DATE-TIME:soon\n#EXTINF:1,\na.ts').segments[0]?.programDateTimeMs, undefined);
});

test('a Multivariant Playlist gives variants, renditions and I-frame lists (RFC 8216bis 4.4.6)', () => {
  const list = multivariant(
    [
      '#EXT-X-INDEPENDENT-SEGMENTS',
      '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="English, stereo",LANGUAGE="en",DEFAULT=YES,URI="a.m3u8",CHANNELS="2"',
      '#EXT-X-MEDIA:TYPE=HOLOGRAM,GROUP-ID="a",NAME="x"',
      '#EXT-X-STREAM-INF:BANDWIDTH=1280000,AVERAGE-BANDWIDTH=1000000,CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=1280x720,FRAME-RATE=29.97,AUDIO="a",CLOSED-CAPTIONS=NONE, NAME="720"',
      'low.m3u8',
      '#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=86000,URI="i.m3u8"',
      '#EXT-X-SESSION-KEY:METHOD=SAMPLE-AES,URI="skd://x",KEYFORMAT="com.apple.streamingkeydelivery"',
      '#EXT-X-SESSION-DATA:DATA-ID="com.apple.hls.title",VALUE="The harbour",LANGUAGE="en"',
      'stray.m3u8',
    ].join('\n'),
  );
  assert.equal(list.independentSegments, true);
  assert.deepEqual(list.renditions, [
    {
      type: 'AUDIO',
      groupId: 'a',
      name: 'English, stereo',
      language: 'en',
      default: true,
      autoselect: true,
      uri: 'a.m3u8',
      channels: '2',
    },
  ]);
  assert.deepEqual(list.variants, [
    {
      uri: 'low.m3u8',
      bandwidth: 1280000,
      averageBandwidth: 1000000,
      codecs: 'avc1.64001f,mp4a.40.2',
      resolution: { width: 1280, height: 720 },
      frameRate: 29.97,
      audio: 'a',
      closedCaptions: 'NONE',
      name: '720',
    },
  ]);
  assert.deepEqual(list.iFrameVariants, [{ uri: 'i.m3u8', bandwidth: 86000 }]);
  assert.equal(list.sessionKeys?.[0]?.method, 'SAMPLE-AES');
  assert.deepEqual(list.sessionData, [{ dataId: 'com.apple.hls.title', value: 'The harbour', language: 'en' }]);
  refused('#EXTM3U\n#EXT-X-STREAM-INF:CODECS="x"\na.m3u8\n', /no BANDWIDTH/);
});

test('variables come from the playlist, the Multivariant Playlist and the URL (RFC 8216bis 4.4.2.3)', () => {
  const master = multivariant('#EXT-X-DEFINE:NAME="host",VALUE="cdn"\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{$host}/a.m3u8');
  assert.equal(master.variants[0]?.uri, 'cdn/a.m3u8');
  const text =
    '#EXTM3U\n#EXT-X-DEFINE:IMPORT="host"\n#EXT-X-DEFINE:QUERYPARAM="t"\n#EXT-X-MAP:URI="{$host}/i"\n#EXTINF:1,\n{$host}/{$t}.ts{$';
  const { playlist } = parsePlaylist(text, { imports: master.variables!, query: new Map([['t', '7']]) });
  assert.equal((playlist as MediaPlaylist).segments[0]?.uri, 'cdn/7.ts{$');
  assert.equal((playlist as MediaPlaylist).segments[0]?.map?.uri, 'cdn/i');
  refused(text, /nothing gives host/);
  refused('#EXTM3U\n#EXTINF:1,\n{$unknown}.ts\n', /not defined/);
  refused('#EXTM3U\n#EXT-X-DEFINE:NAME="a",VALUE="1"\n#EXT-X-DEFINE:NAME="a",VALUE="1"\n#EXTINF:1,\na.ts', /twice/);
  const bomb = `#EXTM3U\n#EXT-X-DEFINE:NAME="a",VALUE="${'x'.repeat(15000)}"\n#EXTINF:1,\n${'{$a}'.repeat(4000)}\n`;
  refused(bomb, /too long/);
  const many = `#EXTM3U\n#EXT-X-DEFINE:NAME="a",VALUE="${'x'.repeat(15000)}"\n${'#EXTINF:1,\n{$a}\n'.repeat(1500)}`;
  refused(many, /too long/);
});

test('what is not a number, a quote or a URI is refused with its offset', () => {
  for (const [tag, message] of [
    ['#EXTINF:-1,', /EXTINF/],
    ['#EXTINF:1e9,', /EXTINF/],
    ['#EXTINF:90000,', /longer than a day/],
    [`#EXTINF:${'1'.repeat(15000)}x,`, /EXTINF/],
    ['#EXT-X-MEDIA-SEQUENCE:99999999999999999999', /whole number/],
    ['#EXT-X-TARGETDURATION:99999999', /too long/],
    ['#EXT-X-MAP:BYTERANGE="1@2"', /no URI/],
    ['#EXT-X-MAP:URI="x', /not closed/],
    ['#EXT-X-MAP:URI', /no value/],
    ['#EXT-X-MAP:="x"', /no name/],
    ['#EXT-X-START:PRECISE=YES', /no TIME-OFFSET/],
    ['#EXT-X-PART:URI="x"', /no DURATION/],
    ['#EXT-X-DEFINE:VALUE="x"', /names no variable/],
    [`#EXT-X-MAP:${Array.from({ length: 300 }, (_, i) => `A${i}=1`).join()}`, /too many/],
    ['a.ts', /no EXTINF/],
  ] as const) {
    assert.throws(
      () => media(`${tag}\n`, '#EXT-X-MEDIA-SEQUENCE:1\n'),
      (error: { name: string; message: string; offset: number }) =>
        error.name === 'FormatError' && message.test(error.message) && error.offset >= 32,
      tag.slice(0, 60),
    );
  }
});

test('a list without EXT-X-TARGETDURATION takes it from its longest segment', () => {
  assert.equal(media('#EXTINF:5.6,\na.ts\n#EXTINF:4,\nb.ts', '').targetDurationS, 6);
});

test('bounds: 8 MiB, 200,000 lines, 16 KiB a line; 10,000 lines of a Multivariant Playlist', () => {
  refused(`#EXTM3U\n${'#\n'.repeat(4 * 1024 * 1024)}`, /longer than/);
  refused(`#EXTM3U\n${'#\n'.repeat(200_000)}`, /lines/);
  refused(`#EXTM3U\n#EXTINF:1,\n${'a'.repeat(16 * 1024 + 1)}`, /a line/);
  refused(`#EXTM3U\n${'#EXT-X-STREAM-INF:BANDWIDTH=1\nv.m3u8\n'.repeat(10_000)}`, /more than 10000 lines/);
});

test('a day of segments of 2 s, each with its date, is a list that can be read', () => {
  const dated = (i: number) => `#EXT-X-PROGRAM-DATE-TIME:${new Date(1e12 + 2000 * i).toISOString()}\n`;
  const text = Array.from({ length: 43_200 }, (_, i) => `${dated(i)}#EXTINF:2.000,\nsegment-${i}.ts\n`).join('');
  const { segments } = media(text);
  assert.equal(segments.length, 43_200);
  assert.equal(segments.at(-1)?.programDateTimeMs, 1e12 + 2000 * 43_199);
});

test('of a list that only grew what was appended is read, and says the same as the whole', () => {
  const lines = [
    ...['#EXTM3U', '#EXT-X-TARGETDURATION:4', '#EXT-X-PART-INF:PART-TARGET=1', '#EXT-X-MAP:URI="i.mp4"'],
    ...[
      '#EXT-X-PROGRAM-DATE-TIME:2026-11-20T08:00:00.000Z',
      '#EXTINF:4,',
      'a.mp4',
      '#EXT-X-BYTERANGE:5@0',
      '#EXTINF:4,',
    ],
    ...[
      'b.mp4',
      '#EXT-X-BYTERANGE:7',
      '#EXTINF:4,',
      'b.mp4',
      '#EXT-X-KEY:METHOD=AES-128,URI="k"',
      '#EXTINF:5.5,',
      'c.mp4',
    ],
    ...['#EXT-X-DATERANGE:ID="x",START-DATE="2026-11-20T08:00:00Z"', '#EXT-X-DISCONTINUITY', '#EXT-X-MAP:URI="j.mp4"'],
    ...['#EXT-X-PART:DURATION=1,URI="d0.mp4"', '#EXT-X-PART:DURATION=1,URI="d1.mp4"', '#EXTINF:2,', 'd.mp4'],
    ...['#EXT-X-RENDITION-REPORT:URI="o.m3u8",LAST-MSN=3', '#EXT-X-DEFINE:NAME="v",VALUE="w"', '#EXTINF:4,'],
    ...['{$v}.mp4', '#EXTINF:4,', 'e.mp4', '#EXT-X-ENDLIST'],
  ];
  const reader = new PlaylistReader();
  for (let count = 7; count <= lines.length; count++) {
    const text = `${lines.slice(0, count).join('\n')}\n`;
    for (let again = 0; again < 2; again++) assert.deepEqual(reader.read(text), parsePlaylist(text), `${count} lines`);
  }
  const first = reader.read(`${lines.slice(0, 10).join('\n')}\n`);
  const copy = structuredClone(first);
  reader.read(`${lines.join('\n')}\n`);
  assert.deepEqual(first, copy, 'what was given does not change');
  const shorter = `${lines.slice(0, 8).join('\n')}`;
  for (const text of [shorter, `${shorter}x\n`, '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nv.m3u8\n', `${shorter}\n`]) {
    assert.deepEqual(reader.read(text), parsePlaylist(text), 'nor is one list taken for the continuation of another');
  }
  assert.throws(
    () => reader.read(`${shorter}\n#EXT-X-STREAM-INF:BANDWIDTH=1\nv.m3u8\n`),
    /Media and of a Multivariant/,
  );
});

test('what is appended does not hold the whole text that it came with', () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const reader = new PlaylistReader();
  const segment = (i: number) => `#EXTINF:2.000,\na-segment-with-a-long-name-${i}.ts\n`;
  let bytes: Uint8Array = new TextEncoder().encode(
    `#EXTM3U\n#EXT-X-TARGETDURATION:2\n${Array.from({ length: 20_000 }, (_, i) => segment(i)).join('')}`,
  );
  const read = () => reader.read(new TextDecoder().decode(bytes)).kind;
  const grow = (times: number) => {
    for (let i = 0; i < times; i++) {
      bytes = concatBytes([bytes, new TextEncoder().encode(segment(i))]);
      assert.equal(read(), 'media');
    }
    collect();
    return process.memoryUsage().heapUsed;
  };
  const before = grow(5);
  const grown = grow(60) - before;
  assert.ok(grown < 10_000_000, `${grown} bytes for 60 segments`);
});

test('an attribute list of the longest line is read in linear time', () => {
  const line = `#EXT-X-MAP:${'A'.repeat(8000)}="${',='.repeat(4000)}"`;
  const text = `#EXTM3U\n${`${line}\n`.repeat(120)}#EXTINF:1,\na.ts`;
  const started = process.cpuUsage();
  assert.throws(() => parsePlaylist(text.slice(0, 2 * 1024 * 1024)), { name: 'FormatError', message: /no URI/ });
  for (let i = 0; i < 100; i++) assert.throws(() => parsePlaylist(`#EXTM3U\n${line}\n#EXTINF:1,\na.ts`), /no URI/);
  // Quadratic time is more than twenty seconds.
  assert.ok(process.cpuUsage(started).user < 5_000_000);
});
