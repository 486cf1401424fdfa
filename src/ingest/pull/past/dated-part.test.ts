import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsePlaylist } from '@oxbow/media/m3u8/parse';
import type { MediaPlaylist } from '@oxbow/media/m3u8/playlist';
import { datedPart } from './dated-part.ts';

const START_MS = Date.UTC(2026, 10, 30, 12);

/** Ten segments of two seconds; one of them is listed as missing. */
function list({ dates = true, gap = -1, broken = -1 } = {}): MediaPlaylist {
  const lines = ['#EXTM3U', '#EXT-X-VERSION:6', '#EXT-X-TARGETDURATION:2', '#EXT-X-MEDIA-SEQUENCE:50'];
  if (dates) lines.push(`#EXT-X-PROGRAM-DATE-TIME:${new Date(START_MS).toISOString()}`);
  for (let i = 0; i < 10; i++) {
    if (i === broken) lines.push('#EXT-X-DISCONTINUITY');
    if (i === gap) lines.push('#EXT-X-GAP');
    lines.push('#EXTINF:2,', `${i}.ts`);
  }
  return parsePlaylist(lines.join('\n')).playlist as MediaPlaylist;
}

const at = (fromS: number, toS: number) => ({ fromMs: START_MS + fromS * 1000, toMs: START_MS + toS * 1000 });
const urisOf = ({ segments }: MediaPlaylist) => segments.map(({ uri }) => uri);

test('the segments that overlap a stretch are a playlist that has ended, each with its date', () => {
  const { playlist, reach } = datedPart(list(), at(5, 9));
  assert.deepEqual(urisOf(playlist), ['2.ts', '3.ts', '4.ts']);
  assert.ok(playlist.endList);
  assert.equal(playlist.mediaSequence, 52);
  assert.deepEqual(
    playlist.segments.map(({ programDateTimeMs }) => programDateTimeMs! - START_MS),
    [4000, 6000, 8000],
  );
  assert.deepEqual(reach, at(0, 20));
});

test('what a playlist does not reach has no segment, and its reach says why', () => {
  for (const range of [at(-10, -5), at(25, 30), at(20, 21)]) {
    const { playlist, reach } = datedPart(list(), range);
    assert.deepEqual([urisOf(playlist), reach], [[], at(0, 20)]);
  }
});

test('without dates nothing is known, also after a discontinuity', () => {
  assert.equal(datedPart(list({ dates: false }), at(0, 20)).reach, undefined);
  assert.deepEqual(urisOf(datedPart(list({ broken: 3 }), at(0, 20)).playlist), ['0.ts', '1.ts', '2.ts']);
});

test('a segment that is listed as missing is left out, counted, and followed by a discontinuity', () => {
  const { playlist, gaps } = datedPart(list({ gap: 3 }), at(5, 9));
  assert.deepEqual(urisOf(playlist), ['2.ts', '4.ts']);
  assert.deepEqual([gaps, playlist.segments[1]!.discontinuity], [1, true]);
});

test('an encrypted segment keeps the IV of its number, where one before it is left out (RFC 8216bis 5.2)', () => {
  const text = [
    ...['#EXTM3U', '#EXT-X-VERSION:6', '#EXT-X-TARGETDURATION:2', '#EXT-X-MEDIA-SEQUENCE:30'],
    ...['#EXT-X-KEY:METHOD=AES-128,URI="k"', `#EXT-X-PROGRAM-DATE-TIME:${new Date(START_MS).toISOString()}`],
    ...['#EXTINF:2,', '0.ts', '#EXT-X-GAP', '#EXTINF:2,', '1.ts', '#EXTINF:2,', '2.ts'],
    ...['#EXT-X-KEY:METHOD=AES-128,URI="k",IV=0xAB', '#EXTINF:2,', '3.ts'],
  ].join('\n');
  const { playlist } = datedPart(parsePlaylist(text).playlist as MediaPlaylist, at(0, 8));
  assert.deepEqual(
    playlist.segments.map(({ uri, key }) => [uri, key?.iv?.toLowerCase()]),
    [
      ['0.ts', '1e'],
      ['2.ts', '20'],
      ['3.ts', 'ab'],
    ],
  );
});
