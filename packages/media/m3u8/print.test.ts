import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsePlaylist } from './parse.ts';
import type { MediaPlaylist, MultivariantPlaylist, PlaylistSegment } from './playlist.ts';
import { mediaPlaylistText } from './print.fixture.ts';
import { printMultivariantPlaylist } from './print.ts';

function segment(n: number, more: Partial<PlaylistSegment> = {}): PlaylistSegment {
  return {
    uri: `${n}.m4s`,
    durationS: 4,
    discontinuity: false,
    gap: false,
    parts: [],
    map: { uri: 'init-1.mp4' },
    ...more,
  };
}

const list: MediaPlaylist = {
  version: 9,
  targetDurationS: 4,
  partTargetS: 0.201,
  serverControl: { canBlockReload: true, canSkipUntilS: 24, holdBackS: 12, partHoldBackS: 0.603 },
  mediaSequence: 100,
  discontinuitySequence: 2,
  independentSegments: true,
  endList: false,
  segments: [
    segment(100, { programDateTimeMs: Date.UTC(2026, 0, 1, 0, 0, 0, 7), bitrateKbps: 900 }),
    segment(101, { gap: true, bitrateKbps: 900 }),
    segment(102, {
      discontinuity: true,
      map: { uri: 'init-2.mp4', byteRange: { offset: 0, length: 700 } },
      key: { method: 'AES-128', uri: 'k"1', iv: '0a' },
      byteRange: { offset: 5, length: 6 },
      title: 'news',
      durationS: 3.99956,
      parts: [
        { uri: '102.0.m4s', durationS: 0.2, independent: true, gap: false },
        { uri: '102.1.m4s', durationS: 0.2, independent: false, gap: true, byteRange: { offset: 1, length: 2 } },
      ],
    }),
    segment(103, {
      uri: '',
      durationS: 0,
      map: { uri: 'init-2.mp4', byteRange: { offset: 0, length: 700 } },
      parts: [{ uri: '103.0.m4s', durationS: 0.2, independent: true, gap: false }],
    }),
  ],
  preloadHint: { type: 'PART', uri: '103.1.m4s' },
  renditionReports: [{ uri: '../a0/g1.m3u8', lastMsn: 103, lastPart: 0 }],
  iFramesOnly: false,
};

test('a Media Playlist is printed tag by tag in the order players expect (RFC 8216bis 4.4)', () => {
  assert.equal(
    mediaPlaylistText(list),
    `#EXTM3U
#EXT-X-VERSION:9
#EXT-X-TARGETDURATION:4
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=24.00000,HOLD-BACK=12.00000,PART-HOLD-BACK=0.60300
#EXT-X-PART-INF:PART-TARGET=0.20100
#EXT-X-MEDIA-SEQUENCE:100
#EXT-X-DISCONTINUITY-SEQUENCE:2
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-MAP:URI="init-1.mp4"
#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:00.007Z
#EXT-X-BITRATE:900
#EXTINF:4.00000,
100.m4s
#EXT-X-GAP
#EXTINF:4.00000,
101.m4s
#EXT-X-DISCONTINUITY
#EXT-X-MAP:URI="init-2.mp4",BYTERANGE="700@0"
#EXT-X-KEY:METHOD=AES-128,URI="k%221",IV=0x0a
#EXT-X-PART:DURATION=0.20000,URI="102.0.m4s",INDEPENDENT=YES
#EXT-X-PART:DURATION=0.20000,URI="102.1.m4s",BYTERANGE="2@1",GAP=YES
#EXT-X-BYTERANGE:6@5
#EXTINF:3.99956,news
102.m4s
#EXT-X-KEY:METHOD=NONE
#EXT-X-PART:DURATION=0.20000,URI="103.0.m4s",INDEPENDENT=YES
#EXT-X-PRELOAD-HINT:TYPE=PART,URI="103.1.m4s"
#EXT-X-RENDITION-REPORT:URI="../a0/g1.m3u8",LAST-MSN=103,LAST-PART=0
`,
  );
});

test('a Media Playlist read again prints the same bytes', () => {
  const variants: MediaPlaylist[] = [
    list,
    { ...list, skippedSegments: 20, start: { timeOffsetS: -12.5, precise: true } },
    { ...list, segments: list.segments.slice(0, 2), endList: true, playlistType: 'VOD', iFramesOnly: true },
    { ...list, preloadHint: { type: 'MAP', uri: 'i', byteRangeStart: 3, byteRangeLength: 4 }, segments: [] },
  ];
  for (const variant of variants) {
    const text = mediaPlaylistText(variant);
    const { kind, playlist } = parsePlaylist(text);
    assert.equal(kind, 'media');
    assert.equal(mediaPlaylistText(playlist as MediaPlaylist), text);
  }
  const again = parsePlaylist(mediaPlaylistText(variants[2]!)).playlist;
  assert.deepEqual(again, {
    ...variants[2],
    segments: [list.segments[0], list.segments[1]],
  });
});

test('a list says what its tags ask for: version 8 for a GAP (RFC 8216bis 8), and 0 as its discontinuity sequence (4.4.3.3)', () => {
  const head = (segments: MediaPlaylist['segments']) =>
    mediaPlaylistText({ ...list, version: 6, discontinuitySequence: 0, segments })
      .split('\n')
      .filter((line) => /VERSION|DISCONTINUITY-SEQUENCE/.test(line));
  const plain = segment(100);
  assert.deepEqual(head([plain]), ['#EXT-X-VERSION:6']);
  assert.deepEqual(head([plain, { ...plain, gap: true }]), ['#EXT-X-VERSION:8']);
  assert.deepEqual(head([plain, { ...plain, discontinuity: true }]), [
    '#EXT-X-VERSION:6',
    '#EXT-X-DISCONTINUITY-SEQUENCE:0',
  ]);
});

test('the first segment after a skipped section names its Media Initialization Section (RFC 8216bis 4.4.5.2)', () => {
  const text = mediaPlaylistText({ ...list, skippedSegments: 2, segments: list.segments.slice(1) });
  assert.match(text, /#EXT-X-SKIP:SKIPPED-SEGMENTS=2\n#EXT-X-MAP:URI="init-1.mp4"\n/);
});

test('nothing in a URI, a title or a name can add a line or end a quote', () => {
  const text = mediaPlaylistText({
    ...list,
    segments: [segment(1, { uri: '#EXT-X-ENDLIST\nx', title: 'a\r\n#EXT-X-ENDLIST', map: { uri: 'a"\nb' } })],
    preloadHint: { type: 'PART', uri: 'p",X="' },
  });
  assert.doesNotMatch(text, /^#EXT-X-ENDLIST/m);
  assert.match(text, /URI="a%22%0Ab"/);
  assert.match(text, /URI="p%22,X=%22"/);
});

test('a Multivariant Playlist read again prints the same bytes', () => {
  const master: MultivariantPlaylist = {
    version: 9,
    independentSegments: true,
    renditions: [
      {
        type: 'AUDIO',
        groupId: 'aud',
        name: 'say "hi"',
        language: 'en',
        assocLanguage: 'en-GB',
        default: true,
        autoselect: true,
        forced: true,
        uri: 'a0/g1.m3u8',
        instreamId: 'CC1',
        characteristics: 'public.x',
        channels: '2',
        stableRenditionId: 's',
      },
    ],
    variants: [
      {
        uri: 'v0/g1.m3u8',
        bandwidth: 2500000.2,
        averageBandwidth: 2000000,
        score: 1.5,
        codecs: 'avc1.64001f,mp4a.40.2',
        supplementalCodecs: 'dvh1.08.07/db4h',
        resolution: { width: 1280, height: 720 },
        frameRate: 29.97,
        hdcpLevel: 'NONE',
        videoRange: 'SDR',
        stableVariantId: 'x',
        audio: 'aud',
        video: 'vid',
        subtitles: 'sub',
        closedCaptions: 'cc',
        pathwayId: 'p',
        name: '720p',
      },
      { uri: 'v1/g1.m3u8', bandwidth: 1, closedCaptions: 'NONE' },
    ],
    iFrameVariants: [{ uri: 'i.m3u8', bandwidth: 10, codecs: 'avc1.64001f' }],
    sessionData: [
      { dataId: 'com.example.title', value: 'a', language: 'en' },
      { dataId: 'b', uri: 'b.json' },
    ],
    sessionKeys: [{ method: 'SAMPLE-AES', uri: 'skd://k', keyFormat: 'f', keyFormatVersions: '1' }],
    start: { timeOffsetS: -6, precise: false },
  };
  const text = printMultivariantPlaylist(master);
  const { kind, playlist } = parsePlaylist(text);
  assert.equal(kind, 'multivariant');
  assert.equal(printMultivariantPlaylist(playlist as MultivariantPlaylist), text);
  assert.match(text, /BANDWIDTH=2500001,/);
  assert.match(text, /FRAME-RATE=29.970/);
  assert.match(text, /DEFAULT=YES,AUTOSELECT=YES,FORCED=YES/);
});

test('a numbered URI is its folder, its number and its ending, whatever came before it', () => {
  const numbers = [8, 9, 10, 11, 99, 100, 101, 999_999_999, 1_000_000_000, 5, 6, 0, 2 ** 53 - 1];
  const segments = numbers.map((number, i) => ({
    uri: { folder: i < 6 ? '../av0/' : '../ü/', number, ending: i === 3 ? '.ts' : '.m4s' },
    durationS: 2,
    discontinuity: false,
    gap: false,
    parts: [],
  }));
  const text = mediaPlaylistText({
    version: 6,
    targetDurationS: () => 2,
    mediaSequence: 0,
    discontinuitySequence: 0,
    independentSegments: false,
    endList: true,
    segments,
    renditionReports: [],
    iFramesOnly: false,
  });
  assert.deepEqual(
    text.split('\n').filter((line) => line.startsWith('../')),
    segments.map(({ uri }) => `${uri.folder}${uri.number}${uri.ending}`),
  );
});

function keyLines(segments: readonly PlaylistSegment[], skippedSegments?: number): string[] {
  const printed = mediaPlaylistText({ ...list, segments, ...(skippedSegments !== undefined && { skippedSegments }) });
  return printed.split('\n').filter((line) => /^#EXT-X-(?:KEY|MAP)|^\d/.test(line));
}

test('a clear section is named while no key is in force, an encrypted one after its key', () => {
  const key = { method: 'AES-128', uri: 'k1', iv: '0a' };
  const clear = [
    segment(1, { key }),
    segment(2, { key }),
    segment(3, { key, map: { uri: 'init-2.mp4' } }),
    segment(4, { key: { method: 'AES-128', uri: 'k2' }, map: { uri: 'init-2.mp4' } }),
    segment(5, { map: { uri: 'init-2.mp4' } }),
  ];
  assert.deepEqual(keyLines(clear), [
    '#EXT-X-MAP:URI="init-1.mp4"',
    '#EXT-X-KEY:METHOD=AES-128,URI="k1",IV=0x0a',
    '1.m4s',
    '2.m4s',
    '#EXT-X-KEY:METHOD=NONE',
    '#EXT-X-MAP:URI="init-2.mp4"',
    '#EXT-X-KEY:METHOD=AES-128,URI="k1",IV=0x0a',
    '3.m4s',
    '#EXT-X-KEY:METHOD=AES-128,URI="k2"',
    '4.m4s',
    '#EXT-X-KEY:METHOD=NONE',
    '5.m4s',
  ]);
  assert.deepEqual(keyLines([segment(1, { key, map: { uri: 'init-1.mp4', key } })]), [
    '#EXT-X-KEY:METHOD=AES-128,URI="k1",IV=0x0a',
    '#EXT-X-MAP:URI="init-1.mp4"',
    '1.m4s',
  ]);
});

test('after a skipped section nothing is assumed about the keys before it', () => {
  const key = { method: 'AES-128', uri: 'k1' };
  assert.deepEqual(keyLines([segment(9, { key })], 5), [
    '#EXT-X-KEY:METHOD=NONE',
    '#EXT-X-MAP:URI="init-1.mp4"',
    '#EXT-X-KEY:METHOD=AES-128,URI="k1"',
    '9.m4s',
  ]);
  assert.deepEqual(keyLines([segment(9)], 5), ['#EXT-X-MAP:URI="init-1.mp4"', '9.m4s']);
});

test('a segment has a tag for each key format, written again when one of them changes', () => {
  const identity = { method: 'SAMPLE-AES', uri: 'k1' };
  const other = { method: 'SAMPLE-AES', uri: 'data:,1', keyFormat: 'urn:x', keyFormatVersions: '1' };
  const map = { uri: 'init-1.mp4', key: identity };
  const segments = [
    segment(1, { keys: [identity, other], map }),
    segment(2, { keys: [{ ...identity }, { ...other }], map }),
    segment(3, { keys: [identity, { ...other, uri: 'data:,2' }], map }),
  ];
  assert.deepEqual(keyLines(segments), [
    '#EXT-X-KEY:METHOD=SAMPLE-AES,URI="k1"',
    '#EXT-X-KEY:METHOD=SAMPLE-AES,URI="data:,1",KEYFORMAT="urn:x",KEYFORMATVERSIONS="1"',
    '#EXT-X-MAP:URI="init-1.mp4"',
    '1.m4s',
    '2.m4s',
    '#EXT-X-KEY:METHOD=SAMPLE-AES,URI="k1"',
    '#EXT-X-KEY:METHOD=SAMPLE-AES,URI="data:,2",KEYFORMAT="urn:x",KEYFORMATVERSIONS="1"',
    '3.m4s',
  ]);
});
