import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsePlaylist } from '@oxbow/media/m3u8/parse';
import type { MultivariantPlaylist } from '@oxbow/media/m3u8/playlist';
import { parseQuality } from '../../../lib/quality.ts';
import { describeForeign, detectContainer } from '../segment/container.ts';
import { chooseVariant, furtherVariants } from './variant.ts';

const choose = (...lines: string[]) => chooseAt('best', ...lines);
const chooseAt = (quality: string, ...lines: string[]) =>
  chooseVariant(parsePlaylist(`#EXTM3U\n${lines.join('\n')}`).playlist as MultivariantPlaylist, parseQuality(quality));
const inf = (bandwidth: number, height: number, more = '') =>
  `#EXT-X-STREAM-INF:BANDWIDTH=${bandwidth}${height ? `,RESOLUTION=${Math.round((height * 16) / 9)}x${height}` : ''}${more}\n${height || 'x'}-${bandwidth}`;

test('the variant with the highest bandwidth of those in supported codecs is chosen', () => {
  const { variant } = choose(
    '#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS="avc1.4d401f,mp4a.40.2"\na',
    '#EXT-X-STREAM-INF:BANDWIDTH=5,CODECS="hvc1.1.6.L93.B0, mp4a.40.5"\nb',
    '#EXT-X-STREAM-INF:BANDWIDTH=9,CODECS="avc1.64001f,dtsc"\nc',
    '#EXT-X-STREAM-INF:BANDWIDTH=9,CODECS="dvh1.05.01"\nd',
    '#EXT-X-STREAM-INF:BANDWIDTH=9,CODECS="mp4a.40.2"\ne',
  );
  assert.equal(variant.uri, 'b');
});

test('without CODECS the bandwidth decides; video with unsupported audio is better than no video', () => {
  assert.equal(choose('#EXT-X-STREAM-INF:BANDWIDTH=1\na', '#EXT-X-STREAM-INF:BANDWIDTH=2\nb').variant.uri, 'b');
  assert.equal(choose('#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS="avc1.64001f,dtsc"\na').variant.uri, 'a');
});

test('unsupported codecs are refused by name', () => {
  assert.throws(() => choose('#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS="dvh1.05.01,mp4a.40.2"\na'), {
    code: 'unsupported-media',
    message: /dvh1/,
  });
});

test('unsupported video and renditions beyond eight are listed as left out', () => {
  const { leftOut, variant } = choose(
    '#EXT-X-STREAM-INF:BANDWIDTH=9,RESOLUTION=640x360,CODECS="mp4v.61,mp4a.40.2"\na',
    '#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS="mp4a.40.2"\nb',
  );
  assert.deepEqual([variant.uri, leftOut], ['b', [{ kind: 'video', name: 'MPEG-2 video' }]]);
  const audios = Array.from({ length: 10 }, (_, i) => `#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="g",NAME="L${i}",URI="a${i}"`);
  const many = choose(...audios, '#EXT-X-STREAM-INF:BANDWIDTH=9,AUDIO="g",CODECS="avc1.64001f,mp4a.40.2"\nv');
  assert.deepEqual(
    many.leftOut.map(({ name }) => name),
    ['the audio rendition L8', 'the audio rendition L9'],
  );
  assert.deepEqual(choose('#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS="avc1.64001f"\na').leftOut, []);
});

test('MPEG-2 video is taken where it is converted, and no other video is usable', () => {
  const mpeg2 = '#EXT-X-STREAM-INF:BANDWIDTH=9,RESOLUTION=640x360,CODECS="mp4v.61,mp4a.40.2"\na';
  const sound = '#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS="mp4a.40.2"\nb';
  const other = '#EXT-X-STREAM-INF:BANDWIDTH=2,RESOLUTION=320x180,CODECS="avc1.64001f"\nc';
  for (const [lines, uri] of [
    [[mpeg2, sound], 'a'],
    [[mpeg2, sound, other], 'c'],
    [[mpeg2, '#EXT-X-STREAM-INF:BANDWIDTH=2,RESOLUTION=320x180\nd'], 'd'],
  ] as const) {
    const list = parsePlaylist(`#EXTM3U\n${lines.join('\n')}`).playlist as MultivariantPlaylist;
    const choice = chooseVariant(list, { kind: 'best' }, { mpeg2: true });
    assert.deepEqual([choice.variant.uri, choice.leftOut], [uri, []]);
    assert.deepEqual(furtherVariants(list, choice.variant, 'all'), []);
  }
});

test('the best quality at or below the requested one is chosen, otherwise the lowest above', () => {
  const ladder = [inf(900_000, 360), inf(2_000_000, 720), inf(3_000_000, 720), inf(5_000_000, 1080)];
  for (const [quality, uri] of [
    ['best', '1080-5000000'],
    ['worst', '360-900000'],
    ['720p', '720-3000000'],
    ['1079p', '720-3000000'],
    ['240p', '360-900000'],
    ['4320p', '1080-5000000'],
    ['2M', '720-2000000'],
    ['2900k', '720-2000000'],
    ['100k', '360-900000'],
  ] as const) {
    assert.equal(chooseAt(quality, ...ladder).variant.uri, uri, quality);
  }
});

test('the height counts before the bandwidth if all heights are known, and the frame rate if one is requested', () => {
  const ladder = [inf(9, 720, ',FRAME-RATE=60'), inf(4, 720, ',FRAME-RATE=30'), inf(8, 1080, ',FRAME-RATE=30')];
  assert.equal(choose(...ladder).variant.uri, '1080-8');
  assert.equal(chooseAt('720p', ...ladder).variant.uri, '720-9');
  assert.equal(chooseAt('720p30', ...ladder).variant.uri, '720-4');
  assert.equal(chooseAt('720p60', ...ladder).variant.uri, '720-9');
  assert.equal(chooseAt('720p', inf(1, 0, ',NAME="480p"'), inf(2, 0, ',NAME="1080p"')).variant.uri, 'x-1');
});

test('each quality has a name that selects it', () => {
  const ladder = [
    inf(900_000, 360),
    inf(2_000_123, 720, ',FRAME-RATE=25'),
    inf(3_000_000, 720, ',FRAME-RATE=25'),
    inf(5_000_000, 1080, ',FRAME-RATE=50,CODECS="avc1.64002a,mp4a.40.2"'),
  ];
  const plain = chooseAt('worst', ...ladder.slice(0, 3));
  assert.deepEqual(
    plain.qualities.map(({ name }) => name),
    ['720p', '2001k', '360p'],
  );
  assert.equal(plain.chosen, '360p');
  for (const { name, bandwidth } of plain.qualities) {
    const again = chooseAt(name, ...ladder.slice(0, 3));
    assert.equal(again.variant.bandwidth, bandwidth);
    assert.equal(again.chosen, name);
  }
  // Variants in supported codecs are preferred to those without CODECS.
  const { qualities } = choose(...ladder);
  assert.deepEqual(qualities, [
    {
      name: '1080p50',
      width: 1920,
      height: 1080,
      frameRate: 50,
      bandwidth: 5_000_000,
      codecs: 'avc1.64002a,mp4a.40.2',
    },
  ]);
});

test('a Variant Stream with audio alone is chosen if there is no other', () => {
  const audio = '#EXT-X-STREAM-INF:BANDWIDTH=9,CODECS="mp4a.40.2"\naudio';
  assert.equal(choose(audio, inf(1, 360, ',CODECS="avc1.64001f,mp4a.40.2"')).variant.uri, '360-1');
  assert.equal(chooseAt('worst', audio, '#EXT-X-STREAM-INF:BANDWIDTH=4,CODECS="mp4a.40.34"\nmp3').variant.uri, 'mp3');
});

test('all audio Renditions with playlists in the variant’s group are chosen, the default one first', () => {
  const media = (group: string, name: string, more: string) =>
    `#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="${group}",NAME="${name}"${more}`;
  const inf = '#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO="a"\nv';
  const uris = (...lines: string[]) => choose(...lines, inf).audios.map(({ uri }) => uri);
  assert.deepEqual(
    uris(
      media('b', 'other', ',DEFAULT=YES,URI="0"'),
      media('a', 'es', ',URI="1"'),
      media('a', 'en', ',DEFAULT=YES,URI="2"'),
    ),
    ['2', '1'],
  );
  assert.deepEqual(uris(media('a', 'es', ',URI="1"'), media('a', 'en', ',AUTOSELECT=YES,URI="2"')), ['2', '1']);
  const inBand = choose(media('a', 'en', ',DEFAULT=YES'), media('a', 'es', ',URI="1"'), inf);
  assert.equal(inBand.inBand?.name, 'en');
  assert.deepEqual(
    inBand.audios.map(({ name }) => name),
    ['es'],
  );
  const many = Array.from({ length: 20 }, (_, i) => media('a', `${i}`, `,URI="${i}"`));
  assert.equal(uris(...many).length, 8);
  assert.deepEqual(uris(media('a', 'en', ',URI="1"'), media('a', 'the same', ',URI="1"')), ['1']);
});

test('containers are detected by their first bytes', () => {
  const packets = new Uint8Array(188 * 3);
  for (const at of [0, 188, 376]) packets[at] = 0x47;
  assert.equal(detectContainer(packets), 'mpegts');
  assert.equal(detectContainer(packets.subarray(0, 188)), 'mpegts');
  assert.equal(detectContainer(Uint8Array.from({ length: 600 }, () => 0x47 - 1).fill(0x47, 0, 1)), undefined);
  for (const type of ['ftyp', 'styp', 'moof']) assert.equal(detectContainer(Buffer.from(`\0\0\0\x08${type}`)), 'fmp4');
  assert.equal(detectContainer(new Uint8Array()), undefined);
  assert.equal(detectContainer(Buffer.from('ID3\x04')), 'packed-audio');
  for (const [text, wanted] of [
    ['WEBVTT', /WebVTT/],
    ['<htm', /web page/],
    ['', /empty/],
    ['????', /neither/],
  ] as const) {
    assert.match(describeForeign(Buffer.from(text, 'latin1')), wanted);
  }
});

test('closed captions of the chosen variant are taken over with their names; NONE is none, and silence is unknown', () => {
  const cc = (id: string, more: string) =>
    `#EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID="cc",NAME="${id}",INSTREAM-ID="${id}"${more}`;
  const media = [
    cc('SERVICE2', ''),
    cc('CC1', ',LANGUAGE="en"'),
    cc('XDS', ''),
    cc('CC3', '').replace('"cc"', '"other"'),
  ];
  assert.deepEqual(choose(...media, inf(9, 360, ',CLOSED-CAPTIONS="cc"')).captions, [
    { service: 'CC1', language: 'en', name: 'CC1' },
    { service: 'SERVICE2', language: 'und', name: 'SERVICE2' },
  ]);
  assert.deepEqual(choose(...media, inf(9, 360, ',CLOSED-CAPTIONS=NONE')).captions, []);
  assert.equal(choose(...media, inf(9, 360)).captions, undefined);
});
